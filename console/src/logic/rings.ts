// The rings of a staged rollout as a form: what it holds, what is wrong with it, and the plan that it makes.

import type { RolloutGates, RolloutPlan, RolloutRing } from "../api/rollouts";
import { planFrom } from "./rollout";
import { fromTargets, limitProblem, NO_TARGETS, targetsProblem, toTargets } from "./targets";
import type { TargetsForm } from "./targets";

export type RingNodes = "percent" | "targets" | "rest";

/** Numbers as they are typed; empty is what the server takes by itself. */
export interface RingForm {
  readonly name: string;
  readonly by: RingNodes;
  readonly percent: string;
  /** Nothing: targets of a kind that the form does not know, which stay as they are. */
  readonly targets: TargetsForm | undefined;
  readonly keptTargets: NonNullable<RolloutRing["Targets"]>;
  readonly concurrency: string;
  readonly waitHours: string;
  readonly soakMinutes: string;
  readonly maxFailures: string;
  readonly maxFailurePercent: string;
  readonly confidence: string;
  readonly nodesBack: boolean;
  readonly probe: string;
  readonly probeFailures: string;
  /** What else the plan says of the probe: its parameters, its version. */
  readonly keptProbe: object;
  readonly maxFailedUnits: string;
  readonly approval: boolean;
}

export interface PlanForm {
  readonly rings: readonly RingForm[];
  readonly budgets: readonly { readonly tagKey: string; readonly limit: string }[];
  readonly onGateFailed: "Pause" | "Stop";
  readonly endsAfterHours: string;
  /** JSON that is being typed and is no plan yet. */
  readonly draft?: string;
}

export const NEW_RING: RingForm = {
  name: "",
  by: "percent",
  percent: "",
  targets: NO_TARGETS,
  keptTargets: [],
  concurrency: "",
  waitHours: "",
  soakMinutes: "",
  maxFailures: "",
  maxFailurePercent: "",
  confidence: "",
  nodesBack: false,
  probe: "",
  probeFailures: "",
  keptProbe: {},
  maxFailedUnits: "",
  approval: false,
};

const MOST_RINGS = 20;
const MOST_BUDGETS = 5;

interface Range {
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

const RANGES = {
  percent: { from: 1, to: 100, what: "a share from 1 to 100" },
  waitHours: { from: 1, to: 720, what: "hours from 1 to 720" },
  soakMinutes: { from: 0, to: 43_200, what: "minutes from 0 to 43,200" },
  maxFailures: { from: 0, to: 1_000_000, what: "a number of nodes" },
  maxFailurePercent: { from: 1, to: 99, what: "a rate from 1 to 99" },
  confidence: { from: 50, to: 99, what: "a share from 50 to 99" },
  probeFailures: { from: 0, to: 1_000_000, what: "a number of nodes" },
  maxFailedUnits: { from: 0, to: 1_000_000, what: "a number of units" },
} as const satisfies Record<string, Range>;

function numberProblem(text: string, range: Range): string | undefined {
  if (text.trim() === "") return undefined;
  const number = Number(text);
  const isWhole = /^\d+$/.test(text.trim());
  return isWhole && number >= range.from && number <= range.to ? undefined : `${range.what}, whole`;
}

/** By place: `rings.0.percent`, `budgets.1.limit`, `draft`. */
export function planProblems(form: PlanForm): Record<string, string> {
  const found: Record<string, string> = {};
  const put = (place: string, problem: string | undefined): void => {
    if (problem !== undefined && found[place] === undefined) found[place] = problem;
  };
  if (form.draft !== undefined) {
    put("draft", draftProblem(form.draft));
    return found;
  }
  if (form.rings.length > MOST_RINGS) put("rings", `at most ${MOST_RINGS} rings`);
  const last = form.rings.length - 1;
  form.rings.forEach((ring, index) => {
    const at = (place: string): string => `rings.${index}.${place}`;
    if (!/^[a-zA-Z0-9_\-.]{1,64}$/.test(ring.name))
      put(at("name"), "1 to 64 letters, digits, dots, hyphens or underscores");
    if (form.rings.findIndex((other) => other.name === ring.name) < index)
      put(at("name"), "another ring has this name");
    if (ring.by === "percent" && ring.percent.trim() === "") put(at("percent"), RANGES.percent.what);
    if (ring.by === "percent") put(at("percent"), numberProblem(ring.percent, RANGES.percent));
    if (ring.by === "targets" && ring.targets !== undefined) put(at("targets"), targetsProblem(ring.targets));
    if (ring.by === "rest" && index < last) put(at("by"), "only the last ring may take the rest");
    put(at("concurrency"), limitProblem(ring.concurrency, false));
    for (const field of [
      "waitHours",
      "soakMinutes",
      "maxFailures",
      "maxFailurePercent",
      "confidence",
      "probeFailures",
      "maxFailedUnits",
    ] as const)
      put(at(field), numberProblem(ring[field], RANGES[field]));
    if (ring.confidence !== "" && ring.maxFailurePercent === "")
      put(at("confidence"), "it is about a failure rate: give one");
    if (ring.probe !== "" && !/^[a-zA-Z0-9_\-.:/]{3,512}$/.test(ring.probe))
      put(at("probe"), "the name of a Command document");
    if (ring.probe === "" && ring.probeFailures !== "") put(at("probe"), "name a document");
    if (ring.approval && index === last) put(at("approval"), "there is no next ring to approve");
  });
  const shares = form.rings.map((ring) => (ring.by === "percent" ? Number(ring.percent) || 0 : 0));
  const sum = shares.reduce((all, share) => all + share, 0);
  if (sum > 100) put(`rings.${shares.findLastIndex((share) => share > 0)}.percent`, `all shares together are ${sum}%`);
  if (form.budgets.length > MOST_BUDGETS) put("budgets", `at most ${MOST_BUDGETS} budgets`);
  form.budgets.forEach(({ tagKey, limit }, index) => {
    if (tagKey.trim() === "" || tagKey.length > 128) put(`budgets.${index}.tagKey`, "the key of a tag");
    if (form.budgets.findIndex((other) => other.tagKey.trim() === tagKey.trim()) < index)
      put(`budgets.${index}.tagKey`, "this tag has a budget already");
    put(`budgets.${index}.limit`, limit === "" ? "a number of nodes or a share" : limitProblem(limit, false));
  });
  put("endsAfterHours", numberProblem(form.endsAfterHours, RANGES.waitHours));
  return found;
}

function draftProblem(text: string): string {
  try {
    planFrom(text);
    return "this is no plan yet";
  } catch (error) {
    return error instanceof Error ? error.message : "this is no JSON";
  }
}

/** A member with this number, where one is typed. */
function numbered<N extends string>(name: N, text: string): Partial<Record<N, number>> {
  const number = Number(text);
  return text.trim() === "" || Number.isNaN(number) ? {} : ({ [name]: number } as Record<N, number>);
}

function toGates(ring: RingForm): RolloutGates {
  return {
    ...numbered("MaxFailures", ring.maxFailures),
    ...numbered("MaxFailurePercent", ring.maxFailurePercent),
    ...numbered("ConfidencePercent", ring.confidence),
    ...(ring.nodesBack ? { NodesBack: true } : {}),
    ...(ring.probe === ""
      ? {}
      : { Probe: { ...ring.keptProbe, DocumentName: ring.probe, ...numbered("MaxFailures", ring.probeFailures) } }),
    ...numbered("MaxFailedUnits", ring.maxFailedUnits),
  };
}

function toRing(ring: RingForm): RolloutRing {
  const gates = toGates(ring);
  return {
    Name: ring.name,
    ...(ring.by === "percent" ? numbered("Percent", ring.percent) : {}),
    ...(ring.by === "targets"
      ? { Targets: ring.targets === undefined ? ring.keptTargets : toTargets(ring.targets) }
      : {}),
    ...(ring.concurrency === "" ? {} : { MaxConcurrency: ring.concurrency }),
    ...numbered("WaitHours", ring.waitHours),
    ...numbered("SoakMinutes", ring.soakMinutes),
    ...(Object.keys(gates).length === 0 ? {} : { Gates: gates }),
    ...(ring.approval ? { RequireApproval: true } : {}),
  };
}

export function toPlan(form: PlanForm): RolloutPlan {
  return {
    ...(form.rings.length === 0 ? {} : { Rings: form.rings.map(toRing) }),
    ...(form.budgets.length === 0
      ? {}
      : { Budgets: form.budgets.map(({ tagKey, limit }) => ({ TagKey: tagKey.trim(), Limit: limit })) }),
    ...(form.onGateFailed === "Stop" ? { OnGateFailed: "Stop" as const } : {}),
    ...numbered("EndsAfterHours", form.endsAfterHours),
  };
}

function typed(number: number | undefined): string {
  return number === undefined ? "" : String(number);
}

function fromRing(ring: RolloutRing): RingForm {
  const { DocumentName, MaxFailures, ...keptProbe } = ring.Gates?.Probe ?? { DocumentName: "" };
  const targets = ring.Targets ?? [];
  return {
    name: ring.Name,
    by: ring.Percent !== undefined ? "percent" : targets.length > 0 ? "targets" : "rest",
    percent: typed(ring.Percent),
    targets: targets.length === 0 ? NO_TARGETS : fromTargets(targets),
    keptTargets: targets,
    concurrency: ring.MaxConcurrency ?? "",
    waitHours: typed(ring.WaitHours),
    soakMinutes: typed(ring.SoakMinutes),
    maxFailures: typed(ring.Gates?.MaxFailures),
    maxFailurePercent: typed(ring.Gates?.MaxFailurePercent),
    confidence: typed(ring.Gates?.ConfidencePercent),
    nodesBack: ring.Gates?.NodesBack === true,
    probe: DocumentName,
    probeFailures: typed(MaxFailures),
    keptProbe,
    maxFailedUnits: typed(ring.Gates?.MaxFailedUnits),
    approval: ring.RequireApproval === true,
  };
}

export function fromPlan(plan: RolloutPlan): PlanForm {
  return {
    rings: (plan.Rings ?? []).map(fromRing),
    budgets: (plan.Budgets ?? []).map(({ TagKey, Limit }) => ({ tagKey: TagKey, limit: Limit })),
    onGateFailed: plan.OnGateFailed ?? "Pause",
    endsAfterHours: typed(plan.EndsAfterHours),
  };
}

export function toText(form: PlanForm): string {
  return form.draft ?? JSON.stringify(toPlan(form), null, 2);
}

/** The form that a text makes; what is no plan yet stays beside the form as it was. */
export function fromText(text: string, before: PlanForm): PlanForm {
  try {
    return fromPlan(shaped(planFrom(text)));
  } catch {
    return { ...before, draft: text };
  }
}

/** Only what has the form of a plan; the server says what else is wrong. */
function shaped(plan: RolloutPlan): RolloutPlan {
  for (const ring of plan.Rings ?? []) {
    if (typeof ring !== "object" || typeof ring.Name !== "string") throw new Error("a ring is an object with a Name");
    for (const target of ring.Targets ?? [])
      if (typeof target.Key !== "string" || !Array.isArray(target.Values))
        throw new Error("a target is an object with Key and Values");
  }
  for (const budget of plan.Budgets ?? [])
    if (typeof budget.TagKey !== "string" || typeof budget.Limit !== "string")
      throw new Error("a budget is an object with TagKey and Limit");
  return plan;
}
