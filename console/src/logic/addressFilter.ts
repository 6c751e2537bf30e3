// The filter of a list in the address: keys with their values, of which any will do: `IamRole=a&IamRole=b&DefaultInstanceName=web`.

export interface FilterKey<K extends string = string> {
  readonly key: K;
  readonly label: string;
  /** Those to choose from; others may be typed. */
  readonly values?: readonly string[];
}

interface FilterToken {
  readonly propertyKey?: string | undefined;
  readonly value: string;
}

/** What the address says, in its order. */
export function filterTokens(
  keys: readonly FilterKey[],
  query: URLSearchParams,
): { propertyKey: string; operator: "="; value: string }[] {
  return [...query]
    .filter(([key]) => keys.some((known) => known.key === key))
    .map(([propertyKey, value]) => ({ propertyKey, operator: "=", value }));
}

/** Text without a key is a value of the first. */
export function filterQuery(keys: readonly FilterKey[], tokens: readonly FilterToken[]): URLSearchParams {
  const first = keys[0]?.key ?? "";
  return new URLSearchParams(tokens.map(({ propertyKey = first, value }) => [propertyKey, value.trim()]));
}

/** The keys that the address has, with their values. */
export function filterValues<K extends string>(
  keys: readonly FilterKey<K>[],
  query: URLSearchParams,
): { key: K; values: string[] }[] {
  return keys.map(({ key }) => ({ key, values: query.getAll(key) })).filter(({ values }) => values.length > 0);
}
