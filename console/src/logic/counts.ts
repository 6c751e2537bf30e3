// How many there are in each state, in words.

import { wordOf } from "./status";

interface Errors {
  readonly ErrorCount?: number | undefined;
  readonly DeliveryTimedOutCount?: number | undefined;
}

/** Those that there are none of are left out. */
export function countsText(of: Readonly<Record<string, number>>): string {
  const known = Object.entries(of).filter(([, count]) => count > 0);
  return known.map(([state, count]) => `${wordOf(state)}: ${count.toLocaleString()}`).join(" · ");
}

/** Of a command: nodes that never took it are counted apart. */
export function errorsText({ ErrorCount: errors = 0, DeliveryTimedOutCount: late = 0 }: Errors): string {
  return late === 0 ? errors.toLocaleString() : `${errors.toLocaleString()}, ${late.toLocaleString()} not delivered`;
}

/** `{Success=3, Failed=1}`, as the runs of associations have it. */
export function countsOf(text: string | undefined): Record<string, number> {
  return Object.fromEntries(
    [...(text ?? "").matchAll(/(\w+)=(\d+)/g)].map(([, state, count]) => [state ?? "", Number(count)] as const),
  );
}

/** `1 node`, `3 nodes`. */
export function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count.toLocaleString()} ${noun}s`;
}
