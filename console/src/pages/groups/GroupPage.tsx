// One resource group: what it selects, the nodes that are in it now, its tags.

import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";

import { pollWithoutEvents } from "../../api/events";
import { deleteGroup, findGroupQuery, getGroup, listGroupResources } from "../../api/groups";
import type { Group } from "../../api/groups";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { NodeName } from "../../components/NodeName";
import { NodesMatching } from "../../components/NodesMatching";
import { ServerTable } from "../../components/ServerTable";
import { filtersText, kindText, nodeFilters, nodeIdOf, readQuery } from "../../logic/group";
import { GroupTags } from "./GroupTags";

const POLL_MS = 5000;

export default function GroupPage({ params }: PageProps) {
  const answer = useCall(getGroup, { Group: params["name"] ?? "" });
  return (
    <Answer of={answer} what="the resource group">
      {({ Group: group }) => <Shown group={group} />}
    </Answer>
  );
}

function Shown({ group }: { readonly group: Group }) {
  const input = { Group: group.Name };
  const poll = pollWithoutEvents(POLL_MS);
  const remove = useAction(deleteGroup, {
    done: () => `The resource group ${group.Name} is deleted.`,
    onDone: () => go(href("/groups")),
  });
  return (
    <DetailPage
      title={group.Name}
      id={group.GroupArn}
      requests={[
        { service: "resource-groups", operation: "GetGroup", input },
        { service: "resource-groups", operation: "GetGroupQuery", input },
        { service: "resource-groups", operation: "DeleteGroup", input },
      ]}
      actions={
        <>
          <Confirm
            label="Delete"
            title={`Delete the resource group ${group.Name}?`}
            disabled={remove.isPending}
            onConfirm={() => remove.mutate(input)}
          >
            Its nodes are not touched. What has it as a target reaches none of them by it any more: windows and
            associations fail, commands are refused.
          </Confirm>
          <Button href={href(`/groups/${part(group.Name)}/edit`)}>Edit</Button>
        </>
      }
    >
      <Container header={<Header variant="h2">Resource group</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Display name", value: group.DisplayName || "–" },
            { label: "Description", value: group.Description || "–" },
            { label: "Owner", value: group.Owner || "–" },
            { label: "Criticality, of 1 to 10", value: group.Criticality ?? "–" },
          ]}
        />
      </Container>
      <Selection name={group.Name} poll={poll} />
      <ServerTable
        id="group-members"
        title="Members"
        description="The nodes that are in it at this moment"
        call={listGroupResources}
        input={input}
        {...(poll === undefined ? {} : { poll })}
        items={(output) => output.Resources?.map(({ Identifier }) => Identifier)}
        trackBy={(member) => member.ResourceArn}
        columns={[
          {
            id: "node",
            header: "Node",
            cell: (member) => <NodeName id={nodeIdOf(member)} />,
            minWidth: 180,
          },
          { id: "id", header: "Node id", cell: nodeIdOf, text: nodeIdOf },
          {
            id: "type",
            header: "Type",
            cell: (member) => member.ResourceType,
            text: (member) => member.ResourceType,
          },
          {
            id: "arn",
            header: "ARN",
            cell: (member) => member.ResourceArn,
            text: (member) => member.ResourceArn,
            hidden: true,
          },
        ]}
        empty="No node is in this group at this moment."
      />
      <Container header={<Header variant="h2">Tags of the group itself</Header>}>
        <GroupTags arn={group.GroupArn} />
      </Container>
    </DetailPage>
  );
}

interface SelectionProps {
  readonly name: string;
  readonly poll: number | undefined;
}

function Selection({ name, poll }: SelectionProps) {
  const answer = useCall(findGroupQuery, { Group: name });
  return (
    <Container header={<Header variant="h2">What it selects</Header>}>
      <Answer of={answer} what="the query">
        {({ ResourceQuery }) => {
          if (ResourceQuery === undefined) return <>Its members are listed one by one: nothing selects them.</>;
          const query = readQuery(ResourceQuery);
          return (
            <KeyValuePairs
              columns={3}
              items={[
                { label: "Nodes", value: kindText(query) },
                { label: "With tags", value: filtersText(query) || "any or none" },
                { label: "Now", value: <NodesMatching filters={nodeFilters(query)} poll={poll} /> },
              ]}
            />
          );
        }}
      </Answer>
    </Container>
  );
}
