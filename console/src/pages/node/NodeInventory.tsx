// What the node's inventory says, one type at a time.

import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { getInventorySchema, listInventoryEntries } from "../../api/inventory";
import { useCall } from "../../api/use";
import { useQueryValue } from "../../app/place";
import { Answer } from "../../components/Answer";
import { ServerTable } from "../../components/ServerTable";

const FIRST = "AWS:InstanceInformation";

export function NodeInventory({ id }: { readonly id: string }) {
  const [chosen, setType] = useQueryValue("type");
  const type = chosen === "" ? FIRST : chosen;
  const schemas = useCall(getInventorySchema, { MaxResults: 50 });
  return (
    <Answer of={schemas} what="inventory types">
      {({ Schemas: found = [] }) => {
        const attributes = found.find((schema) => schema.TypeName === type)?.Attributes ?? [];
        return (
          <SpaceBetween size="m">
            <Select
              ariaLabel="Inventory type"
              selectedOption={{ value: type, label: type }}
              options={found.map((schema) => ({ value: schema.TypeName ?? "", label: schema.TypeName ?? "" }))}
              onChange={({ detail }) => setType(detail.selectedOption.value)}
            />
            <ServerTable
              key={type}
              id={`inventory-${type}`}
              title={type}
              inside
              call={listInventoryEntries}
              input={{ InstanceId: id, TypeName: type }}
              items={(output) => output.Entries}
              trackBy={(entry) => JSON.stringify(entry)}
              columns={attributes.map(({ Name: name = "" }) => ({
                id: name,
                header: name,
                cell: (entry: Record<string, string>) => entry[name] ?? "–",
                text: (entry: Record<string, string>) => entry[name],
              }))}
              empty="The node has told nothing of this type. The association AWS-GatherSoftwareInventory has nodes tell it."
            />
          </SpaceBetween>
        );
      }}
    </Answer>
  );
}
