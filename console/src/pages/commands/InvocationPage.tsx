// What a command did on one node: each step with its state and its output, as it comes.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { CommandPlugin } from "@aws-sdk/client-ssm";

import { getCommandInvocation, listCommandInvocations } from "../../api/commands";
import { useCall, useLastLook } from "../../api/use";
import { useNamed } from "../../app/names";
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import { Missing } from "../../components/Missing";
import { NodeName, useNodeName } from "../../components/NodeName";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { isUnderWay } from "../../logic/status";

const POLL_MS = 1500;

export default function InvocationPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const node = params["node"] ?? "";
  const request = { CommandId: id, InstanceId: node, Details: true };
  const answer = useCall(listCommandInvocations, request, {
    poll: (data) => (isUnderWay(data?.CommandInvocations?.[0]?.Status) ? POLL_MS : false),
  });
  useNamed(`/commands/${part(id)}`, answer.data?.CommandInvocations?.[0]?.DocumentName);
  useNamed(`/commands/${part(id)}/${part(node)}`, useNodeName(node));
  return (
    <Answer of={answer} what="the output">
      {({ CommandInvocations: found }) => {
        const invocation = found?.[0];
        return invocation === undefined ? (
          <Missing what={`Output of ${id} on ${node}`} list={href(`/commands/${part(id)}`)} />
        ) : (
          <ContentLayout
            header={
              <Header
                variant="h1"
                description={
                  <>
                    on <NodeName id={node} />, requested <Time at={invocation.RequestedDateTime} />
                  </>
                }
                actions={
                  <CopyCommand
                    requests={[
                      { service: "ssm", operation: "GetCommandInvocation", input: { CommandId: id, InstanceId: node } },
                    ]}
                  />
                }
              >
                {invocation.DocumentName} <Status status={invocation.StatusDetails ?? invocation.Status} />
              </Header>
            }
          >
            <SpaceBetween size="l">
              {(invocation.CommandPlugins ?? []).length === 0 ? (
                <Box color="text-status-inactive">The node has not begun yet.</Box>
              ) : null}
              {(invocation.CommandPlugins ?? []).map((plugin) => (
                <Step key={plugin.Name} command={id} node={node} plugin={plugin} />
              ))}
            </SpaceBetween>
          </ContentLayout>
        );
      }}
    </Answer>
  );
}

interface StepProps {
  readonly command: string;
  readonly node: string;
  readonly plugin: CommandPlugin;
}

function Step({ command, node, plugin }: StepProps) {
  const underWay = isUnderWay(plugin.Status);
  useLastLook(!underWay, getCommandInvocation);
  const answer = useCall(
    getCommandInvocation,
    { CommandId: command, InstanceId: node, PluginName: plugin.Name ?? "" },
    { poll: () => (underWay ? POLL_MS : false) },
  );
  const output = answer.data?.StandardOutputContent ?? plugin.Output ?? "";
  const errors = answer.data?.StandardErrorContent ?? "";
  // A step that says nothing, or is for other systems, does not push those away that do.
  const isQuiet = answer.data !== undefined && !underWay && output === "" && errors === "";
  const status = plugin.StatusDetails ?? plugin.Status;
  if (isQuiet) {
    return (
      <div>
        <Box variant="strong">{plugin.Name}</Box> <Status status={status} />{" "}
        <Box variant="span" color="text-body-secondary">{`exit code ${plugin.ResponseCode ?? "–"}, no output`}</Box>
      </div>
    );
  }
  return (
    <Container
      header={
        <Header variant="h2" description={`Exit code ${plugin.ResponseCode ?? "–"}`} info={<Status status={status} />}>
          {plugin.Name}
        </Header>
      }
    >
      <Answer of={answer} what="output">
        {() => (
          <SpaceBetween size="s">
            <Output label="Output" text={output} />
            <Output label="Errors" text={errors} />
          </SpaceBetween>
        )}
      </Answer>
    </Container>
  );
}

function Output({ label, text }: { readonly label: string; readonly text: string }) {
  if (text === "") return <Box color="text-status-inactive">{label}: none</Box>;
  return (
    <div>
      <Box variant="awsui-key-label">{label}</Box>
      <pre className="output" tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
    </div>
  );
}
