// The types of inventory that nodes tell, and how many nodes have anything of each.

import type { InventoryItemSchema } from "@aws-sdk/client-ssm";

import { countsOfTypes, getInventory, getInventorySchema, matchingIn } from "../../api/inventory";
import { useCall } from "../../api/use";
import { CallFailure } from "../../components/CallFailure";
import { columnsOf } from "../../components/columns";
import { NodeCount } from "../../components/ItemCount";
import { ServerTable } from "../../components/ServerTable";
import { anyOf, queryOf } from "../../logic/inventoryFilters";

/** The fewest that the operation answers at once. */
const PAGE = 50;

const { textColumn } = columnsOf<InventoryItemSchema>();

export function InventoryTypes() {
  const { data } = useCall(getInventorySchema, { MaxResults: PAGE });
  const schemas = data?.Schemas ?? [];
  const counts = useCall(getInventory, schemas.length === 0 ? undefined : countsOfTypes(schemas));
  return (
    <>
      {counts.error === null ? null : <CallFailure error={counts.error} onRetry={counts.refetch} />}
      <ServerTable
        id="inventory-types"
        title="Inventory types"
        inside
        call={getInventorySchema}
        input={{}}
        pageSize={PAGE}
        items={(output) => output.Schemas}
        trackBy={(schema) => schema.TypeName ?? ""}
        columns={[
          textColumn("type", "Type", (schema) => schema.TypeName, { minWidth: 220 }),
          textColumn("name", "Name", (schema) => schema.DisplayName),
          textColumn("version", "Version", (schema) => schema.Version),
          textColumn("attributes", "Attributes", (schema) =>
            (schema.Attributes ?? []).flatMap(({ Name: name }) => name ?? []).join(", "),
          ),
          {
            id: "nodes",
            header: "Nodes",
            cell: (schema) => (
              <NodeCount
                count={matchingIn(counts.data, schema.TypeName ?? "")}
                to={`#/inventory?${queryOf(anyOf(schema), new URLSearchParams({ tab: "nodes" })).toString()}`}
              />
            ),
            text: (schema) => matchingIn(counts.data, schema.TypeName ?? ""),
          },
        ]}
        empty="There are no inventory types."
      />
    </>
  );
}
