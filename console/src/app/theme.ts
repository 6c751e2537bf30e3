// Light or dark: as the system has it, until the reader chooses.

import { applyMode, Mode } from "@cloudscape-design/global-styles";

const KEY = "fettle.mode";

export function isDark(): boolean {
  const chosen = localStorage.getItem(KEY);
  if (chosen !== null) return chosen === "dark";
  return typeof window.matchMedia === "function" && window.matchMedia("(prefers-color-scheme: dark)").matches;
}

export function applyTheme(): void {
  applyMode(isDark() ? Mode.Dark : Mode.Light);
}

export function toggleTheme(): void {
  localStorage.setItem(KEY, isDark() ? "light" : "dark");
  applyTheme();
}
