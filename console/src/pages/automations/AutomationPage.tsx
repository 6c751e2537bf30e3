// One execution of a runbook: the graph of its steps, what each did, approve, reject, stop.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Grid from "@cloudscape-design/components/grid";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { AutomationExecution, StepExecution } from "@aws-sdk/client-ssm";
import { useMemo, useState } from "react";

import { getAutomationExecution, sendAutomationSignal, stopAutomationExecution } from "../../api/automations";
import { getDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Missing } from "../../components/Missing";
import { Status } from "../../components/Status";
import { StepGraph } from "../../components/StepGraph";
import { Time } from "../../components/Time";
import { nextSteps } from "../../logic/graph";
import { isUnderWay } from "../../logic/status";

const POLL_MS = 2000;

export default function AutomationPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const answer = useCall(
    getAutomationExecution,
    { AutomationExecutionId: id },
    { poll: (data) => (isUnderWay(data?.AutomationExecution?.AutomationExecutionStatus) ? POLL_MS : false) },
  );
  return (
    <Answer of={answer} what="the execution">
      {({ AutomationExecution: execution }) =>
        execution === undefined ? (
          <Missing what={`Execution ${id}`} list={href("/automations")} />
        ) : (
          <Shown execution={execution} id={id} />
        )
      }
    </Answer>
  );
}

function Shown({ execution, id }: { readonly execution: AutomationExecution; readonly id: string }) {
  const stop = useAction(stopAutomationExecution, { done: () => "The execution is being stopped." });
  const steps = execution.StepExecutions ?? [];
  const declared = useDeclared(execution);
  const underWay = isUnderWay(execution.AutomationExecutionStatus);
  // One that has only begun takes no answer yet.
  const asks = steps.find((step) => step.Action === "aws:approve" && step.StepStatus === "Waiting");
  return (
    <DetailPage
      title={execution.DocumentName}
      id={id}
      requests={[
        { service: "ssm", operation: "GetAutomationExecution", input: { AutomationExecutionId: id } },
        ...(asks === undefined ? [] : (["Approve", "Reject"] as const)).map((SignalType) => ({
          service: "ssm" as const,
          operation: "SendAutomationSignal",
          input: { AutomationExecutionId: id, SignalType },
        })),
        ...(underWay
          ? [
              {
                service: "ssm" as const,
                operation: "StopAutomationExecution",
                input: { AutomationExecutionId: id, Type: "Cancel" },
              },
            ]
          : []),
      ]}
      actions={
        underWay ? (
          <Confirm
            label="Stop"
            title="Stop this execution?"
            onConfirm={() => stop.mutate({ AutomationExecutionId: id, Type: "Cancel" })}
          >
            Steps that have not begun will not begin, and what runs is cancelled.
          </Confirm>
        ) : null
      }
    >
      {asks === undefined ? null : <Approval id={id} step={asks} />}
      {execution.FailureMessage === undefined || execution.FailureMessage === "" ? null : (
        <Alert type="error" header="The execution failed">
          {execution.FailureMessage}
        </Alert>
      )}
      <Container header={<Header variant="h2">Execution</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Status", value: <Status status={execution.AutomationExecutionStatus} /> },
            {
              label: "Runbook",
              value: (
                <Link to={href(`/documents/${part(execution.DocumentName ?? "")}`)}>{execution.DocumentName}</Link>
              ),
            },
            { label: "Started", value: <Time at={execution.ExecutionStartTime} /> },
            { label: "Ended", value: <Time at={execution.ExecutionEndTime} /> },
            ...Object.entries(execution.Parameters ?? {}).map(([label, values]) => ({
              label,
              value: values.join(", "),
            })),
          ]}
        />
      </Container>
      <Grid gridDefinition={[{ colspan: { default: 12, l: 5 } }, { colspan: { default: 12, l: 7 } }]}>
        <Container fitHeight header={<Header variant="h2">Graph</Header>}>
          <StepGraph
            steps={steps.map((step) => ({
              name: step.StepName ?? "",
              status: step.StepStatus === "Pending" ? undefined : step.StepStatus,
              action: step.Action,
              next:
                declared.get(step.StepName ?? "") ??
                (step.NextStep === undefined || step.NextStep === "" ? [] : [step.NextStep]),
              isEnd: step.IsEnd === true,
            }))}
          />
        </Container>
        <Container fitHeight header={<Header variant="h2">Steps</Header>}>
          {steps.map((step) => (
            <Step key={step.StepExecutionId ?? step.StepName} step={step} />
          ))}
        </Container>
      </Grid>
    </DetailPage>
  );
}

/** What the runbook says of where steps go. Without it, the graph has the ways that were taken. */
function useDeclared(execution: AutomationExecution): ReadonlyMap<string, readonly string[]> {
  const { DocumentName: Name, DocumentVersion } = execution;
  const answer = useCall(
    getDocument,
    Name === undefined
      ? undefined
      : { Name, DocumentFormat: "JSON", ...(DocumentVersion === undefined ? {} : { DocumentVersion }) },
  );
  const content = answer.data?.Content;
  return useMemo(() => nextSteps(parsed(content)), [content]);
}

function parsed(content: string | undefined): unknown {
  try {
    return JSON.parse(content ?? "null");
  } catch {
    return null;
  }
}

function Step({ step }: { readonly step: StepExecution }) {
  const command = step.Outputs?.["CommandId"]?.[0];
  const outputs = Object.entries(step.Outputs ?? {});
  return (
    <ExpandableSection
      headerText={step.StepName}
      headerDescription={step.Action ?? ""}
      headerActions={<Status status={step.StepStatus} />}
    >
      <SpaceBetween size="s">
        <KeyValuePairs
          columns={2}
          items={[
            { label: "Began", value: <Time at={step.ExecutionStartTime} /> },
            { label: "Ended", value: <Time at={step.ExecutionEndTime} /> },
            ...(command === undefined
              ? []
              : [{ label: "Command", value: <Link to={href(`/commands/${part(command)}`)}>{command}</Link> }]),
          ]}
        />
        {step.FailureMessage === undefined || step.FailureMessage === "" ? null : (
          <Alert type="error">{step.FailureMessage}</Alert>
        )}
        {outputs.length === 0 ? null : (
          <pre className="output">{outputs.map(([name, values]) => `${name}: ${values.join("\n")}`).join("\n")}</pre>
        )}
      </SpaceBetween>
    </ExpandableSection>
  );
}

function Approval({ id, step }: { readonly id: string; readonly step: StepExecution }) {
  const [comment, setComment] = useState("");
  const signal = useAction(sendAutomationSignal, {
    done: (_, input) => (input.SignalType === "Approve" ? "Approved." : "Rejected."),
  });
  const send = (SignalType: "Approve" | "Reject"): void =>
    signal.mutate({
      AutomationExecutionId: id,
      SignalType,
      ...(comment === "" ? {} : { Payload: { Comment: [comment] } }),
    });
  return (
    <Alert
      type="info"
      header={`${step.StepName ?? "A step"} waits for an approval`}
      action={
        <SpaceBetween direction="horizontal" size="xs">
          <Button loading={signal.isPending} onClick={() => send("Reject")}>
            Reject
          </Button>
          <Button variant="primary" loading={signal.isPending} onClick={() => send("Approve")}>
            Approve
          </Button>
        </SpaceBetween>
      }
    >
      <Box variant="p">{step.Inputs?.["Message"] ?? "Somebody is asked whether it may go on."}</Box>
      <Input
        value={comment}
        ariaLabel="Comment"
        placeholder="Comment"
        onChange={({ detail }) => setComment(detail.value)}
      />
    </Alert>
  );
}
