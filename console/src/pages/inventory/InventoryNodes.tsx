// The nodes that have something in their inventory: found by the server, by any attribute of any type.

import type { InventoryResultEntity } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import PropertyFilter from "@cloudscape-design/components/property-filter";
import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { getInventory, getInventorySchema } from "../../api/inventory";
import type { InventoryRow } from "../../api/inventory";
import { useCall } from "../../api/use";
import { href, part, replace, usePlace } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { Link } from "../../components/Link";
import { useNodeName } from "../../components/NodeName";
import { ServerTable } from "../../components/ServerTable";
import {
  filtersOf,
  filtersProblem,
  INVENTORY_OPERATORS,
  queryOf,
  tokensOf,
  typeOf,
} from "../../logic/inventoryFilters";
import type { InventoryToken } from "../../logic/inventoryFilters";

type Operators = NonNullable<PropertyFilterProps.FilteringProperty["operators"]>;

const TYPE = "AWS:InstanceInformation";
const { textColumn } = columnsOf<InventoryResultEntity>();

function said(node: InventoryResultEntity): InventoryRow {
  return node.Data?.[TYPE]?.Content?.[0] ?? {};
}

export function InventoryNodes() {
  const { query } = usePlace();
  const tokens = tokensOf(query);
  const type = typeOf(tokens);
  const problem = filtersProblem(tokens);
  const filters = filtersOf(tokens);
  const { data } = useCall(getInventorySchema, { MaxResults: 50 });
  const known = (data?.Schemas ?? []).flatMap(({ TypeName: name = "", Attributes: attributes = [] }) =>
    attributes.map((attribute) => `${name}.${attribute.Name ?? ""}`),
  );
  // What an address names can be shown, whether the server knows it or not.
  const keys = [...new Set([...known, ...tokens.map(({ propertyKey }) => propertyKey)])];
  const show = (next: readonly InventoryToken[]): void => replace(`/inventory?${queryOf(next, query).toString()}`);
  return (
    <ServerTable
      id="inventory-nodes"
      title="Nodes"
      description={problem ?? "Conditions on one type hold in one and the same entry of it"}
      inside
      call={getInventory}
      input={filters.length === 0 ? {} : { Filters: filters }}
      items={(output) => output.Entities}
      trackBy={(node) => node.Id ?? ""}
      columns={[
        {
          id: "name",
          header: "Node",
          cell: (node) => <Node id={node.Id ?? ""} type={type} />,
          text: (node) => said(node)["ComputerName"] ?? node.Id,
          minWidth: 180,
        },
        textColumn("id", "Node id", (node) => node.Id),
        textColumn("platform", "Platform", (node) => said(node)["PlatformName"]),
        textColumn("version", "Version", (node) => said(node)["PlatformVersion"]),
        textColumn("agent", "Agent", (node) => said(node)["AgentVersion"]),
        textColumn("address", "IP address", (node) => said(node)["IpAddress"]),
      ]}
      filter={
        <PropertyFilter
          query={{ tokens: [...tokens], operation: "and" }}
          onChange={({ detail }) =>
            show(
              detail.tokens.flatMap(({ propertyKey, operator, value }) =>
                propertyKey === undefined ? [] : [{ propertyKey, operator, value: String(value) }],
              ),
            )
          }
          hideOperations
          disableFreeTextFiltering
          filteringPlaceholder="Filter by an attribute, such as AWS:Application.Name"
          filteringAriaLabel="Filter nodes by inventory"
          filteringProperties={keys.map((key) => ({
            key,
            propertyLabel: key,
            groupValuesLabel: `${key} values`,
            operators: [...INVENTORY_OPERATORS] as Operators,
          }))}
          filteringOptions={[]}
        />
      }
      empty={
        tokens.length === 0 ? (
          "There are no nodes."
        ) : (
          <SpaceBetween size="s">
            <Box>No node of this page has that in its inventory.</Box>
            <Button onClick={() => show([])}>Clear the filter</Button>
          </SpaceBetween>
        )
      }
    />
  );
}

function Node({ id, type }: { readonly id: string; readonly type: string | undefined }) {
  const name = useNodeName(id);
  return <Link to={href(`/nodes/${part(id)}`, { tab: "inventory", type })}>{name}</Link>;
}
