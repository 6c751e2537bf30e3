// The days of a trend: all of them, so that a short history does not look like a long one.

const DAY_MS = 86_400_000;

/** The last `count` days until the one of `now`, in UTC as the server keeps them: `2026-01-31`. */
export function lastDays(count: number, now: Date): string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(now.getTime() - (count - 1 - index) * DAY_MS).toISOString().slice(0, 10),
  );
}
