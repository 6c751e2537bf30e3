// One resource group: what it selects, the nodes that are in it now, its tags.

import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";

import { pollWithoutEvents } from "../../api/events";
import { deleteGroup, findGroupQuery, getGroup } from "../../api/groups";
import type { Group } from "../../api/groups";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { NodesMatching } from "../../components/NodesMatching";
import { filtersText, kindText, nodeFilters, readQuery } from "../../logic/group";
import type { Query } from "../../logic/group";
import { GroupMembers } from "./GroupMembers";
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
  const query = useCall(findGroupQuery, input);
  const isListed = query.data !== undefined && query.data.ResourceQuery === undefined;
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
        { service: "resource-groups", operation: isListed ? "GetGroupConfiguration" : "GetGroupQuery", input },
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
      <Container header={<Header variant="h2">What it selects</Header>}>
        <Answer of={query} what="the query">
          {({ ResourceQuery }) => <Selection query={ResourceQuery && readQuery(ResourceQuery)} poll={poll} />}
        </Answer>
      </Container>
      <GroupMembers group={group} isListed={isListed} poll={poll} />
      <Container header={<Header variant="h2">Tags of the group itself</Header>}>
        <GroupTags arn={group.GroupArn} />
      </Container>
    </DetailPage>
  );
}

interface SelectionProps {
  /** Nothing where the members are listed. */
  readonly query: Query | undefined;
  readonly poll: number | undefined;
}

function Selection({ query, poll }: SelectionProps) {
  if (query === undefined) return <>Its members are listed one by one: nothing selects them.</>;
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
}
