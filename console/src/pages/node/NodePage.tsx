// One node: who it is, why it stands where it stands, and everything that is known of it.

import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";

import { describeInstanceInformation } from "../../api/nodes";
import { useCall } from "../../api/use";
import { useNamed } from "../../app/names";
import { go, href, usePlace, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import { DeregisterNodes } from "../../components/DeregisterNodes";
import { Missing } from "../../components/Missing";
import { NodeAssociations } from "./NodeAssociations";
import { NodeCommands } from "./NodeCommands";
import { NodeComplianceItems } from "./NodeComplianceItems";
import { NodeInventory } from "./NodeInventory";
import { NodeOverview } from "./NodeOverview";
import { NodePatches } from "./NodePatches";
import { NodeTags } from "./NodeTags";
import { NodeTimeline } from "./NodeTimeline";
import { NodeWhy } from "./NodeWhy";

export default function NodePage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const [tab, setTab] = useQueryValue("tab");
  const request = { Filters: [{ Key: "InstanceIds", Values: [id] }] };
  const answer = useCall(describeInstanceInformation, request, { poll: 20_000 });
  const read = answer.data?.InstanceInformationList?.[0];
  useNamed(usePlace().path, read?.Name ?? read?.ComputerName);
  return (
    <Answer of={answer} what="the node">
      {({ InstanceInformationList: found }) => {
        const node = found?.[0];
        return node === undefined ? (
          <Missing what={`Node ${id}`} list={href("/nodes")} />
        ) : (
          <ContentLayout
            header={
              <Header
                variant="h1"
                description={id}
                actions={
                  <SpaceBetween direction="horizontal" size="xs">
                    <CopyCommand
                      requests={[
                        { service: "ssm", operation: "DescribeInstanceInformation", input: request },
                        { service: "fettle", operation: "ExplainNodeCompliance", input: { InstanceId: id } },
                      ]}
                    />
                    <Deregister id={id} name={node.Name ?? node.ComputerName ?? id} />
                    <Button href={href("/commands/send", { nodes: id })}>Run a command</Button>
                    <Button variant="primary" href={href("/patch-now/start", { nodes: id })}>
                      Patch now
                    </Button>
                  </SpaceBetween>
                }
              >
                {node.Name ?? node.ComputerName ?? id}
              </Header>
            }
          >
            <Tabs
              activeTabId={tab === "" ? "overview" : tab}
              onChange={({ detail }) => setTab(detail.activeTabId)}
              tabs={[
                { id: "overview", label: "Overview", content: <NodeOverview node={node} /> },
                { id: "why", label: "Why", content: <NodeWhy id={id} /> },
                { id: "patches", label: "Patches", content: <NodePatches id={id} /> },
                { id: "compliance", label: "Compliance items", content: <NodeComplianceItems id={id} /> },
                { id: "inventory", label: "Inventory", content: <NodeInventory id={id} /> },
                { id: "associations", label: "Associations", content: <NodeAssociations id={id} /> },
                { id: "commands", label: "Commands", content: <NodeCommands id={id} /> },
                { id: "timeline", label: "Timeline", content: <NodeTimeline id={id} /> },
                { id: "tags", label: "Tags", content: <NodeTags id={id} /> },
              ]}
            />
          </ContentLayout>
        );
      }}
    </Answer>
  );
}

function Deregister({ id, name }: { readonly id: string; readonly name: string }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button onClick={() => setAsking(true)}>Deregister</Button>
      {asking ? (
        <DeregisterNodes nodes={[{ id, name }]} onClose={() => setAsking(false)} onGone={() => go(href("/nodes"))} />
      ) : null}
    </>
  );
}
