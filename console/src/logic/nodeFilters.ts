// The filter of the node list, and its form in the address: `status=NON_COMPLIANT&tag:Env=prod`.

import type { ListNodeSummariesRequest, NodeFilter } from "../api/fleet";

export interface FilterToken {
  readonly propertyKey?: string | undefined;
  readonly operator: string;
  readonly value: string;
}

/** A key of the list's filter with the words that the page shows for it. */
export interface FilterProperty {
  readonly key: string;
  readonly label: string;
  readonly values: readonly string[];
}

export const PROPERTIES: readonly FilterProperty[] = [
  { key: "ComplianceStatus", label: "Compliance", values: ["COMPLIANT", "NON_COMPLIANT", "UNKNOWN", "STALE"] },
  { key: "PingStatus", label: "Ping status", values: ["Online", "ConnectionLost", "Inactive"] },
  { key: "PlatformType", label: "Platform type", values: ["Linux", "Windows", "MacOS"] },
  { key: "PlatformName", label: "Platform", values: [] },
  { key: "PatchGroup", label: "Patch group", values: [] },
  { key: "BaselineId", label: "Baseline id", values: [] },
  { key: "Name", label: "Name", values: [] },
  { key: "NodeId", label: "Node id", values: [] },
  { key: "PendingReboot", label: "Pending reboot", values: ["true"] },
];

const OPERATORS: Record<string, NonNullable<NodeFilter["Operator"]>> = {
  "=": "Equal",
  "!=": "NotEqual",
  "^": "BeginWith",
};

const PENDING_REBOOT = { Key: "InstalledPendingRebootCount", Operator: "GreaterThan" as const, Values: ["0"] };

function isKey(key: string): boolean {
  return key.startsWith("tag:") || PROPERTIES.some((property) => property.key === key);
}

/** What the address says; `!` before a value means not, `^` that it begins so. */
export function tokensOf(query: URLSearchParams): FilterToken[] {
  return [...query].flatMap(([key, text]) => {
    if (!isKey(key)) return [];
    const operator = text.startsWith("!") ? "!=" : text.startsWith("^") ? "^" : "=";
    return [{ propertyKey: key, operator, value: operator === "=" ? text : text.slice(1) }];
  });
}

export function queryOf(tokens: readonly FilterToken[], others: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams();
  for (const { propertyKey, operator, value } of tokens) {
    // Text without a property is taken for the beginning of a name.
    const key = propertyKey ?? "Name";
    query.append(
      key,
      propertyKey === undefined ? `^${value}` : `${operator === "=" ? "" : operator.charAt(0)}${value}`,
    );
  }
  for (const [key, value] of others) if (!isKey(key)) query.append(key, value);
  return query;
}

export function requestOf(query: URLSearchParams): ListNodeSummariesRequest {
  const filters = tokensOf(query).map(({ propertyKey, operator, value }) =>
    propertyKey === "PendingReboot"
      ? PENDING_REBOOT
      : {
          Key: propertyKey ?? "Name",
          Operator: OPERATORS[operator] ?? "Equal",
          Values: [value],
        },
  );
  const sort = query.get("sort");
  return {
    ...(filters.length === 0 ? {} : { Filters: merged(filters) }),
    ...(sort === null ? {} : { SortBy: sort, SortOrder: query.get("order") === "desc" ? "DESCENDING" : "ASCENDING" }),
  };
}

/** Several values of one key mean any of them. */
function merged(filters: readonly Required<NodeFilter>[]): NodeFilter[] {
  const found = new Map<string, Required<NodeFilter>>();
  for (const filter of filters) {
    const key = `${filter.Key} ${filter.Operator}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { ...filter, Values: [...filter.Values] });
    else known.Values.push(...filter.Values);
  }
  return [...found.values()];
}
