// The tags of a resource group itself, which are not those of its nodes.

import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { CallError } from "../../api/errors";
import { getGroupTags, tagGroup, untagGroup } from "../../api/groups";
import { useAction, useCall } from "../../api/use";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import { TagFields } from "../../components/TagFields";
import type { TagItem } from "../../components/TagFields";
import { tagChanges } from "../../logic/tags";

export function GroupTags({ arn }: { readonly arn: string }) {
  const answer = useCall(getGroupTags, { Arn: arn });
  return (
    <Answer of={answer} what="tags">
      {({ Tags: tags = {} }) => <Editor key={JSON.stringify(tags)} arn={arn} tags={tags} />}
    </Answer>
  );
}

interface Props {
  readonly arn: string;
  readonly tags: Readonly<Record<string, string>>;
}

function Editor({ arn, tags }: Props) {
  const known = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const [items, setItems] = useState<readonly TagItem[]>(known);
  const add = useAction(tagGroup, { done: () => "The tags are set." });
  const remove = useAction(untagGroup, { done: () => "The tags are removed." });
  const { set, removed } = tagChanges(known, items);
  const toAdd = { Arn: arn, Tags: Object.fromEntries(set.map(({ Key, Value }) => [Key, Value])) };
  const toRemove = { Arn: arn, Keys: removed };

  const save = async (): Promise<void> => {
    try {
      if (removed.length > 0) await remove.mutateAsync(toRemove);
      if (set.length > 0) await add.mutateAsync(toAdd);
    } catch (error) {
      // Said at the top of the page already; what was typed stays.
      if (!(error instanceof CallError)) throw error;
    }
  };

  const service = "resource-groups" as const;
  return (
    <SpaceBetween size="m">
      <TagFields items={items} empty="This group has no tags." example="Team" onChange={setItems} />
      <SpaceBetween direction="horizontal" size="xs">
        <Button
          disabled={set.length === 0 && removed.length === 0}
          loading={add.isPending || remove.isPending}
          onClick={() => void save()}
        >
          Save tags
        </Button>
        <CopyCommand
          requests={[
            { service, operation: "GetTags", input: { Arn: arn } },
            ...(removed.length === 0 ? [] : [{ service, operation: "Untag", input: toRemove }]),
            ...(set.length === 0 ? [] : [{ service, operation: "Tag", input: toAdd }]),
          ]}
        />
      </SpaceBetween>
    </SpaceBetween>
  );
}
