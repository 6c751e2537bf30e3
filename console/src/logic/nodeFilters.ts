// The filter of the node list, and its form in the address: `ComplianceStatus=STALE&tag:Env=!prod&ScanAge=>7d`.

import type { ListNodeSummariesRequest, NodeFilter } from "../api/fleet";
import { WORST_STATES } from "./status";

export interface FilterToken {
  /** Without it the text is looked for in ids and names. */
  readonly propertyKey?: string | undefined;
  readonly operator: string;
  readonly value: string;
}

/** A key of the list's filter with the words that the page shows for it. */
export interface FilterProperty {
  readonly key: string;
  readonly label: string;
  readonly values: readonly string[];
  readonly operators: readonly string[];
}

const TEXT = ["=", "!=", "^"];

export const PROPERTIES: readonly FilterProperty[] = [
  {
    key: "ComplianceStatus",
    label: "Compliance",
    values: ["COMPLIANT", "NON_COMPLIANT", "UNKNOWN", "STALE"],
    operators: TEXT,
  },
  {
    key: "WorstState",
    label: "Worst state",
    values: [...WORST_STATES, "STALE", "UNKNOWN", "COMPLIANT"],
    operators: TEXT,
  },
  { key: "PingStatus", label: "Ping status", values: ["Online", "ConnectionLost"], operators: TEXT },
  { key: "PlatformType", label: "Platform type", values: ["Linux", "Windows", "MacOS"], operators: TEXT },
  { key: "PlatformName", label: "Platform", values: [], operators: TEXT },
  { key: "PatchGroup", label: "Patch group", values: [], operators: TEXT },
  { key: "BaselineId", label: "Baseline id", values: [], operators: TEXT },
  { key: "Name", label: "Name", values: [], operators: TEXT },
  { key: "NodeId", label: "Node id", values: [], operators: TEXT },
  { key: "PendingReboot", label: "Pending reboot", values: ["true"], operators: ["="] },
  { key: "ScanAge", label: "Scan age", values: ["1h", "12h", "1d", "7d", "30d"], operators: [">", "<"] },
];

const OPERATORS: Record<string, NonNullable<NodeFilter["Operator"]>> = {
  "=": "Equal",
  "!=": "NotEqual",
  "^": "BeginWith",
  ">": "GreaterThan",
  "<": "LessThan",
};

/** What stands before a value in the address. */
const MARKS: Record<string, string> = { "!": "!=", "^": "^", ">": ">", "<": "<" };

const PENDING_REBOOT: NodeFilter = { Key: "InstalledPendingRebootCount", Operator: "GreaterThan", Values: ["0"] };
const SECONDS: Record<string, number> = { m: 60, h: 3600, d: 86_400 };
const ANY_NAME = "AnyName";

function isKey(key: string): boolean {
  return key === ANY_NAME || key.startsWith("tag:") || PROPERTIES.some((property) => property.key === key);
}

/** What the address says; `!` before a value means not, `^` that it begins so. */
export function tokensOf(query: URLSearchParams): FilterToken[] {
  return [...query].flatMap(([key, text]) => {
    if (!isKey(key)) return [];
    if (key === ANY_NAME) return [{ operator: ":", value: text }];
    const operator = MARKS[text.charAt(0)] ?? "=";
    return [{ propertyKey: key, operator, value: operator === "=" ? text : text.slice(1) }];
  });
}

export function queryOf(tokens: readonly FilterToken[], others: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams();
  for (const { propertyKey, operator, value } of tokens) {
    const mark = propertyKey === undefined || operator === "=" ? "" : operator.charAt(0);
    query.append(propertyKey ?? ANY_NAME, `${mark}${value}`);
  }
  for (const [key, value] of others) if (!isKey(key)) query.append(key, value);
  return query;
}

/** `7d`, `12h` or `30m` in seconds; anything else as it stands, for the server to refuse. */
export function ageSeconds(text: string): string {
  const [, count, unit] = /^\s*(\d{1,6})\s*([mhd])\s*$/.exec(text) ?? [];
  const seconds = SECONDS[unit ?? ""];
  return seconds === undefined ? text : String(Number(count) * seconds);
}

function filterOf({ propertyKey, operator, value }: FilterToken): NodeFilter {
  if (propertyKey === undefined) return { Key: ANY_NAME, Operator: "Contains", Values: [value] };
  if (propertyKey === "PendingReboot") return PENDING_REBOOT;
  const Operator = OPERATORS[operator] ?? "Equal";
  if (propertyKey === "ScanAge") return { Key: "ScanAgeSeconds", Operator, Values: [ageSeconds(value)] };
  return { Key: propertyKey, Operator, Values: [value] };
}

export function requestOf(query: URLSearchParams): ListNodeSummariesRequest {
  const filters = tokensOf(query).map(filterOf);
  const sort = query.get("sort");
  return {
    ...(filters.length === 0 ? {} : { Filters: merged(filters) }),
    ...(sort === null ? {} : { SortBy: sort, SortOrder: query.get("order") === "desc" ? "DESCENDING" : "ASCENDING" }),
  };
}

/** Several values that one key is to have mean any of them; whatever else is asked holds together. */
function merged(filters: readonly NodeFilter[]): NodeFilter[] {
  const found = new Map<string, NodeFilter>();
  for (const filter of filters) {
    const mayBeAny = filter.Operator === "Equal" || filter.Operator === "NotEqual" || filter.Operator === "BeginWith";
    const key = `${filter.Key} ${filter.Operator ?? ""} ${mayBeAny ? "" : filter.Values.join()}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { ...filter, Values: [...filter.Values] });
    else if (mayBeAny) known.Values.push(...filter.Values);
  }
  return [...found.values()];
}
