// One association: what it applies, to which nodes, its runs and its versions.

import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Tabs from "@cloudscape-design/components/tabs";

import { deleteAssociation, describeAssociation, startAssociationsOnce } from "../../api/associations";
import { useAction, useCall } from "../../api/use";
import { go, href, part, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Status } from "../../components/Status";
import { Targets } from "../../components/Targets";
import { Time } from "../../components/Time";
import { scheduleText } from "../../logic/schedule";
import { wordOf } from "../../logic/status";
import { AssociationRuns } from "./AssociationRuns";
import { AssociationVersions } from "./AssociationVersions";

const POLL_MS = 5000;

export default function AssociationPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const [tab, setTab] = useQueryValue("tab");
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
          <Tabs
            activeTabId={tab === "" ? "runs" : tab}
            onChange={({ detail }) => setTab(detail.activeTabId)}
            tabs={[
              { id: "runs", label: "Runs", content: <AssociationRuns id={id} /> },
              { id: "versions", label: "Versions", content: <AssociationVersions id={id} /> },
            ]}
          />
        </DetailPage>
      )}
    </Answer>
  );
}
