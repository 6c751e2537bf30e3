// Where the associations that reach a node stand on it.

import { DescribeInstanceAssociationsStatusCommand } from "@aws-sdk/client-ssm";

import { ssm } from "../../api/ssm";
import { href, part } from "../../app/place";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";

const describeStatus = ssm("DescribeInstanceAssociationsStatus", DescribeInstanceAssociationsStatusCommand);

export function NodeAssociations({ id }: { readonly id: string }) {
  return (
    <ServerTable
      id="node-associations"
      title="Associations"
      inside
      call={describeStatus}
      input={{ InstanceId: id }}
      items={(output) => output.InstanceAssociationStatusInfos}
      trackBy={(info) => info.AssociationId ?? ""}
      columns={[
        {
          id: "name",
          header: "Association",
          cell: (info) => (
            <Link to={href(`/associations/${part(info.AssociationId ?? "")}`)}>
              {info.AssociationName ?? info.AssociationId}
            </Link>
          ),
          text: (info) => info.AssociationId,
        },
        { id: "document", header: "Document", cell: (info) => info.Name, text: (info) => info.Name },
        {
          id: "status",
          header: "Status",
          cell: (info) => <Status status={info.Status} />,
          text: (info) => info.Status,
        },
        {
          id: "summary",
          header: "Summary",
          cell: (info) => info.ExecutionSummary ?? "–",
          text: (info) => info.ExecutionSummary,
        },
        {
          id: "at",
          header: "Last run",
          cell: (info) => <Time at={info.ExecutionDate} short />,
          text: (info) => info.ExecutionDate?.toISOString(),
        },
      ]}
      empty="No association reaches this node."
    />
  );
}
