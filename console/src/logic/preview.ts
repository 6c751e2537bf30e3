// A preview of a baseline in words: why each patch is where it is, and what the numbers are about.

import type { Preview, PreviewedPatch, PreviewList, PreviewListName } from "../api/preview";
import { problems, toInput } from "./baseline";
import type { BaselineForm } from "./baseline";

/** What PreviewPatchBaseline takes of a form; nothing while the form holds what no server would take. */
export function previewInput(form: BaselineForm): object | undefined {
  const wrong = Object.keys(problems(form)).filter((place) => place !== "name" && place !== "description");
  // That a name is on both lists is told beside the field; a preview of it says which wins.
  const isBroken = wrong.some((place) => place !== "rejected" || tooMany(form));
  if (isBroken) return undefined;
  const { Name: _, Description: __, ...rules } = toInput(form);
  return rules;
}

function tooMany(form: BaselineForm): boolean {
  return problems({ ...form, approved: "" })["rejected"] !== undefined;
}

export const LIST_NAMES: Record<PreviewListName, string> = {
  Approved: "Approved",
  ApprovedLater: "Later",
  Rejected: "Rejected",
  NotMatched: "Not matched",
  NewlyApproved: "Newly approved",
  NoLongerApproved: "No longer approved",
};

const FILTERS: Record<string, string> = {
  PRODUCT: "the product",
  PRODUCT_FAMILY: "the product family",
  CLASSIFICATION: "the classification",
  SEVERITY: "the severity",
  MSRC_SEVERITY: "the severity",
  SECTION: "the section",
  PRIORITY: "the priority",
  PATCH_SET: "the patch set",
  REPOSITORY: "the repository",
};

function property(patch: PreviewedPatch): string {
  const name = FILTERS[patch.FilterKey ?? ""] ?? "a property";
  return patch.Property === undefined || patch.Property === ""
    ? `${name} is not known`
    : `${name} is ${patch.Property}`;
}

/** Rules count from one, as the form numbers them. */
export function whyOf(patch: PreviewedPatch): string {
  const rule = patch.Rule === undefined ? "a rule" : `rule ${patch.Rule + 1}`;
  switch (patch.Reason) {
    case undefined:
      if (patch.Entry !== undefined) return `the entry ${patch.Entry}`;
      return patch.Rule === undefined ? "no rule approves it" : rule;
    case "approved-later":
      return rule;
    case "rejected":
      return `the entry ${patch.Entry ?? ""}`;
    case "global-filter":
      return `the global filters: ${property(patch)}`;
    case "no-rule-matches":
      return `no rule matches; nearest is ${rule}: ${property(patch)}`;
    case "outside-security":
      return patch.Rule === undefined
        ? "on the list, but no security update"
        : `${rule} matches, but it is no security update`;
    case "released-too-late":
      return `${rule} matches, but it was released after its day`;
    case "no-readable-date":
      return `${rule} matches, but its release date cannot be read`;
    case "no-rules":
      return "there are no rules";
    default:
      return patch.Reason.replaceAll("-", " ");
  }
}

/** Where the numbers come from. */
export function basisOf(preview: Preview): string {
  const nodes = (count: number): string => `${count.toLocaleString()} ${count === 1 ? "node" : "nodes"}`;
  if (preview.Nodes === 0) return "No node of this operating system has reported its packages yet.";
  if (preview.NodesExamined === preview.Nodes) return `From what ${nodes(preview.Nodes)} reported.`;
  return `From what ${nodes(preview.NodesExamined)} of ${preview.Nodes.toLocaleString()} reported: those whose packages most nodes share.`;
}

export function changeOf(preview: Preview): string | undefined {
  const found = preview.Comparison;
  if (found === undefined) return undefined;
  const count = (name: PreviewListName): number => preview.Lists.find((list) => list.Name === name)?.Count ?? 0;
  const [more, less] = [count("NewlyApproved"), count("NoLongerApproved")];
  const patches =
    more === 0 && less === 0
      ? "Approves the same patches as what is saved."
      : `${more.toLocaleString()} newly approved, ${less.toLocaleString()} no longer.`;
  const all = found.NodesServed.toLocaleString();
  const of =
    found.NodesServedExamined === found.NodesServed
      ? `the ${all} that use it`
      : `${found.NodesServedExamined.toLocaleString()} looked at, of ${all} that use it`;
  const nodes =
    found.NodesServed === 0
      ? "No node uses it now."
      : `Nodes that it changes: ${found.NodesChanged.toLocaleString()} of ${of}.`;
  return `${patches} ${nodes}`;
}

/** What some node lacks, and what is there already. */
export function countsOf(list: PreviewList): string {
  return list.Lacking === list.Count
    ? list.Count.toLocaleString()
    : `${list.Count.toLocaleString()}, ${list.Lacking.toLocaleString()} missing`;
}
