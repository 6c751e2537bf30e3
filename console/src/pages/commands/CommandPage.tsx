// One command: how far it is, and where it stands on each node.

import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Button from "@cloudscape-design/components/button";
import type { Command, CommandInvocation } from "@aws-sdk/client-ssm";

import { cancelCommand, listCommandInvocations, listCommands } from "../../api/commands";
import { useAction, useCall, useLastLook } from "../../api/use";
import { href, part, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Choice } from "../../components/Choice";
import { Comment } from "../../components/Comment";
import { columnsOf } from "../../components/columns";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Missing } from "../../components/Missing";
import { NodeName } from "../../components/NodeName";
import { RetryFailed } from "../../components/RetryFailed";
import { ServerTable } from "../../components/ServerTable";
import { Targets } from "../../components/Targets";
import { standing } from "../../components/standing";
import { Time } from "../../components/Time";
import { errorsText } from "../../logic/counts";
import { isUnderWay, worded, wordOf } from "../../logic/status";

const POLL_MS = 1500;
/** What ListCommandInvocations can be asked for. */
const INVOCATION_STATUSES = ["Pending", "InProgress", "Delayed", "Success", "Failed", "TimedOut", "Cancelled"];
const { statusColumn, textColumn } = columnsOf<CommandInvocation>();

export default function CommandPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const answer = useCall(
    listCommands,
    { CommandId: id },
    { poll: (data) => (isUnderWay(data?.Commands?.[0]?.Status) ? POLL_MS : false) },
  );
  return (
    <Answer of={answer} what="the command">
      {({ Commands: found }) => {
        const command = found?.[0];
        return command === undefined ? (
          <Missing what={`Command ${id}`} list={href("/commands")} />
        ) : (
          <Shown command={command} id={id} />
        );
      }}
    </Answer>
  );
}

function Shown({ command, id }: { readonly command: Command; readonly id: string }) {
  const cancel = useAction(cancelCommand, { done: () => "The command is being cancelled." });
  const underWay = isUnderWay(command.Status);
  useLastLook(!underWay, listCommandInvocations);
  // Those that failed are among them.
  const done = command.CompletedCount ?? 0;
  const all = command.TargetCount ?? 0;
  const document = command.DocumentName ?? "";
  const [status, setStatus] = useQueryValue("status");
  return (
    <DetailPage
      title={document}
      id={id}
      requests={[
        { service: "ssm", operation: "ListCommandInvocations", input: { CommandId: id, Details: true } },
        { service: "ssm", operation: "SendCommand", input: again(command) },
        ...(underWay ? [{ service: "ssm" as const, operation: "CancelCommand", input: { CommandId: id } }] : []),
      ]}
      actions={
        <>
          <Button href={sendHref(command, command.InstanceIds ?? [])}>Send again</Button>
          {underWay ? null : (
            <RetryFailed
              commandId={id}
              disabled={(command.ErrorCount ?? 0) + (command.DeliveryTimedOutCount ?? 0) === 0}
              to={(nodes) => sendHref(command, nodes)}
            />
          )}
          {underWay ? (
            <Confirm
              label="Cancel the command"
              title="Cancel this command?"
              onConfirm={() => cancel.mutate({ CommandId: id })}
            >
              Nodes that have not begun will not begin; those that have begun are told to stop.
            </Confirm>
          ) : null}
        </>
      }
    >
      <Container header={<Header variant="h2">Command</Header>}>
        <SpaceBetween size="m">
          {underWay ? (
            <ProgressBar
              value={all === 0 ? 0 : (100 * done) / all}
              ariaLabel="Nodes that are done"
              additionalInfo={`${done} of ${all} nodes`}
            />
          ) : null}
          <KeyValuePairs
            columns={4}
            items={[
              ...standing(command),
              { label: "Requested", value: <Time at={command.RequestedDateTime} /> },
              { label: "Expires", value: <Time at={command.ExpiresAfter} /> },
              { label: "Document", value: <Link to={href(`/documents/${part(document)}`)}>{document}</Link> },
              { label: "At the same time", value: command.MaxConcurrency ?? "–" },
              { label: "Error threshold", value: command.MaxErrors ?? "–" },
              { label: "Nodes", value: `${done.toLocaleString()} of ${all.toLocaleString()} done` },
              { label: "Errors", value: errorsText(command) },
              ...((command.Targets ?? []).length === 0
                ? []
                : [{ label: "Targets", value: <Targets of={command.Targets} /> }]),
              { label: "Comment", value: <Comment text={command.Comment} /> },
              ...Object.entries(command.Parameters ?? {}).map(([label, values]) => ({
                label,
                value: values.join("\n") || "–",
              })),
            ]}
          />
        </SpaceBetween>
      </Container>
      <ServerTable
        id="invocations"
        title="Nodes"
        call={listCommandInvocations}
        input={{ CommandId: id, ...(status === "" ? {} : { Filters: [{ key: "Status" as const, value: status }] }) }}
        filter={
          <SpaceBetween direction="horizontal" size="s">
            <Choice
              label="Status"
              any="Any status"
              value={status}
              values={worded(INVOCATION_STATUSES)}
              onChange={setStatus}
            />
          </SpaceBetween>
        }
        items={(output) => output.CommandInvocations}
        trackBy={(invocation) => invocation.InstanceId ?? ""}
        {...(underWay ? { poll: POLL_MS } : {})}
        columns={[
          {
            ...textColumn("node", "Node", (invocation) => invocation.InstanceId, { minWidth: 180 }),
            cell: (invocation) => <NodeName id={invocation.InstanceId ?? ""} />,
          },
          statusColumn((invocation) => invocation.Status),
          textColumn("details", "Details", (invocation) => invocation.StatusDetails),
          {
            id: "output",
            header: "Output",
            cell: (invocation) => (
              <Link to={href(`/commands/${part(id)}/${part(invocation.InstanceId ?? "")}`)}>Output</Link>
            ),
          },
        ]}
        empty={status === "" ? "The command addressed no node." : `No node is in the status ${wordOf(status)}.`}
      />
    </DetailPage>
  );
}

/** The form that sends it, filled in: to these nodes, else to the targets that it had. */
function sendHref(command: Command, nodes: readonly string[]): string {
  return href("/commands/send", {
    document: command.DocumentName,
    parameters: JSON.stringify(command.Parameters ?? {}),
    ...(nodes.length > 0 ? { nodes: nodes.join(",") } : { targets: JSON.stringify(command.Targets ?? []) }),
  });
}

function again(command: Command): object {
  const nodes = command.InstanceIds ?? [];
  return {
    DocumentName: command.DocumentName,
    ...(nodes.length > 0 ? { InstanceIds: nodes } : { Targets: command.Targets }),
    Parameters: command.Parameters,
  };
}
