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
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { columnsOf } from "../../components/columns";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Missing } from "../../components/Missing";
import { ServerTable } from "../../components/ServerTable";
import { standing } from "../../components/standing";
import { Time } from "../../components/Time";
import { isUnderWay } from "../../logic/status";

const POLL_MS = 1500;
const { nameColumn, statusColumn, textColumn } = columnsOf<CommandInvocation>();

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
  const done = (command.CompletedCount ?? 0) + (command.ErrorCount ?? 0);
  const all = command.TargetCount ?? 0;
  const document = command.DocumentName ?? "";
  return (
    <DetailPage
      title={document}
      id={id}
      requests={[
        { service: "ssm", operation: "ListCommandInvocations", input: { CommandId: id, Details: true } },
        { service: "ssm", operation: "SendCommand", input: again(command) },
      ]}
      actions={
        <>
          <Button
            href={href("/commands/send", {
              document,
              nodes: (command.InstanceIds ?? []).join(","),
              parameters: JSON.stringify(command.Parameters ?? {}),
            })}
          >
            Send again
          </Button>
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
              {
                label: "Comment",
                value: command.Comment === undefined || command.Comment === "" ? "–" : command.Comment,
              },
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
        input={{ CommandId: id }}
        items={(output) => output.CommandInvocations}
        trackBy={(invocation) => invocation.InstanceId ?? ""}
        {...(underWay ? { poll: POLL_MS } : {})}
        columns={[
          nameColumn(
            "Node",
            ({ InstanceName: name, InstanceId: node }) => (name === undefined || name === "" ? node : name),
            ({ InstanceId: node = "" }) => href(`/nodes/${part(node)}`),
            { id: "node", text: (invocation) => invocation.InstanceId },
          ),
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
        empty="The command addressed no node."
      />
    </DetailPage>
  );
}

function again(command: Command): object {
  const nodes = command.InstanceIds ?? [];
  return {
    DocumentName: command.DocumentName,
    ...(nodes.length > 0 ? { InstanceIds: nodes } : { Targets: command.Targets }),
    Parameters: command.Parameters,
  };
}
