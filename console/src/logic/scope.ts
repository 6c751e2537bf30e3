// Which nodes of which regions a Quick Setup configuration is for: the parameters that its types share.

import type { Parameters } from "../api/quickSetup";
import { NO_TARGETS, targetsProblem, words } from "./targets";
import type { TargetsForm } from "./targets";

export interface ScopeForm {
  readonly targets: TargetsForm;
  readonly regions: string;
}

export const ALL_NODES: ScopeForm = { targets: { ...NO_TARGETS, by: "all" }, regions: "" };

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
  const { targets } = form;
  const several = targets.by === "tag" && targets.values.includes(",");
  const problem = targetsProblem(targets) ?? (several ? "a configuration takes one value of a tag" : undefined);
  if (problem !== undefined) found["targets"] = problem;
  const region = words(form.regions).find((name) => !/^[a-z]{2}(-[a-z]+)+-\d$/.test(name));
  if (region !== undefined) found["regions"] = `${region} is no region`;
  return found;
}

export function toScope(form: ScopeForm): Parameters {
  return {
    ...toNodes(form.targets),
    ...(form.regions.trim() === "" ? {} : { TargetRegions: words(form.regions).join(",") }),
  };
}

function toNodes(targets: TargetsForm): Parameters {
  switch (targets.by) {
    case "all":
      return { TargetType: "*" };
    case "nodes":
      return { TargetType: "InstanceIds", TargetInstances: words(targets.nodes).join(",") };
    case "tag":
      return { TargetType: "Tags", TargetTagKey: targets.key.trim(), TargetTagValue: targets.values.trim() };
    case "group":
      return { TargetType: "Tags", TargetTagKey: "PatchGroup", TargetTagValue: targets.group.trim() };
    case "resource-group":
      return { TargetType: "ResourceGroups", ResourceGroupName: targets.resourceGroup.trim() };
  }
}

export function fromScope(parameters: Parameters): ScopeForm {
  return {
    targets: fromNodes(parameters),
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
    case "ResourceGroups":
      return { ...NO_TARGETS, by: "resource-group", resourceGroup: parameters["ResourceGroupName"] ?? "" };
    default:
      return { ...NO_TARGETS, by: "all" };
  }
}
