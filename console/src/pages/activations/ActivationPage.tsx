// One activation: whether it still lets machines in, how many did, and the nodes that they are.

import type { Activation, InstanceInformation } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import ProgressBar from "@cloudscape-design/components/progress-bar";

import { describeActivations } from "../../api/activations";
import { pollWithoutEvents } from "../../api/events";
import { describeInstanceInformation } from "../../api/nodes";
import { useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { columnsOf } from "../../components/columns";
import { DetailPage } from "../../components/DetailPage";
import { Missing } from "../../components/Missing";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { nameOf, stateOf, usedShare, usedText } from "../../logic/activation";
import { tagsText } from "../../logic/tags";
import { DeleteActivation } from "./DeleteActivation";

const POLL_MS = 5000;
const { nameColumn, statusColumn, textColumn, timeColumn } = columnsOf<InstanceInformation>();

export default function ActivationPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const input = { Filters: [{ FilterKey: "ActivationIds" as const, FilterValues: [id] }] };
  const poll = pollWithoutEvents(POLL_MS);
  const answer = useCall(describeActivations, input, poll === undefined ? {} : { poll });
  return (
    <Answer of={answer} what="the activation">
      {({ ActivationList: found }) => {
        const activation = found?.[0];
        return activation === undefined ? (
          <Missing what={`Activation ${id}`} list={href("/activations")} />
        ) : (
          <DetailPage
            title={nameOf(activation)}
            id={id}
            requests={[
              { service: "ssm", operation: "DescribeActivations", input },
              { service: "ssm", operation: "DeleteActivation", input: { ActivationId: id } },
            ]}
            actions={
              <>
                <DeleteActivation id={id} onDone={() => go(href("/activations"))} />
                <Button href={href("/activations/create")}>Create another</Button>
              </>
            }
          >
            <Overview activation={activation} />
            <Nodes id={id} poll={poll} />
          </DetailPage>
        );
      }}
    </Answer>
  );
}

function Overview({ activation }: { readonly activation: Activation }) {
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Its code was shown when it was created, and is kept nowhere: for a new one create another"
        >
          Activation
        </Header>
      }
    >
      <KeyValuePairs
        columns={4}
        items={[
          { label: "State", value: <Status status={stateOf(activation)} /> },
          {
            label: "Registered",
            value: (
              <ProgressBar
                value={usedShare(activation)}
                ariaLabel="Machines that have registered"
                additionalInfo={usedText(activation)}
              />
            ),
          },
          { label: "Expires", value: <Time at={activation.ExpirationDate} /> },
          { label: "Created", value: <Time at={activation.CreatedDate} /> },
          { label: "Default name", value: activation.DefaultInstanceName || "–" },
          { label: "Description", value: activation.Description || "–" },
          { label: "Role", value: activation.IamRole ?? "–" },
          { label: "Tags that its nodes get", value: tagsText(activation.Tags) ?? "–" },
        ]}
      />
    </Container>
  );
}

function Nodes({ id, poll }: { readonly id: string; readonly poll: number | undefined }) {
  return (
    <ServerTable
      id="activation-nodes"
      title="Nodes"
      description="That registered with it and are still here"
      call={describeInstanceInformation}
      input={{ Filters: [{ Key: "ActivationIds", Values: [id] }] }}
      items={(output) => output.InstanceInformationList}
      trackBy={(node) => node.InstanceId ?? ""}
      {...(poll === undefined ? {} : { poll })}
      columns={[
        nameColumn(
          "Node",
          (node) => node.Name ?? node.ComputerName ?? node.InstanceId,
          (node) => href(`/nodes/${part(node.InstanceId ?? "")}`),
        ),
        statusColumn((node) => node.PingStatus, { header: "Ping status" }),
        textColumn("platform", "Platform", ({ PlatformName: name, PlatformVersion: version }) =>
          name === undefined ? undefined : `${name} ${version ?? ""}`.trim(),
        ),
        textColumn("agent", "Agent version", (node) => node.AgentVersion),
        timeColumn("registered", "Registered", (node) => node.RegistrationDate),
        textColumn("id", "Node id", (node) => node.InstanceId),
      ]}
      empty="No node that is here registered with this activation."
    />
  );
}
