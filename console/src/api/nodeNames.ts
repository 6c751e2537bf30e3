// The names of nodes that other operations answer by their ids alone: all that a page shows, in one call.

import { listNodeSummaries } from "./fleet";

/** As many values as a filter takes. */
const MOST = 50;

interface Wanted {
  readonly id: string;
  readonly found: (name: string) => void;
  readonly failed: (error: unknown) => void;
}

let wanted: Wanted[] = [];

async function ask(some: readonly Wanted[]): Promise<void> {
  try {
    const ids = [...new Set(some.map(({ id }) => id))];
    const output = await listNodeSummaries.run({
      Filters: [{ Key: "NodeId", Values: ids }],
      MaxResults: ids.length,
    });
    const names = new Map(output.Nodes.map((node) => [node.NodeId, node.Name ?? node.ComputerName]));
    // One that is gone has its id alone.
    for (const { id, found } of some) found(names.get(id) ?? id);
  } catch (error) {
    for (const { failed } of some) failed(error);
  }
}

/** Its name, else that of the computer, else its id. Those that are asked for at the same moment share a call. */
export function nodeName(id: string): Promise<string> {
  return new Promise((found, failed) => {
    wanted.push({ id, found, failed });
    if (wanted.length > 1) return;
    setTimeout(() => {
      const all = wanted;
      wanted = [];
      for (let from = 0; from < all.length; from += MOST) void ask(all.slice(from, from + MOST));
    });
  });
}
