// What changed from one report of a node to another.

import type { NodeReport, ReportedPatch } from "../api/explain";

export interface PatchDifference {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface ReportDifference {
  readonly counts: readonly { readonly state: string; readonly before: number; readonly after: number }[];
  /** Missing or otherwise out of order before, and not any more. */
  readonly settled: readonly PatchDifference[];
  readonly arisen: readonly PatchDifference[];
  readonly changed: readonly PatchDifference[];
}

function open(report: NodeReport): Map<string, ReportedPatch> {
  const all = [...report.Missing, ...report.NonCompliant];
  return new Map(all.map((patch) => [`${patch.Name}${patch.Arch === undefined ? "" : `.${patch.Arch}`}`, patch]));
}

function text(patch: ReportedPatch): string {
  return `${patch.State ?? "Missing"} ${patch.FixVersion ?? patch.InstalledVersion ?? ""}`.trim();
}

export function reportDifference(before: NodeReport, after: NodeReport): ReportDifference {
  const states = [...new Set([...Object.keys(before.Counts), ...Object.keys(after.Counts)])].sort();
  const old = open(before);
  const now = open(after);
  const settled: PatchDifference[] = [];
  const arisen: PatchDifference[] = [];
  const changed: PatchDifference[] = [];
  for (const [name, patch] of old) {
    const other = now.get(name);
    if (other === undefined) settled.push({ name, before: text(patch), after: undefined });
    else if (text(other) !== text(patch)) changed.push({ name, before: text(patch), after: text(other) });
  }
  for (const [name, patch] of now) if (!old.has(name)) arisen.push({ name, before: undefined, after: text(patch) });
  return {
    counts: states
      .map((state) => ({ state, before: before.Counts[state] ?? 0, after: after.Counts[state] ?? 0 }))
      .filter((count) => count.before !== count.after),
    settled,
    arisen,
    changed,
  };
}
