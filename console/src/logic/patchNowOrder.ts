// The order of a Patch now as the wizard holds it.

import type { PatchNowOrder } from "../api/patchNow";
import { planProblems, toPlan } from "./rings";
import type { PlanForm } from "./rings";
import { limitProblem, targetsProblem, toTargets } from "./targets";
import type { TargetsForm } from "./targets";

export interface OrderForm {
  readonly operation: "Scan" | "Install";
  readonly reboot: "RebootIfNeeded" | "NoReboot" | "at";
  readonly rebootAt: string;
  readonly restartServices: boolean;
  readonly targets: TargetsForm;
  readonly concurrency: string;
  readonly errors: string;
  readonly preHook: string;
  readonly postHook: string;
  readonly exitHook: string;
  /** The plan of a staged rollout; nothing: all nodes by the rate alone. */
  readonly rings: PlanForm | undefined;
}

export function orderProblems(form: OrderForm): Record<string, string> {
  const found: Record<string, string> = {};
  const put = (place: string, problem: string | undefined): void => {
    if (problem !== undefined) found[place] = problem;
  };
  put("targets", targetsProblem(form.targets));
  put("concurrency", limitProblem(form.concurrency, false));
  put("errors", limitProblem(form.errors, true));
  if (form.operation === "Install" && form.rings !== undefined) {
    put("rings", Object.values(planProblems(form.rings))[0]);
    if (form.errors !== "") put("errors", "rings say by their gates when it stops");
  }
  if (
    form.operation === "Install" &&
    form.reboot === "at" &&
    !/^(\d{2}:\d{2}|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))$/.test(form.rebootAt)
  ) {
    found["rebootAt"] = "a time of the node's own clock (03:00) or a moment (2026-01-31T03:00:00Z)";
  }
  for (const [place, hook] of [
    ["preHook", form.preHook],
    ["postHook", form.postHook],
    ["exitHook", form.exitHook],
  ] as const) {
    if (hook !== "" && !/^[a-zA-Z0-9_\-.:/]{3,512}$/.test(hook)) found[place] = "the name of a document";
  }
  return found;
}

export function toOrder(form: OrderForm): PatchNowOrder {
  const installs = form.operation === "Install";
  const hook = (member: "PreInstallHook" | "PostInstallHook" | "OnExitHook", name: string) =>
    !installs || name === "" ? {} : { [member]: name };
  return {
    Operation: form.operation,
    Targets: toTargets(form.targets),
    ...(installs && form.reboot !== "at" ? { RebootOption: form.reboot } : {}),
    ...(installs && form.reboot === "at" ? { RebootAt: form.rebootAt } : {}),
    ...(installs && form.restartServices ? { RestartServices: true } : {}),
    ...hook("PreInstallHook", form.preHook),
    ...hook("PostInstallHook", form.postHook),
    ...hook("OnExitHook", form.exitHook),
    ...(form.concurrency === "" ? {} : { MaxConcurrency: form.concurrency }),
    ...(form.errors === "" ? {} : { MaxErrors: form.errors }),
    ...(installs && form.rings !== undefined ? { Rollout: toPlan(form.rings) } : {}),
  };
}
