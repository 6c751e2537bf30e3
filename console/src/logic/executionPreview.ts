// What an execution of a runbook would do, before it is started: its steps by what they do to things.

import type { AutomationExecutionPreview, ImpactType } from "@aws-sdk/client-ssm";

interface Impact {
  readonly type: ImpactType;
  readonly label: string;
  readonly what: string;
}

const IMPACTS: readonly Impact[] = [
  { type: "Mutating", label: "Change something", what: "they create, change or delete" },
  {
    type: "Undetermined",
    label: "Cannot be told",
    what: "they run commands, scripts, other runbooks or what is elsewhere, which may change anything",
  },
  { type: "NonMutating", label: "Change nothing", what: "they read, wait, ask or decide" },
];

/** Steps by their impact, those first of which most may come; kinds that no step is of are left out. */
export function stepsByImpact(preview: AutomationExecutionPreview): (Impact & { readonly count: number })[] {
  const counts = preview.StepPreviews ?? {};
  return IMPACTS.map((impact) => ({ ...impact, count: counts[impact.type] ?? 0 })).filter(({ count }) => count > 0);
}

/** How many things of which type it would be started for. */
export function targetsWords({ TargetPreviews: targets = [] }: AutomationExecutionPreview): string {
  const texts = targets.map(
    ({ Count = 0, TargetType }) => `${Count.toLocaleString("en")} of ${TargetType ?? "any type"}`,
  );
  return texts.join(", ") || "none: it runs once, with its parameters alone";
}
