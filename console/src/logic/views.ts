// Views that somebody has named: a name and an address of the console, kept in the browser.

import { useSyncExternalStore } from "react";

export interface SavedView {
  readonly name: string;
  /** What stands behind the `#`: filters and order included. */
  readonly address: string;
}

const KEY = "fettle.views";
const MOST = 50;

const listeners = new Set<() => void>();
let known: readonly SavedView[] | undefined;

/** Whatever else stands there is no view. */
export function viewsFrom(text: string | null): readonly SavedView[] {
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    if (typeof parsed !== "object" || parsed === null) return [];
    return Object.entries(parsed).flatMap(([name, address]) =>
      typeof address === "string" && address.startsWith("/") ? [{ name, address }] : [],
    );
  } catch {
    return [];
  }
}

export function savedViews(): readonly SavedView[] {
  known ??= viewsFrom(localStorage.getItem(KEY));
  return known;
}

function keep(views: readonly SavedView[]): void {
  known = views;
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(views.map(({ name, address }) => [name, address]))));
  for (const listener of listeners) listener();
}

/** In place of one of the same name. */
export function saveView(view: SavedView): void {
  keep([...savedViews().filter(({ name }) => name !== view.name), view]);
}

export function forgetView(name: string): void {
  keep(savedViews().filter((view) => view.name !== name));
}

export function viewProblem(name: string, views: readonly SavedView[]): string | undefined {
  const text = name.trim();
  if (text === "" || text.length > 64) return "1 to 64 characters";
  const isNew = views.every((view) => view.name !== text);
  return isNew && views.length >= MOST ? `at most ${MOST} views are kept` : undefined;
}

export function useSavedViews(): readonly SavedView[] {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, savedViews);
}
