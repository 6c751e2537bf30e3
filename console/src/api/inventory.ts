// Inventory's operations, and what nodes are counted by.

import type {
  GetInventoryCommandOutput,
  GetInventoryCommandInput,
  InventoryAggregator,
  InventoryItemSchema,
} from "@aws-sdk/client-ssm";
import { GetInventoryCommand, GetInventorySchemaCommand, ListInventoryEntriesCommand } from "@aws-sdk/client-ssm";

import { ssm } from "./ssm";

export const getInventory = ssm("GetInventory", GetInventoryCommand);
export const getInventorySchema = ssm("GetInventorySchema", GetInventorySchemaCommand);
export const listInventoryEntries = ssm("ListInventoryEntries", ListInventoryEntriesCommand);

/** What a row is made of: attributes, and where nodes are counted their number as `Count`. */
export type InventoryRow = Readonly<Record<string, string>>;

/** A group has room for so many types, a request for so many groups of them. */
const MOST_GROUPS = 15;

/** Counts nodes by attributes of a type, each within the one before. */
export function countedBy(type: string, [first = "", ...others]: readonly string[]): InventoryAggregator {
  return {
    Expression: `${type}.${first}`,
    ...(others.length === 0 ? {} : { Aggregators: [countedBy(type, others)] }),
  };
}

/** Counts the nodes that have anything of each type. */
export function countsOfTypes(schemas: readonly InventoryItemSchema[]): GetInventoryCommandInput {
  const groups = schemas.map(({ TypeName: type = "" }) => ({
    Name: type,
    Filters: [{ Key: "TypeName", Type: "Exists" as const, Values: [type] }],
  }));
  const aggregators = Array.from({ length: Math.ceil(groups.length / MOST_GROUPS) }, (_, index) => ({
    Groups: groups.slice(index * MOST_GROUPS, (index + 1) * MOST_GROUPS),
  }));
  return { Aggregators: aggregators };
}

/** The rows of a count. */
export function rowsOf(output: GetInventoryCommandOutput, name: string): readonly InventoryRow[] {
  return output.Entities?.[0]?.Data?.[name]?.Content ?? [];
}

/** How many nodes are in a group; nothing where it was not asked for. */
export function matchingIn(output: GetInventoryCommandOutput | undefined, group: string): number | undefined {
  const counts = output?.Entities?.[0]?.Data?.[group]?.Content?.map((row) => row["matchingCount"]);
  const count = counts?.find((text) => text !== undefined);
  return count === undefined ? undefined : Number(count);
}
