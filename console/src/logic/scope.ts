// Which nodes of which regions a Quick Setup configuration is for: the parameters that its types share.

import type { Parameters } from "../api/quickSetup";
import { NO_TARGETS, targetsProblem, targetsText, toTargets, words } from "./targets";
import type { TargetsForm } from "./targets";

export interface ScopeForm {
  readonly targets: TargetsForm;
  /** Instead of targets. */
  readonly group: string;
  readonly regions: string;
}

export const ALL_NODES: ScopeForm = { targets: { ...NO_TARGETS, by: "all" }, group: "", regions: "" };

export const SCOPE_PARAMETERS = [
  "TargetType",
  "TargetInstances",
  "TargetTagKey",
  "TargetTagValue",
  "ResourceGroupName",
  "TargetRegions",
];

/** By place: `targets`, `regions`. */
export function scopeProblems(form: ScopeForm): Record<string, string> {
  const found: Record<string, string> = {};
  if (form.group === "") {
    const { targets } = form;
    const several = targets.by === "tag" && targets.values.includes(",");
    const problem = targetsProblem(targets) ?? (several ? "a configuration takes one value of a tag" : undefined);
    if (problem !== undefined) found["targets"] = problem;
  }
  const region = words(form.regions).find((name) => !/^[a-z]{2}(-[a-z]+)+-\d$/.test(name));
  if (region !== undefined) found["regions"] = `${region} is no region`;
  return found;
}

export function toScope(form: ScopeForm): Parameters {
  return {
    ...toNodes(form),
    ...(form.regions.trim() === "" ? {} : { TargetRegions: words(form.regions).join(",") }),
  };
}

function toNodes({ targets, group }: ScopeForm): Parameters {
  if (group !== "") return { TargetType: "ResourceGroups", ResourceGroupName: group };
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

export function fromScope(parameters: Parameters): ScopeForm {
  return {
    targets: fromNodes(parameters),
    group: parameters["TargetType"] === "ResourceGroups" ? (parameters["ResourceGroupName"] ?? "") : "",
    regions: (parameters["TargetRegions"] ?? "").replaceAll(",", ", "),
  };
}

function fromNodes(parameters: Parameters): TargetsForm {
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

/** Which nodes a configuration is for. */
export function scopeText(form: ScopeForm): string {
  if (form.group !== "") return `The resource group ${form.group}`;
  return form.targets.by === "all" ? "All nodes" : targetsText(toTargets(form.targets));
}
