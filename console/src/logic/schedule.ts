// Schedule expressions, as far as a form can check them; the server has the last word.

/** That of an association as it is shown. Its times are UTC; a rate has none. */
export function scheduleText(expression: string | undefined): string {
  if (expression === undefined || expression === "") return "once";
  return expression.startsWith("rate") ? expression : `${expression} UTC`;
}

const UNITS = /^(minutes?|hours?|days?)$/;

export function scheduleProblem(text: string, mayBeNone: boolean): string | undefined {
  if (text === "") return mayBeNone ? undefined : "name a schedule";
  const call = /^(rate|cron|at)\((.*)\)$/.exec(text.trim());
  const inside = call?.[2]?.trim() ?? "";
  switch (call?.[1]) {
    case "rate": {
      const [count, unit] = inside.split(/\s+/);
      if (!/^[1-9]\d*$/.test(count ?? "") || !UNITS.test(unit ?? "")) return "rate(12 hours), rate(1 day)";
      return (count === "1") === (unit ?? "").endsWith("s")
        ? "one is singular, more are plural: rate(1 day), rate(2 days)"
        : undefined;
    }
    case "cron": {
      const fields = inside.split(/\s+/).length;
      return fields === 6 || fields === 5
        ? undefined
        : "cron(minute hour day-of-month month day-of-week year): cron(0 2 ? * SUN *)";
    }
    case "at":
      return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/.test(inside) ? undefined : "at(2026-01-31T03:00:00)";
    default:
      return "rate(12 hours), cron(0 2 ? * SUN *) or at(2026-01-31T03:00:00)";
  }
}
