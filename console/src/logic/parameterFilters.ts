// The filter of the parameter list, and its form in the address: `Path=^/prod&Name=~db&tag:Env=prod`.

import type { DescribeParametersRequest, GetParametersByPathRequest, ParameterStringFilter } from "@aws-sdk/client-ssm";

import { DATA_TYPES, PARAMETER_TYPES } from "./parameterStore";

export interface ParameterToken {
  /** Without it the text is looked for in names. */
  readonly propertyKey?: string | undefined;
  readonly operator: string;
  readonly value: string;
}

export interface ParameterProperty {
  readonly key: string;
  readonly label: string;
  readonly values: readonly string[];
  readonly operators: readonly string[];
}

/** Below a path `^` is at any depth, `=` directly. */
const PROPERTIES: readonly ParameterProperty[] = [
  { key: "Name", label: "Name", values: [], operators: [":", "^", "="] },
  { key: "Path", label: "Path", values: [], operators: ["^", "="] },
  { key: "Type", label: "Type", values: PARAMETER_TYPES, operators: ["="] },
  { key: "Tier", label: "Tier", values: ["Standard", "Advanced"], operators: ["="] },
  { key: "Label", label: "Label", values: [], operators: ["="] },
  { key: "DataType", label: "Data type", values: Object.keys(DATA_TYPES), operators: ["=", "^"] },
  { key: "KeyId", label: "Key id", values: [], operators: ["=", "^"] },
];

/** A tag can be filtered by once the address names it; any other is typed as `tag:Key`. */
export function parameterProperties(query: URLSearchParams): ParameterProperty[] {
  const tags = new Set(["tag:Env", "tag:Name", ...[...query.keys()].filter(isTag)]);
  const ofTags = [...tags].map((key) => ({ key, label: `Tag ${key.slice(4)}`, values: [], operators: ["=", "^"] }));
  return [...PROPERTIES, ...ofTags];
}

function isTag(key: string): boolean {
  return key.startsWith("tag:") && key.length > 4;
}

function isKey(key: string): boolean {
  return isTag(key) || PROPERTIES.some((property) => property.key === key);
}

/** What stands before a value in the address; `=` where a value begins like one of them. */
const MARKS: Readonly<Record<string, string>> = { "^": "^", "~": ":", "=": "=" };

export function parameterTokens(query: URLSearchParams): ParameterToken[] {
  return [...query].flatMap(([key, text]) => {
    if (!isKey(key)) return [];
    const operator = MARKS[text.charAt(0)];
    return [{ propertyKey: key, operator: operator ?? "=", value: operator === undefined ? text : text.slice(1) }];
  });
}

/** Other values of the address stay. */
export function parameterQuery(tokens: readonly ParameterToken[], others: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams();
  for (const { propertyKey = "Name", operator, value } of tokens) {
    const mark = operator === ":" ? "~" : operator === "^" ? "^" : value.charAt(0) in MARKS ? "=" : "";
    query.append(propertyKey, `${mark}${value}`);
  }
  for (const [key, value] of others) if (!isKey(key)) query.append(key, value);
  return query;
}

function optionOf(key: string, operator: string): string {
  if (key === "Path") return operator === "^" ? "Recursive" : "OneLevel";
  return operator === ":" ? "Contains" : operator === "^" ? "BeginsWith" : "Equals";
}

/** Several values that one key is to have mean any of them. A key that is asked in two ways the server refuses. */
function filtersOf(tokens: readonly ParameterToken[]): ParameterStringFilter[] {
  const found = new Map<string, { Key: string; Option: string; Values: string[] }>();
  for (const { propertyKey = "Name", operator, value } of tokens) {
    const Option = optionOf(propertyKey, operator);
    const id = `${propertyKey} ${Option}`;
    const known = found.get(id);
    if (known === undefined) found.set(id, { Key: propertyKey, Option, Values: [value] });
    else known.Values.push(value);
  }
  return [...found.values()];
}

export function parametersRequest(tokens: readonly ParameterToken[]): DescribeParametersRequest {
  const filters = filtersOf(tokens);
  return filters.length === 0 ? {} : { ParameterFilters: filters };
}

/** Versions are found by their label only below a path: DescribeParameters knows no labels. */
export function hasLabel(tokens: readonly ParameterToken[]): boolean {
  return tokens.some(({ propertyKey }) => propertyKey === "Label");
}

/** Whatever else is asked that this operation does not know it refuses, by its name. */
export function labelledRequest(tokens: readonly ParameterToken[]): GetParametersByPathRequest {
  const path = tokens.find(({ propertyKey }) => propertyKey === "Path");
  return {
    Path: path?.value ?? "/",
    Recursive: path === undefined || path.operator === "^",
    ParameterFilters: filtersOf(tokens.filter((token) => token !== path)),
  };
}
