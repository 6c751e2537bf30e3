// One association: what it applies, to which nodes, and its runs.

import type { AssociationExecution } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import { useState } from "react";

import {
  deleteAssociation,
  describeAssociation,
  describeAssociationExecutions,
  describeAssociationExecutionTargets,
  startAssociationsOnce,
} from "../../api/associations";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { NodeName } from "../../components/NodeName";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Targets } from "../../components/Targets";
import { Time } from "../../components/Time";
import { countsOf, countsText } from "../../logic/counts";
import { scheduleText } from "../../logic/schedule";
import { wordOf } from "../../logic/status";
import { momentText } from "../../logic/time";

const POLL_MS = 5000;

function nameOf(run: AssociationExecution): string | undefined {
  return momentText(run.CreatedTime) ?? run.ExecutionId;
}

export default function AssociationPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const [run, setRun] = useState<AssociationExecution>();
  const answer = useCall(describeAssociation, { AssociationId: id }, { poll: POLL_MS });
  const start = useAction(startAssociationsOnce, { done: () => "The association runs now." });
  const remove = useAction(deleteAssociation, {
    done: () => "The association is deleted.",
    onDone: () => go(href("/associations")),
  });
  return (
    <Answer of={answer} what="the association">
      {({ AssociationDescription: association }) => (
        <DetailPage
          title={association?.AssociationName ?? association?.Name}
          id={id}
          requests={[
            { service: "ssm", operation: "DescribeAssociation", input: { AssociationId: id } },
            { service: "ssm", operation: "StartAssociationsOnce", input: { AssociationIds: [id] } },
            { service: "ssm", operation: "DeleteAssociation", input: { AssociationId: id } },
          ]}
          actions={
            <>
              <Confirm
                label="Delete"
                title="Delete this association?"
                onConfirm={() => remove.mutate({ AssociationId: id })}
              >
                It applies to no node any more. What it did stays done.
              </Confirm>
              <Button href={href(`/associations/${part(id)}/edit`)}>Edit</Button>
              <Button
                variant="primary"
                loading={start.isPending}
                onClick={() => start.mutate({ AssociationIds: [id] })}
              >
                Apply now
              </Button>
            </>
          }
        >
          <Container header={<Header variant="h2">Association</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                { label: "Status", value: <Status status={association?.Overview?.Status} /> },
                {
                  label: "Document",
                  value: <Link to={href(`/documents/${part(association?.Name ?? "")}`)}>{association?.Name}</Link>,
                },
                { label: "Schedule", value: scheduleText(association?.ScheduleExpression) },
                { label: "Last run", value: <Time at={association?.LastExecutionDate} /> },
                { label: "Targets", value: <Targets of={association?.Targets} /> },
                { label: "At the same time", value: association?.MaxConcurrency ?? "–" },
                { label: "Error threshold", value: association?.MaxErrors ?? "–" },
                { label: "Compliance severity", value: wordOf(association?.ComplianceSeverity ?? "UNSPECIFIED") },
                ...Object.entries(association?.Parameters ?? {}).map(([label, values]) => ({
                  label,
                  value: values.join("\n"),
                })),
              ]}
            />
          </Container>
          <ServerTable
            id="association-executions"
            title="Runs"
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
                        to={href(
                          `/commands/${part(target.OutputSource.OutputSourceId)}/${part(target.ResourceId ?? "")}`,
                        )}
                      >
                        Output
                      </Link>
                    ),
                },
              ]}
              empty="No node was addressed."
            />
          )}
        </DetailPage>
      )}
    </Answer>
  );
}
