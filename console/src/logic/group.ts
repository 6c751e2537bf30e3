// Resource groups: the query that selects the members, as words, as a form and as a filter of the fleet; what is wrong with a
// form; the nodes among the members.

import type { NodeFilter } from "../api/fleet";
import type { Group, GroupChange, GroupFacts, NewGroup, ResourceIdentifier, ResourceQuery } from "../api/groups";
import type { FilterKey } from "./addressFilter";

const TAG_FILTERS = "TAG_FILTERS_1_0";
const EVERY_TYPE = "AWS::AllSupported";
const MANAGED = "AWS::SSM::ManagedInstance";
const CLOUD = "AWS::EC2::Instance";
/** Of a group without a query: its members are listed. */
const GENERIC = "AWS::ResourceGroups::Generic";
const MOST_VALUES = 20;

/** What their list is filtered by. */
export const FILTERS: readonly FilterKey[] = [
  { key: "display-name", label: "Display name" },
  { key: "owner", label: "Owner" },
  { key: "criticality", label: "Criticality", values: Array.from({ length: 10 }, (_, at) => String(at + 1)) },
  { key: "resource-type", label: "Resource type", values: [EVERY_TYPE, MANAGED, CLOUD] },
  { key: "configuration-type", label: "Configuration type", values: [GENERIC] },
];

/** Which nodes a query is about, by the types of resources that it names. */
export const KINDS: readonly { readonly types: string; readonly label: string; readonly description: string }[] = [
  { types: EVERY_TYPE, label: "All nodes", description: "Whatever their ids" },
  { types: MANAGED, label: "Managed instances", description: "Nodes that an activation let in: mi-…" },
  { types: CLOUD, label: "Instances of a cloud", description: "Nodes that go by their own id: i-…" },
];

export interface TagFilterForm {
  readonly key: string;
  /** Between commas; none: any value. */
  readonly values: string;
}

export interface GroupForm {
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly owner: string;
  /** Empty: none. */
  readonly criticality: string;
  /** Its members are listed one by one; then nothing selects them. */
  readonly isListed: boolean;
  /** Resource types between commas. */
  readonly types: string;
  readonly filters: readonly TagFilterForm[];
}

export const NEW_GROUP: GroupForm = {
  name: "",
  displayName: "",
  description: "",
  owner: "",
  criticality: "",
  isListed: false,
  types: EVERY_TYPE,
  filters: [{ key: "", values: "" }],
};

export interface Query {
  readonly types: readonly string[];
  readonly filters: readonly { readonly key: string; readonly values: readonly string[] }[];
}

interface WireQuery {
  ResourceTypeFilters?: string[];
  TagFilters?: { Key: string; Values?: string[] }[];
}

export function readQuery({ Query: text }: ResourceQuery): Query {
  // The server has looked at it when it took it.
  const { ResourceTypeFilters: types = [], TagFilters: filters = [] } = JSON.parse(text) as WireQuery;
  return { types, filters: filters.map(({ Key: key, Values: values = [] }) => ({ key, values })) };
}

function writeQuery({ types, filters }: Query): ResourceQuery {
  const TagFilters = filters.map(({ key, values }) => ({ Key: key, Values: values }));
  return { Type: TAG_FILTERS, Query: JSON.stringify({ ResourceTypeFilters: types, TagFilters }) };
}

function pieces(text: string): string[] {
  const all = text.split(",").map((value) => value.trim());
  return [...new Set(all.filter((value) => value !== ""))];
}

/** What a form selects. Lines without a key say nothing. */
export function queryOfForm(form: GroupForm): Query {
  const filters = form.filters.map(({ key, values }) => ({ key: key.trim(), values: pieces(values) }));
  return { types: pieces(form.types), filters: filters.filter(({ key }) => key !== "") };
}

export function formOf(group: Group, query: Query | undefined): GroupForm {
  const filters = query?.filters.map(({ key, values }) => ({ key, values: values.join(", ") })) ?? [];
  return {
    name: group.Name,
    displayName: group.DisplayName ?? "",
    description: group.Description ?? "",
    owner: group.Owner ?? "",
    criticality: group.Criticality === undefined ? "" : String(group.Criticality),
    isListed: query === undefined,
    types: query?.types.join(",") ?? EVERY_TYPE,
    filters: filters.length === 0 ? NEW_GROUP.filters : filters,
  };
}

function factsOf(form: GroupForm): GroupFacts {
  return {
    Description: form.description,
    DisplayName: form.displayName,
    Owner: form.owner,
    ...(form.criticality === "" ? {} : { Criticality: Number(form.criticality) }),
  };
}

export function toNewGroup(form: GroupForm): NewGroup {
  const facts = Object.entries(factsOf(form)).filter(([, value]) => value !== "");
  return {
    ...(Object.fromEntries(facts) as GroupFacts),
    Name: form.name,
    ...(form.isListed ? { Configuration: [{ Type: GENERIC }] } : { ResourceQuery: writeQuery(queryOfForm(form)) }),
  };
}

/** The query only where it is another. Empty texts are sent: they take away what was there. */
export function toChange(form: GroupForm, before: Query | undefined): GroupChange {
  const query = queryOfForm(form);
  const isSame = before === undefined || JSON.stringify(query) === JSON.stringify(before);
  return { ...factsOf(form), Group: form.name, ...(isSame ? {} : { ResourceQuery: writeQuery(query) }) };
}

const TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

function filtersProblem(form: GroupForm): string | undefined {
  const { filters } = form;
  const loose = filters.find(({ key, values }) => key.trim() === "" && values.trim() !== "");
  if (loose !== undefined) return `the values ${loose.values.trim()} need the key of a tag`;
  const long = filters.find(({ key }) => key.trim().length > 128);
  if (long !== undefined) return "a key has at most 128 characters";
  const many = queryOfForm(form).filters.find(({ values }) => values.length > MOST_VALUES);
  return many === undefined ? undefined : `${many.key}: at most ${MOST_VALUES} values`;
}

/** By the name of the field. */
export function groupProblems(form: GroupForm): Record<string, string> {
  const problems: Record<string, string> = {};
  if (!/^[a-zA-Z0-9_.-]{1,300}$/.test(form.name)) problems["name"] = "1 to 300 letters, digits or _ . -";
  else if (/^aws/i.test(form.name)) problems["name"] = "names that begin with AWS are reserved";
  if (!/^[\sa-zA-Z0-9_.-]{0,1024}$/.test(form.description))
    problems["description"] = "at most 1024 letters, digits, spaces or _ . -";
  for (const field of ["displayName", "owner"] as const) {
    if (form[field].length > 300 || !TEXT.test(form[field]))
      problems[field] = "at most 300 letters, digits, spaces or _ . : / = + - @";
  }
  const filters = form.isListed ? undefined : filtersProblem(form);
  if (filters !== undefined) problems["filters"] = filters;
  return problems;
}

export function kindText({ types }: Query): string {
  const joined = types.join(",");
  return KINDS.find((kind) => kind.types === joined)?.label ?? types.join(", ");
}

/** Each of them must hold. */
export function filtersText({ filters }: Query): string {
  const texts = filters.map(({ key, values }) =>
    values.length === 0 ? `has the tag ${key}` : `${key} is ${values.join(" or ")}`,
  );
  return texts.join(", and ");
}

/** The filter of the fleet that finds the same nodes; nothing where no node can be meant. */
export function nodeFilters({ types, filters }: Query): NodeFilter[] | undefined {
  const all = types.includes(EVERY_TYPE);
  const managed = all || types.includes(MANAGED);
  const cloud = all || types.includes(CLOUD);
  if (!managed && !cloud) return undefined;
  const tags = filters.map(({ key, values }) =>
    values.length === 0 ? { Key: "TagKey", Values: [key] } : { Key: `tag:${key}`, Values: [...values] },
  );
  if (managed && cloud) return tags;
  return [{ Key: "NodeId", Operator: "BeginWith", Values: [managed ? "mi-" : "i-"] }, ...tags];
}

/** What a node's ARN ends with. */
export function nodeIdOf({ ResourceArn }: ResourceIdentifier): string {
  return ResourceArn.slice(ResourceArn.lastIndexOf("/") + 1);
}

/** By the ARN of its group, which has the account and the region of both. */
export function nodeArn(id: string, { GroupArn }: Group): string {
  const [arn, partition, , region, account] = GroupArn.split(":");
  const [service, kind] = id.startsWith("i-") ? ["ec2", "instance"] : ["ssm", "managed-instance"];
  return [arn, partition, service, region, account, `${kind}/${id}`].join(":");
}
