// The runs of an association, and where one of them stands on each node.

import type { AssociationExecution } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { describeAssociationExecutions, describeAssociationExecutionTargets } from "../../api/associations";
import { href, part } from "../../app/place";
import { Link } from "../../components/Link";
import { NodeName } from "../../components/NodeName";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { countsOf, countsText } from "../../logic/counts";
import { momentText } from "../../logic/time";

const POLL_MS = 5000;

function nameOf(run: AssociationExecution): string | undefined {
  return momentText(run.CreatedTime) ?? run.ExecutionId;
}

export function AssociationRuns({ id }: { readonly id: string }) {
  const [run, setRun] = useState<AssociationExecution>();
  return (
    <SpaceBetween size="l">
      <ServerTable
        id="association-executions"
        title="Runs"
        inside
        call={describeAssociationExecutions}
        input={{ AssociationId: id }}
        items={(output) => output.AssociationExecutions}
        trackBy={(execution) => execution.ExecutionId ?? ""}
        poll={POLL_MS}
        columns={[
          {
            id: "at",
            header: "Run",
            cell: (execution) => (
              <Button variant="inline-link" onClick={() => setRun(execution)}>
                {nameOf(execution)}
              </Button>
            ),
            minWidth: 190,
          },
          {
            id: "status",
            header: "Status",
            cell: (execution) => <Status status={execution.Status} />,
            text: (execution) => execution.Status,
          },
          {
            id: "created",
            header: "Started",
            cell: (execution) => <Time at={execution.CreatedTime} short />,
            text: (execution) => execution.CreatedTime?.toISOString(),
          },
          {
            id: "nodes",
            header: "Nodes",
            cell: (execution) => countsText(countsOf(execution.ResourceCountByStatus)) || "–",
            text: (execution) => execution.ResourceCountByStatus,
          },
          {
            id: "id",
            header: "Run id",
            cell: (execution) => execution.ExecutionId,
            text: (execution) => execution.ExecutionId,
            hidden: true,
          },
        ]}
        empty="It has not run yet."
      />
      {run === undefined ? null : (
        <ServerTable
          key={run.ExecutionId}
          id="association-targets"
          title={`Nodes of the run of ${nameOf(run) ?? ""}`}
          inside
          call={describeAssociationExecutionTargets}
          input={{ AssociationId: id, ExecutionId: run.ExecutionId ?? "" }}
          items={(output) => output.AssociationExecutionTargets}
          trackBy={(target) => target.ResourceId ?? ""}
          columns={[
            {
              id: "node",
              header: "Node",
              cell: (target) => <NodeName id={target.ResourceId ?? ""} />,
              text: (target) => target.ResourceId,
            },
            {
              id: "status",
              header: "Status",
              cell: (target) => <Status status={target.Status} />,
              text: (target) => target.Status,
            },
            {
              id: "details",
              header: "Details",
              cell: (target) => target.DetailedStatus ?? "–",
              text: (target) => target.DetailedStatus,
            },
            {
              id: "output",
              header: "Output",
              cell: (target) =>
                target.OutputSource?.OutputSourceId === undefined ? (
                  "–"
                ) : (
                  <Link
                    to={href(`/commands/${part(target.OutputSource.OutputSourceId)}/${part(target.ResourceId ?? "")}`)}
                  >
                    Output
                  </Link>
                ),
            },
          ]}
          empty="No node was addressed."
        />
      )}
    </SpaceBetween>
  );
}
