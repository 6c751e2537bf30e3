// What a run changed on a node, and whether it can be taken back, in words.

import type { PackageChange, PatchExecution } from "../api/explain";

export function changeText({ Name: name, Arch: arch, FromVersion: from, ToVersion: to }: PackageChange): string {
  const what = `${name}.${arch}`;
  if (from === undefined) return `${what} ${to ?? ""} new`;
  return to === undefined ? `${what} ${from} removed` : `${what} ${from} → ${to}`;
}

const WORDS = { YES: "possible", PARTLY: "possible in part", NO: "not possible", UNKNOWN: "not known" };

export function undoText(run: PatchExecution): string {
  // What was taken back in part may be taken back still.
  if (run.UndoPossible === "NO" && (run.UndoneBy ?? []).length > 0) return "was taken back";
  const word = WORDS[run.UndoPossible ?? "UNKNOWN"];
  return run.UndoReason === undefined || run.UndoReason === "" ? word : `${word}: ${run.UndoReason}`;
}
