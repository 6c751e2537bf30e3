// The steps of an execution as a graph: where each stands, and the lines between them.

export interface GraphStep {
  readonly name: string;
  readonly status: string | undefined;
  readonly action: string | undefined;
  readonly next: string | undefined;
  readonly isEnd: boolean;
}

export interface PlacedStep extends GraphStep {
  readonly row: number;
}

export interface Edge {
  readonly from: number;
  readonly to: number;
}

export interface Graph {
  readonly steps: readonly PlacedStep[];
  readonly edges: readonly Edge[];
}

/** Steps stand below each other as the runbook names them; a line goes to what each step names, or to the next. */
export function graphOf(steps: readonly GraphStep[]): Graph {
  const rows = new Map(steps.map((step, row) => [step.name, row]));
  const edges = steps.flatMap((step, row) => {
    if (step.next !== undefined) {
      const to = rows.get(step.next);
      return to === undefined ? [] : [{ from: row, to }];
    }
    return step.isEnd || row + 1 >= steps.length ? [] : [{ from: row, to: row + 1 }];
  });
  return { steps: steps.map((step, row) => ({ ...step, row })), edges };
}
