// Which nodes something is for: named ones, those with a tag, those of a resource group, or all; and what is wrong with the choice.

export interface TargetsForm {
  readonly by: "nodes" | "tag" | "group" | "resource-group" | "all";
  readonly nodes: string;
  readonly key: string;
  readonly values: string;
  /** A patch group. */
  readonly group: string;
  readonly resourceGroup: string;
}

export const NO_TARGETS: TargetsForm = { by: "nodes", nodes: "", key: "", values: "", group: "", resourceGroup: "" };

/** The members of a resource group, as Run Command and windows call them, and as State Manager does; the server takes either. */
const GROUP_KEY = "resource-groups:Name";
export const STATE_MANAGER_GROUP_KEY = "ResourceGroup";

/** Texts between commas, spaces or lines. */
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function values(text: string): string[] {
  return text
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
}

export function targetsProblem(form: TargetsForm): string | undefined {
  switch (form.by) {
    case "nodes": {
      const ids = words(form.nodes);
      if (ids.length === 0) return "name at least one node";
      if (ids.length > 50) return `at most 50 nodes can be named, these are ${ids.length}: use a tag`;
      const wrong = ids.find((id) => !/^(mi-[0-9a-f]{17}|i-[0-9a-f]{8}|i-[0-9a-f]{17})$/.test(id));
      return wrong === undefined ? undefined : `${wrong} is no node id`;
    }
    case "tag":
      if (form.key.trim() === "") return "name a tag";
      return values(form.values).length === 0 ? "name at least one value of the tag" : undefined;
    case "group":
      return form.group.trim() === "" ? "name a patch group" : undefined;
    case "resource-group":
      return form.resourceGroup.trim() === "" ? "name a resource group" : undefined;
    case "all":
      return undefined;
  }
}

/** As SendCommand, associations and windows take them. */
export function toTargets(form: TargetsForm, groupKey: string = GROUP_KEY): { Key: string; Values: string[] }[] {
  switch (form.by) {
    case "nodes":
      return [{ Key: "InstanceIds", Values: words(form.nodes) }];
    case "tag":
      return [{ Key: `tag:${form.key.trim()}`, Values: values(form.values) }];
    case "group":
      return [{ Key: "tag:PatchGroup", Values: values(form.group) }];
    case "resource-group":
      return [{ Key: groupKey, Values: [form.resourceGroup.trim()] }];
    case "all":
      return [{ Key: "InstanceIds", Values: ["*"] }];
  }
}

interface Target {
  readonly Key?: string | undefined;
  readonly Values?: readonly string[] | undefined;
}

/** The resource group whose members a target is. */
export function groupOfTarget({ Key = "", Values = [] }: Target): string | undefined {
  return Key === GROUP_KEY || Key === STATE_MANAGER_GROUP_KEY ? Values[0] : undefined;
}

/** As a form has them; nothing where they are of a kind that the form does not know. */
export function fromTargets(targets: readonly Target[]): TargetsForm | undefined {
  const [target, ...others] = targets;
  if (target === undefined || others.length > 0) return undefined;
  const { Key = "", Values = [] } = target;
  if (/^instanceids$/i.test(Key)) {
    return Values.length === 1 && Values[0] === "*"
      ? { ...NO_TARGETS, by: "all" }
      : { ...NO_TARGETS, by: "nodes", nodes: Values.join(", ") };
  }
  const resourceGroup = groupOfTarget(target);
  if (resourceGroup !== undefined) return { ...NO_TARGETS, by: "resource-group", resourceGroup };
  // A value with a comma would come back as two.
  if (!Key.startsWith("tag:") || Values.some((value) => value.includes(","))) return undefined;
  return { ...NO_TARGETS, by: "tag", key: Key.slice(4), values: Values.join(", ") };
}

/** Targets as they are shown. */
export function targetsText(targets: readonly Target[] | undefined): string {
  const text = (target: Target): string => {
    const { Key = "", Values = [] } = target;
    const group = groupOfTarget(target);
    if (group !== undefined) return `The resource group ${group}`;
    return /^instanceids$/i.test(Key) && Values.length === 1 && Values[0] === "*"
      ? "All nodes"
      : `${Key} = ${Values.join(", ")}`;
  };
  return (targets ?? []).map(text).join("; ");
}

/** A number of nodes or a share of them; the empty text leaves it to the server. */
export function limitProblem(text: string, mayBeNone: boolean): string | undefined {
  if (text === "") return undefined;
  const pattern = mayBeNone ? /^(0|[1-9]\d{0,6}|\d%|[1-9]\d%|100%)$/ : /^([1-9]\d{0,6}|[1-9]%|[1-9]\d%|100%)$/;
  return pattern.test(text) ? undefined : "a number of nodes (10) or a share of them (10%)";
}
