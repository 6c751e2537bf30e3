// Resource groups: named selections of nodes.

import type { Call } from "./call";
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
export const createGroup = post<
  GroupFacts & { Name: string; ResourceQuery: ResourceQuery; Tags?: Record<string, string> },
  { Group: Group }
>("CreateGroup", "/groups");
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
