// A patch policy as a form: the parameters of its definition, which are all text.

import type { Parameters } from "../api/quickSetup";
import { planProblems } from "./rings";
import type { PlanForm } from "./rings";
import { scheduleProblem } from "./schedule";
import { limitProblem, NO_TARGETS, targetsProblem, targetsText, toTargets, words } from "./targets";
import type { TargetsForm } from "./targets";

export interface PolicyForm {
  readonly name: string;
  readonly description: string;
  readonly operation: "Scan" | "ScanAndInstall";
  readonly scan: string;
  readonly scanWaits: boolean;
  readonly install: string;
  readonly installWaits: boolean;
  readonly reboot: "RebootIfNeeded" | "NoReboot";
  /** One for each operating system that the policy is about. */
  readonly baselines: readonly ChosenBaseline[];
  readonly targets: TargetsForm;
  /** Instead of targets. */
  readonly group: string;
  readonly regions: string;
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
  targets: { ...NO_TARGETS, by: "all" },
  group: "",
  regions: "",
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
  "TargetType",
  "TargetInstances",
  "TargetTagKey",
  "TargetTagValue",
  "ResourceGroupName",
  "TargetRegions",
  "RateControlConcurrency",
  "RateControlErrorThreshold",
];

function waitProblem(waits: boolean, schedule: string): string | undefined {
  return waits && schedule.trim().startsWith("rate") ? "a rate has no time to wait for" : undefined;
}

export function policyProblems(form: PolicyForm): Record<string, string> {
  const found: Record<string, string> = {};
  const put = (place: string, problem: string | undefined): void => {
    if (problem !== undefined && found[place] === undefined) found[place] = problem;
  };
  if (!/^[ A-Za-z0-9._-]{1,120}$/.test(form.name) || form.name.trim() === "")
    put("name", "1 to 120 letters, digits, spaces, dots, hyphens or underscores");
  if (form.description.length > 512) put("description", "at most 512 characters");
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
  if (form.group === "") {
    put("targets", targetsProblem(form.targets));
    if (form.targets.by === "tag" && form.targets.values.includes(","))
      put("targets", "a policy takes one value of a tag");
  }
  put("concurrency", limitProblem(form.concurrency, false));
  put("errors", limitProblem(form.errors, true));
  const region = words(form.regions).find((name) => !/^[a-z]{2}(-[a-z]+)+-\d$/.test(name));
  if (region !== undefined) put("regions", `${region} is no region`);
  return found;
}

function toScope(form: PolicyForm): Parameters {
  if (form.group !== "") return { TargetType: "ResourceGroups", ResourceGroupName: form.group };
  const { targets } = form;
  switch (targets.by) {
    case "all":
      return { TargetType: "*" };
    case "nodes":
      return { TargetType: "InstanceIds", TargetInstances: words(targets.nodes).join(",") };
    case "tag":
      return { TargetType: "Tags", TargetTagKey: targets.key.trim(), TargetTagValue: targets.values.trim() };
    case "group":
      return { TargetType: "Tags", TargetTagKey: "PatchGroup", TargetTagValue: targets.group.trim() };
  }
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
    ...(form.regions.trim() === "" ? {} : { TargetRegions: words(form.regions).join(",") }),
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

function fromScope(parameters: Parameters): TargetsForm {
  switch (parameters["TargetType"]) {
    case "InstanceIds":
      return { ...NO_TARGETS, by: "nodes", nodes: (parameters["TargetInstances"] ?? "").replaceAll(",", ", ") };
    case "Tags":
      return {
        ...NO_TARGETS,
        by: "tag",
        key: parameters["TargetTagKey"] ?? "",
        values: parameters["TargetTagValue"] ?? "",
      };
    default:
      return { ...NO_TARGETS, by: "all" };
  }
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
    targets: fromScope(parameters),
    group: parameters["TargetType"] === "ResourceGroups" ? (parameters["ResourceGroupName"] ?? "") : "",
    regions: (parameters["TargetRegions"] ?? "").replaceAll(",", ", "),
    concurrency: parameters["RateControlConcurrency"] ?? "",
    errors: parameters["RateControlErrorThreshold"] ?? "",
    rings,
    kept: Object.fromEntries(Object.entries(parameters).filter(([name]) => !KNOWN.includes(name))),
  };
}

/** Which nodes a policy is for. */
export function scopeText(form: PolicyForm): string {
  if (form.group !== "") return `the resource group ${form.group}`;
  return form.targets.by === "all" ? "all nodes" : targetsText(toTargets(form.targets));
}
