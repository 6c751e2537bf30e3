// Resource groups: named selections of nodes.

import type { Call } from "./call";
import { CallError } from "./errors";
import { rest } from "./rest";

const SERVICE = "resource-groups";

export interface ResourceQuery {
  Type: string;
  /** JSON: `ResourceTypeFilters`, `TagFilters`. */
  Query: string;
}

export interface GroupFacts {
  Description?: string;
  DisplayName?: string;
  Owner?: string;
  /** 1 is the most critical, 10 the least. */
  Criticality?: number;
}

export interface Group extends GroupFacts {
  Name: string;
  GroupArn: string;
}

export interface GroupIdentifier extends GroupFacts {
  GroupName: string;
  GroupArn: string;
}

export interface ResourceIdentifier {
  ResourceArn: string;
  ResourceType: string;
}

interface Paged {
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
}

function post<I extends object, O>(operation: string, path: string): Call<I, O> {
  return rest(SERVICE, operation, { method: "POST", path });
}

export const listGroups = rest<
  Paged & { Filters?: { Name: string; Values: string[] }[] },
  { GroupIdentifiers?: GroupIdentifier[]; NextToken?: string }
>(SERVICE, "ListGroups", {
  method: "POST",
  path: "/groups-list",
  query: { MaxResults: "maxResults", NextToken: "nextToken" },
});
export const getGroup = post<{ Group: string }, { Group: Group }>("GetGroup", "/get-group");
const getQuery = post<{ Group: string }, { GroupQuery: { ResourceQuery: ResourceQuery } }>(
  "GetGroupQuery",
  "/get-group-query",
);
export const listGroupResources = post<
  Paged & { Group: string },
  { Resources?: { Identifier: ResourceIdentifier }[]; NextToken?: string }
>("ListGroupResources", "/list-group-resources");
export interface NewGroup extends GroupFacts {
  Name: string;
  /** What selects the members. */
  ResourceQuery?: ResourceQuery;
  /** In its place, of a group whose members are listed. */
  Configuration?: { Type: string }[];
}

export const createGroup = post<NewGroup, { Group: Group }>("CreateGroup", "/groups");
const changeGroup = post<GroupFacts & { Group: string }, { Group: Group }>("UpdateGroup", "/update-group");
const changeQuery = post<{ Group: string; ResourceQuery: ResourceQuery }, object>(
  "UpdateGroupQuery",
  "/update-group-query",
);
export const deleteGroup = post<{ Group: string }, object>("DeleteGroup", "/delete-group");

export const getGroupTags = rest<{ Arn: string }, { Tags?: Record<string, string> }>(SERVICE, "GetTags", {
  method: "GET",
  path: "/resources/{Arn}/tags",
});
export const tagGroup = rest<{ Arn: string; Tags: Record<string, string> }, object>(SERVICE, "Tag", {
  method: "PUT",
  path: "/resources/{Arn}/tags",
});
export const untagGroup = rest<{ Arn: string; Keys: string[] }, object>(SERVICE, "Untag", {
  method: "PATCH",
  path: "/resources/{Arn}/tags",
});

export interface MembersChange {
  Group: string;
  ResourceArns: string[];
}

/** What one request takes. */
const AT_ONCE = 10;

/** The requests that a change comes to. */
export function membersChanges({ Group: group, ResourceArns: arns }: MembersChange): MembersChange[] {
  const starts = Array.from({ length: Math.ceil(arns.length / AT_ONCE) }, (_, at) => at * AT_ONCE);
  return starts.map((from) => ({ Group: group, ResourceArns: arns.slice(from, from + AT_ONCE) }));
}

/** Of any number of members. Where some are refused the others are changed all the same, and the first refusal is told. */
function changingMembers(operation: string, path: string): Call<MembersChange, object> {
  const change = post<MembersChange, { Failed?: { ResourceArn: string; ErrorCode: string; ErrorMessage: string }[] }>(
    operation,
    path,
  );
  return {
    ...change,
    run: async (input) => {
      const answers = [];
      for (const some of membersChanges(input)) answers.push(await change.run(some));
      const failed = answers.flatMap(({ Failed = [] }) => Failed);
      const [first] = failed;
      if (first === undefined) return {};
      const words = `${failed.length} of ${input.ResourceArns.length}: ${first.ResourceArn}: ${first.ErrorMessage}`;
      throw new CallError(operation, first.ErrorCode, words, 400);
    },
  };
}
export const groupResources = changingMembers("GroupResources", "/group-resources");
export const ungroupResources = changingMembers("UngroupResources", "/ungroup-resources");

/** A group that lists its members has no query, which the operation answers with a refusal. */
export const findGroupQuery: Call<{ Group: string }, { ResourceQuery?: ResourceQuery }> = {
  service: SERVICE,
  operation: getQuery.operation,
  run: async (input, signal) => {
    const { GroupConfiguration: listed } = await getConfiguration.run(input, signal);
    if ((listed?.Configuration ?? []).length > 0) return {};
    const { GroupQuery } = await getQuery.run(input, signal);
    return { ResourceQuery: GroupQuery.ResourceQuery };
  },
};
const getConfiguration = post<{ Group: string }, { GroupConfiguration?: { Configuration?: unknown[] } }>(
  "GetGroupConfiguration",
  "/get-group-configuration",
);

export interface GroupChange extends GroupFacts {
  Group: string;
  /** Absent where the query stays, or where there is none. */
  ResourceQuery?: ResourceQuery;
}

/** The query first: it is what may be refused. */
export const updateGroup: Call<GroupChange, object> = {
  service: SERVICE,
  operation: changeGroup.operation,
  run: async ({ ResourceQuery, ...facts }) => {
    if (ResourceQuery !== undefined) await changeQuery.run({ Group: facts.Group, ResourceQuery });
    return changeGroup.run(facts);
  },
};
