// The nodes that are in a resource group. Where they are listed one by one, some are added and taken off here.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { groupResources, listGroupResources, membersChanges, ungroupResources } from "../../api/groups";
import type { Group, ResourceIdentifier } from "../../api/groups";
import { useAction } from "../../api/use";
import { Confirm } from "../../components/Confirm";
import { CopyCommand } from "../../components/CopyCommand";
import { NodeName } from "../../components/NodeName";
import { NodesPicker } from "../../components/NodesPicker";
import type { ChosenNode } from "../../components/NodesPicker";
import { ServerTable } from "../../components/ServerTable";
import { nodeArn, nodeIdOf } from "../../logic/group";

interface Props {
  readonly group: Group;
  readonly isListed: boolean;
  readonly poll: number | undefined;
}

export function GroupMembers({ group, isListed, poll }: Props) {
  const [selected, setSelected] = useState<readonly ResourceIdentifier[]>([]);
  return (
    <SpaceBetween size="l">
      <ServerTable
        id="group-members"
        title="Members"
        description={isListed ? "The nodes that are listed in it" : "The nodes that are in it at this moment"}
        call={listGroupResources}
        input={{ Group: group.Name }}
        {...(poll === undefined ? {} : { poll })}
        items={(output) => output.Resources?.map(({ Identifier }) => Identifier)}
        trackBy={(member) => member.ResourceArn}
        {...(isListed
          ? {
              selection: { items: selected, onChange: setSelected },
              actions: <Remove group={group} members={selected} onDone={() => setSelected([])} />,
            }
          : {})}
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
      {isListed ? <Add group={group} /> : null}
    </SpaceBetween>
  );
}

function nodesText(count: number): string {
  return count === 1 ? "1 node" : `${count} nodes`;
}

interface RemoveProps {
  readonly group: Group;
  readonly members: readonly ResourceIdentifier[];
  readonly onDone: () => void;
}

function Remove({ group, members, onDone }: RemoveProps) {
  const input = { Group: group.Name, ResourceArns: members.map(({ ResourceArn }) => ResourceArn) };
  const remove = useAction(ungroupResources, {
    done: (_, { ResourceArns: arns }) => `${nodesText(arns.length)} taken off the list of ${group.Name}.`,
    onDone,
  });
  return (
    <Confirm
      label="Take off the list"
      title={`Take ${nodesText(members.length)} off the list?`}
      disabled={members.length === 0 || remove.isPending}
      onConfirm={() => remove.mutate(input)}
    >
      <SpaceBetween size="m">
        <Box>
          What has {group.Name} as a target reaches {members.length === 1 ? "it" : "them"} no more. The nodes themselves
          are not touched.
        </Box>
        <CopyCommand
          requests={membersChanges(input).map((some) => ({
            service: "resource-groups",
            operation: "UngroupResources",
            input: some,
          }))}
        />
      </SpaceBetween>
    </Confirm>
  );
}

function Add({ group }: { readonly group: Group }) {
  const [chosen, setChosen] = useState<readonly ChosenNode[]>([]);
  const input = { Group: group.Name, ResourceArns: chosen.map(({ value }) => nodeArn(value, group)) };
  const add = useAction(groupResources, {
    done: (_, { ResourceArns: arns }) => `${nodesText(arns.length)} added to ${group.Name}.`,
    onDone: () => setChosen([]),
  });
  return (
    <Container
      header={
        <Header variant="h2" description="Whoever is in it already stays">
          Add nodes
        </Header>
      }
    >
      <SpaceBetween size="m">
        <NodesPicker chosen={chosen} onChange={setChosen} />
        <SpaceBetween direction="horizontal" size="xs">
          <Button disabled={chosen.length === 0} loading={add.isPending} onClick={() => add.mutate(input)}>
            Add to the group
          </Button>
          {chosen.length === 0 ? null : (
            <CopyCommand
              requests={membersChanges(input).map((some) => ({
                service: "resource-groups",
                operation: "GroupResources",
                input: some,
              }))}
            />
          )}
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}
