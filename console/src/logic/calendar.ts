// The next occurrences of maintenance windows by day, in the viewer's zone.

export interface Occurrence {
  readonly id: string;
  readonly name: string;
  readonly at: Date;
}

export interface Day {
  readonly label: string;
  readonly occurrences: readonly Occurrence[];
}

/** Days that have occurrences, in order. The server answers times with the zone of the window. */
export function byDay(
  rows: readonly { WindowId?: string | undefined; Name?: string | undefined; ExecutionTime?: string | undefined }[],
): Day[] {
  const days = new Map<string, Occurrence[]>();
  const sorted = rows
    .flatMap(({ WindowId, Name, ExecutionTime }) => {
      const at = new Date(ExecutionTime ?? "");
      return Number.isNaN(at.getTime()) ? [] : [{ id: WindowId ?? "", name: Name ?? WindowId ?? "", at }];
    })
    .sort((one, other) => one.at.getTime() - other.at.getTime());
  for (const occurrence of sorted) {
    const label = occurrence.at.toLocaleDateString(undefined, {
      weekday: "short",
      day: "numeric",
      month: "short",
      year: "numeric",
    });
    days.set(label, [...(days.get(label) ?? []), occurrence]);
  }
  return [...days].map(([label, occurrences]) => ({ label, occurrences }));
}
