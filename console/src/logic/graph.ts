// The steps of an execution as a graph: where each stands, and the lines between them.

export interface GraphStep {
  readonly name: string;
  readonly status: string | undefined;
  readonly action: string | undefined;
  /** Where it goes; several where it is a branch. */
  readonly next: readonly string[];
  readonly isEnd: boolean;
}

export interface PlacedStep extends GraphStep {
  readonly row: number;
  /** From the left, among the steps of its row. */
  readonly column: number;
}

export interface Edge {
  readonly from: number;
  readonly to: number;
}

export interface Graph {
  readonly steps: readonly PlacedStep[];
  readonly edges: readonly Edge[];
  readonly rows: number;
  readonly columns: number;
}

/**
 * A line goes to what each step names, or to the next. A step stands below all that lead to it, so that the branches of one
 * stand side by side; lines back to earlier steps move nothing.
 */
export function graphOf(steps: readonly GraphStep[]): Graph {
  const places = new Map(steps.map((step, index) => [step.name, index]));
  const edges = steps.flatMap((step, from): Edge[] => {
    if (step.next.length > 0)
      return [...new Set(step.next)].flatMap((name) => {
        const to = places.get(name);
        return to === undefined ? [] : [{ from, to }];
      });
    return step.isEnd || from + 1 >= steps.length ? [] : [{ from, to: from + 1 }];
  });
  const rows: number[] = [];
  const taken: number[] = [];
  const placed = steps.map((step, index): PlacedStep => {
    const above = edges.filter((edge) => edge.to === index && edge.from < index).map((edge) => rows[edge.from] ?? 0);
    // What nothing leads to is not known to be beside anything.
    const row = above.length > 0 ? Math.max(...above) + 1 : taken.length;
    const column = taken[row] ?? 0;
    rows[index] = row;
    taken[row] = column + 1;
    return { ...step, row, column };
  });
  return { steps: placed, edges, rows: taken.length, columns: Math.max(1, ...taken) };
}

/** Where a runbook says that its steps may go: by branch, by what a step names, at the end nowhere. */
export function nextSteps(content: unknown): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const steps = member(content, "mainSteps");
  if (!Array.isArray(steps)) return found;
  for (const step of steps as readonly unknown[]) {
    const name = member(step, "name");
    if (typeof name !== "string") continue;
    const inputs = member(step, "inputs");
    const choices = member(inputs, "Choices");
    const named = [
      ...(Array.isArray(choices) ? choices.map((choice: unknown) => member(choice, "NextStep")) : []),
      member(inputs, "Default"),
      member(step, "nextStep"),
    ].filter((next): next is string => typeof next === "string");
    if (named.length > 0) found.set(name, named);
  }
  return found;
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
