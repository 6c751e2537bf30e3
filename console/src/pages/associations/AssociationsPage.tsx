// State Manager: the associations that keep nodes as they should be.

import Button from "@cloudscape-design/components/button";

import { listAssociations } from "../../api/associations";
import { href, part } from "../../app/place";
import { Link } from "../../components/Link";
import { NodeName } from "../../components/NodeName";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Targets } from "../../components/Targets";
import { Time } from "../../components/Time";
import { scheduleText } from "../../logic/schedule";
import { targetsText } from "../../logic/targets";

export default function AssociationsPage() {
  return (
    <ServerTable
      id="associations"
      title="Associations"
      call={listAssociations}
      input={{}}
      items={(output) => output.Associations}
      trackBy={(association) => association.AssociationId ?? ""}
      actions={
        <Button variant="primary" href={href("/associations/create")}>
          Create association
        </Button>
      }
      columns={[
        {
          id: "name",
          header: "Association",
          cell: (association) => (
            <Link to={href(`/associations/${part(association.AssociationId ?? "")}`)}>
              {association.AssociationName ?? association.AssociationId}
            </Link>
          ),
          text: (association) => association.AssociationName ?? association.AssociationId,
          minWidth: 200,
        },
        {
          id: "document",
          header: "Document",
          cell: (association) => association.Name,
          text: (association) => association.Name,
        },
        {
          id: "status",
          header: "Status",
          cell: (association) => <Status status={association.Overview?.Status} />,
          text: (association) => association.Overview?.Status,
        },
        {
          id: "targets",
          header: "Targets",
          cell: ({ Targets: targets, InstanceId: node }) =>
            targets === undefined && node !== undefined ? <NodeName id={node} /> : <Targets of={targets} />,
          text: (association) => targetsText(association.Targets) || association.InstanceId,
        },
        {
          id: "schedule",
          header: "Schedule",
          cell: (association) => scheduleText(association.ScheduleExpression),
          text: (association) => association.ScheduleExpression,
        },
        {
          id: "last",
          header: "Last run",
          cell: (association) => <Time at={association.LastExecutionDate} short />,
          text: (association) => association.LastExecutionDate?.toISOString(),
        },
      ]}
      empty="There are no associations. One applies a document to nodes again and again: a scan every day, say."
    />
  );
}
