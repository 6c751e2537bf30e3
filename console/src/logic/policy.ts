// A patch policy as a form: the parameters of its definition, which are all text.

import type { Parameters } from "../api/quickSetup";
import { nameProblems } from "./quickSetup";
import type { NameForm } from "./quickSetup";
import { planProblems } from "./rings";
import type { PlanForm } from "./rings";
import { scheduleProblem } from "./schedule";
import { ALL_NODES, fromScope, SCOPE_PARAMETERS, scopeProblems, toScope } from "./scope";
import type { ScopeForm } from "./scope";
import { limitProblem } from "./targets";

export interface PolicyForm extends NameForm, ScopeForm {
  readonly operation: "Scan" | "ScanAndInstall";
  readonly scan: string;
  readonly scanWaits: boolean;
  readonly install: string;
  readonly installWaits: boolean;
  readonly reboot: "RebootIfNeeded" | "NoReboot";
  /** One for each operating system that the policy is about. */
  readonly baselines: readonly ChosenBaseline[];
  readonly concurrency: string;
  readonly errors: string;
  readonly rings: PlanForm | undefined;
  /** What the form does not ask, as it is. */
  readonly kept: Parameters;
}

export interface ChosenBaseline {
  readonly system: string;
  readonly id: string;
  readonly label: string;
}

export const NEW_POLICY: PolicyForm = {
  name: "",
  description: "",
  operation: "Scan",
  scan: "cron(0 1 * * ? *)",
  scanWaits: false,
  install: "cron(0 2 ? * SUN *)",
  installWaits: true,
  reboot: "RebootIfNeeded",
  baselines: [],
  ...ALL_NODES,
  concurrency: "10%",
  errors: "2%",
  rings: undefined,
  kept: {},
};

const KNOWN = [
  "PatchPolicyName",
  "ConfigurationOptionsPatchOperation",
  "ConfigurationOptionsScanValue",
  "ConfigurationOptionsScanNextInterval",
  "ConfigurationOptionsInstallValue",
  "ConfigurationOptionsInstallNextInterval",
  "RebootOption",
  "SelectedPatchBaselines",
  ...SCOPE_PARAMETERS,
  "RateControlConcurrency",
  "RateControlErrorThreshold",
];

function waitProblem(waits: boolean, schedule: string): string | undefined {
  return waits && schedule.trim().startsWith("rate") ? "a rate has no time to wait for" : undefined;
}

export function policyProblems(form: PolicyForm): Record<string, string> {
  const found: Record<string, string> = { ...nameProblems(form), ...scopeProblems(form) };
  const put = (place: string, problem: string | undefined): void => {
    if (problem !== undefined && found[place] === undefined) found[place] = problem;
  };
  put("scan", scheduleProblem(form.scan, false) ?? waitProblem(form.scanWaits, form.scan));
  if (form.operation === "ScanAndInstall") {
    put("install", scheduleProblem(form.install, false) ?? waitProblem(form.installWaits, form.install));
    if (form.rings !== undefined) put("rings", Object.values(planProblems(form.rings))[0]);
  }
  if (form.baselines.length === 0) put("baselines", "choose at least one patch baseline");
  const twice = form.baselines.find(
    ({ system }, index) => form.baselines.findIndex((other) => other.system === system) < index,
  );
  if (twice !== undefined) put("baselines", `two baselines are for ${twice.system}: choose one of each`);
  put("concurrency", limitProblem(form.concurrency, false));
  put("errors", limitProblem(form.errors, true));
  return found;
}

export function toParameters(form: PolicyForm): Parameters {
  const selected = Object.fromEntries(
    form.baselines.map(({ system, id, label }) => [system, { value: id, label, description: "", disabled: false }]),
  );
  const installs = form.operation === "ScanAndInstall";
  return {
    ...form.kept,
    PatchPolicyName: form.name,
    ConfigurationOptionsPatchOperation: form.operation,
    ConfigurationOptionsScanValue: form.scan,
    ConfigurationOptionsScanNextInterval: String(form.scanWaits),
    ...(installs
      ? {
          ConfigurationOptionsInstallValue: form.install,
          ConfigurationOptionsInstallNextInterval: String(form.installWaits),
          RebootOption: form.reboot,
        }
      : {}),
    SelectedPatchBaselines: JSON.stringify(selected),
    ...toScope(form),
    ...(form.concurrency === "" ? {} : { RateControlConcurrency: form.concurrency }),
    ...(form.errors === "" ? {} : { RateControlErrorThreshold: form.errors }),
  };
}

/** The choice of a policy, by operating system; what cannot be read is none. */
export function baselinesOf(text: string | undefined): ChosenBaseline[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? "{}");
  } catch {
    return [];
  }
  if (typeof parsed !== "object" || parsed === null) return [];
  return Object.entries(parsed as Record<string, { value?: unknown; label?: unknown; disabled?: unknown } | null>)
    .filter(([, chosen]) => chosen?.disabled !== true && chosen?.disabled !== "true")
    .flatMap(([system, chosen]) =>
      typeof chosen?.value === "string"
        ? [{ system, id: chosen.value, label: typeof chosen.label === "string" ? chosen.label : chosen.value }]
        : [],
    );
}

export function fromPolicy(
  manager: { readonly Name?: string; readonly Description?: string },
  parameters: Parameters,
  rings: PlanForm | undefined,
): PolicyForm {
  const { ConfigurationOptionsPatchOperation: operation, RebootOption: reboot } = parameters;
  return {
    name: parameters["PatchPolicyName"] ?? manager.Name ?? "",
    description: manager.Description ?? "",
    operation: operation === "ScanAndInstall" ? "ScanAndInstall" : "Scan",
    scan: parameters["ConfigurationOptionsScanValue"] ?? NEW_POLICY.scan,
    scanWaits: parameters["ConfigurationOptionsScanNextInterval"] === "true",
    install: parameters["ConfigurationOptionsInstallValue"] ?? NEW_POLICY.install,
    installWaits:
      operation === "ScanAndInstall"
        ? parameters["ConfigurationOptionsInstallNextInterval"] === "true"
        : NEW_POLICY.installWaits,
    reboot: reboot === "NoReboot" ? "NoReboot" : "RebootIfNeeded",
    baselines: baselinesOf(parameters["SelectedPatchBaselines"]),
    ...fromScope(parameters),
    concurrency: parameters["RateControlConcurrency"] ?? "",
    errors: parameters["RateControlErrorThreshold"] ?? "",
    rings,
    kept: Object.fromEntries(Object.entries(parameters).filter(([name]) => !KNOWN.includes(name))),
  };
}
