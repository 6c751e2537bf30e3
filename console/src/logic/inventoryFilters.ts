// The filter of nodes by their inventory, and its form in the address: `AWS:Application.Name=^openssl`.

import type { InventoryFilter, InventoryItemSchema } from "@aws-sdk/client-ssm";

export interface InventoryToken {
  /** `AWS:Application.Name` */
  readonly propertyKey: string;
  readonly operator: string;
  readonly value: string;
}

type Operator = NonNullable<InventoryFilter["Type"]>;

const OPERATORS: Record<string, Operator> = {
  "=": "Equal",
  "!=": "NotEqual",
  "^": "BeginWith",
  ">": "GreaterThan",
  "<": "LessThan",
};
/** What stands before a value in the address; nothing stands for equal. */
const MARKS: Record<string, string> = { "!": "!=", "^": "^", ">": ">", "<": "<", "=": "=" };

export const INVENTORY_OPERATORS = Object.keys(OPERATORS);
/** As many as one request takes. */
const MOST_FILTERS = 5;

export function isAttribute(key: string): boolean {
  return /^[A-Za-z]+:[^.\s]+\..+$/.test(key);
}

function textOf({ operator, value }: InventoryToken): string {
  if (operator !== "=") return `${operator.charAt(0)}${value}`;
  return value.charAt(0) in MARKS ? `=${value}` : value;
}

export function tokensOf(query: URLSearchParams): InventoryToken[] {
  return [...query].flatMap(([key, text]) => {
    if (!isAttribute(key)) return [];
    const operator = MARKS[text.charAt(0)];
    return [
      operator === undefined
        ? { propertyKey: key, operator: "=", value: text }
        : { propertyKey: key, operator, value: text.slice(1) },
    ];
  });
}

/** The address with these filters; what else it says stays. */
export function queryOf(tokens: readonly InventoryToken[], others = new URLSearchParams()): URLSearchParams {
  const query = new URLSearchParams([...others].filter(([key]) => !isAttribute(key)));
  for (const token of tokens) query.append(token.propertyKey, textOf(token));
  return query;
}

/** Several values that an attribute is to have mean any of them; whatever else is asked holds together. */
export function filtersOf(tokens: readonly InventoryToken[]): InventoryFilter[] {
  const found = new Map<string, { Key: string; Type: Operator; Values: string[] }>();
  for (const { propertyKey: Key, operator, value } of tokens) {
    const Type = OPERATORS[operator] ?? "Equal";
    const known = found.get(`${Key} ${Type}`);
    if (known === undefined) found.set(`${Key} ${Type}`, { Key, Type, Values: [value] });
    else known.Values.push(value);
  }
  return [...found.values()];
}

export function filtersProblem(tokens: readonly InventoryToken[]): string | undefined {
  return filtersOf(tokens).length > MOST_FILTERS ? `at most ${MOST_FILTERS} attributes at once` : undefined;
}

/** The type that the nodes were looked for by, to be opened on each. */
export function typeOf(tokens: readonly InventoryToken[]): string | undefined {
  return tokens[0]?.propertyKey.split(".")[0];
}

/** Finds the nodes that have anything of a type: an attribute that is not empty. */
export function anyOf({ TypeName: type = "", Attributes: attributes = [] }: InventoryItemSchema): InventoryToken[] {
  const names = attributes.flatMap(({ Name: name }) => name ?? []);
  const name = names.includes("Name") ? "Name" : names[0];
  return name === undefined ? [] : [{ propertyKey: `${type}.${name}`, operator: "!=", value: "" }];
}
