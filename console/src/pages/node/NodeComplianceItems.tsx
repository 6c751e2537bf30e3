// The compliance items of a node: patches, associations and types of one's own.

import { ListComplianceItemsCommand } from "@aws-sdk/client-ssm";
import type { ComplianceItem } from "@aws-sdk/client-ssm";

import { ssm } from "../../api/ssm";
import { useQueryValue } from "../../app/place";
import { ComplianceChoices } from "../../components/ComplianceChoices";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { wordOf } from "../../logic/status";

const listComplianceItems = ssm("ListComplianceItems", ListComplianceItemsCommand);

/** Beside types of one's own. */
const TYPES = ["Association", "Patch"];

/** Packages that no rule is about have no title. */
function nameOf({ Title: title, Id: id }: ComplianceItem): string | undefined {
  return title === undefined || title === "" ? id : title;
}

export function NodeComplianceItems({ id }: { readonly id: string }) {
  // The part about the inventory has a type of its own.
  const [type, setType] = useQueryValue("of");
  const [status, setStatus] = useQueryValue("status");
  const [severity, setSeverity] = useQueryValue("severity");
  const filters = [
    { Key: "ComplianceType", Values: [type], Type: "EQUAL" as const },
    { Key: "Status", Values: [status], Type: "EQUAL" as const },
    { Key: "Severity", Values: [severity], Type: "EQUAL" as const },
  ].filter(({ Values }) => Values[0] !== "");
  return (
    <ServerTable
      id="node-compliance"
      title="Compliance items"
      inside
      call={listComplianceItems}
      input={{
        ResourceIds: [id],
        ResourceTypes: ["ManagedInstance"],
        ...(filters.length === 0 ? {} : { Filters: filters }),
      }}
      filter={
        <ComplianceChoices
          types={TYPES}
          type={[type, setType]}
          status={[status, setStatus]}
          severity={[severity, setSeverity]}
        />
      }
      items={(output) => output.ComplianceItems}
      trackBy={(item) => `${item.ComplianceType ?? ""} ${item.Id ?? ""} ${item.Title ?? ""}`}
      columns={[
        {
          id: "item",
          header: "Item",
          cell: nameOf,
          text: nameOf,
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
          cell: (item) => (item.Details?.["PatchState"] === undefined ? "–" : wordOf(item.Details["PatchState"])),
          text: (item) => item.Details?.["PatchState"],
        },
        { id: "id", header: "Id", cell: (item) => item.Id, text: (item) => item.Id, hidden: true },
      ]}
      empty={filters.length === 0 ? "Nothing has been reported for this node yet." : "Nothing of this node matches."}
    />
  );
}
