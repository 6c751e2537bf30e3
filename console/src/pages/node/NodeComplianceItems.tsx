// The compliance items of a node: patches, associations and types of one's own.

import { ListComplianceItemsCommand } from "@aws-sdk/client-ssm";

import { ssm } from "../../api/ssm";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { wordOf } from "../../logic/status";

const listComplianceItems = ssm("ListComplianceItems", ListComplianceItemsCommand);

export function NodeComplianceItems({ id }: { readonly id: string }) {
  return (
    <ServerTable
      id="node-compliance"
      title="Compliance items"
      inside
      call={listComplianceItems}
      input={{ ResourceIds: [id], ResourceTypes: ["ManagedInstance"] }}
      items={(output) => output.ComplianceItems}
      trackBy={(item) => `${item.ComplianceType ?? ""} ${item.Id ?? ""} ${item.Title ?? ""}`}
      columns={[
        {
          id: "item",
          header: "Item",
          cell: (item) => item.Title ?? item.Id,
          text: (item) => item.Title ?? item.Id,
          minWidth: 200,
        },
        {
          id: "type",
          header: "Compliance type",
          cell: (item) => item.ComplianceType,
          text: (item) => item.ComplianceType,
        },
        {
          id: "status",
          header: "Status",
          cell: (item) => <Status status={item.Status} />,
          text: (item) => item.Status,
          minWidth: 140,
        },
        { id: "severity", header: "Severity", cell: (item) => wordOf(item.Severity), text: (item) => item.Severity },
        {
          id: "state",
          header: "Patch state",
          cell: (item) => item.Details?.["PatchState"] ?? "–",
          text: (item) => item.Details?.["PatchState"],
        },
        { id: "id", header: "Id", cell: (item) => item.Id, text: (item) => item.Id, hidden: true },
      ]}
      empty="Nothing has been reported for this node yet."
    />
  );
}
