// Numbers of nodes by what they have of one type; each number opens them.

import Button from "@cloudscape-design/components/button";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { countedBy, getInventory, rowsOf } from "../../api/inventory";
import type { InventoryRow } from "../../api/inventory";
import { go } from "../../app/place";
import { NodeCount } from "../../components/ItemCount";
import { ServerTable } from "../../components/ServerTable";
import { queryOf } from "../../logic/inventoryFilters";

type Attribute = readonly [name: string, header: string];

interface Props {
  readonly id: string;
  readonly title: string;
  readonly type: string;
  readonly attributes: readonly Attribute[];
  /** The attribute by whose beginning nodes are looked for. */
  readonly search?: string;
  readonly empty: string;
}

const OF_NODES = new URLSearchParams({ tab: "nodes" });

function nodesWith(type: string, values: readonly (readonly [name: string, value: string])[], operator = "="): string {
  const tokens = values.map(([name, value]) => ({ propertyKey: `${type}.${name}`, operator, value }));
  return `#/inventory?${queryOf(tokens, OF_NODES).toString()}`;
}

export function CountedNodes({ id, title, type, attributes, search, empty }: Props) {
  const names = attributes.map(([name]) => name);
  const valuesOf = (row: InventoryRow) => names.map((name) => [name, row[name] ?? ""] as const);
  return (
    <ServerTable
      id={id}
      title={title}
      inside
      call={getInventory}
      input={{ Aggregators: [countedBy(type, names)] }}
      items={(output) => rowsOf(output, type)}
      trackBy={(row) => JSON.stringify(valuesOf(row))}
      columns={[
        ...attributes.map(([name, header]) => ({
          id: name,
          header,
          cell: (row: InventoryRow) => (row[name] === undefined || row[name] === "" ? "–" : row[name]),
          text: (row: InventoryRow) => row[name],
        })),
        {
          id: "nodes",
          header: "Nodes",
          cell: (row: InventoryRow) => (
            <NodeCount count={Number(row["Count"] ?? "0")} to={nodesWith(type, valuesOf(row))} />
          ),
          text: (row: InventoryRow) => row["Count"],
        },
      ]}
      filter={search === undefined ? undefined : <Search type={type} attribute={search} />}
      empty={empty}
    />
  );
}

function Search({ type, attribute }: { readonly type: string; readonly attribute: string }) {
  const [text, setText] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (text !== "") go(nodesWith(type, [[attribute, text]], "^"));
      }}
    >
      <SpaceBetween direction="horizontal" size="xs">
        <Input
          type="search"
          ariaLabel="The beginning of a name"
          placeholder="The beginning of a name"
          value={text}
          onChange={({ detail }) => setText(detail.value)}
        />
        <Button formAction="submit" disabled={text === ""}>
          Find nodes that have it
        </Button>
      </SpaceBetween>
    </form>
  );
}
