// The tags of one thing, to read and to change.

import {
  AddTagsToResourceCommand,
  ListTagsForResourceCommand,
  RemoveTagsFromResourceCommand,
} from "@aws-sdk/client-ssm";
import type { ResourceTypeForTagging, Tag } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { CallError } from "../api/errors";
import { ssm } from "../api/ssm";
import { useAction, useCall } from "../api/use";
import { tagChanges } from "../logic/tags";
import { Answer } from "./Answer";
import { CopyCommand } from "./CopyCommand";
import { TagFields } from "./TagFields";
import type { TagItem } from "./TagFields";

const listTags = ssm("ListTagsForResource", ListTagsForResourceCommand);
const addTags = ssm("AddTagsToResource", AddTagsToResourceCommand);
const removeTags = ssm("RemoveTagsFromResource", RemoveTagsFromResourceCommand);

interface Props {
  readonly type: ResourceTypeForTagging;
  readonly id: string;
  /** Of which it is said that it has none. */
  readonly what: string;
  readonly example: string;
}

export function ResourceTags(props: Props) {
  const tags = useCall(listTags, { ResourceType: props.type, ResourceId: props.id });
  return (
    <Answer of={tags} what="tags">
      {({ TagList: known = [] }) => <Editor key={JSON.stringify(known)} {...props} known={known} />}
    </Answer>
  );
}

function Editor({ type, id, what, example, known }: Props & { readonly known: readonly Tag[] }) {
  const [items, setItems] = useState<readonly TagItem[]>(() =>
    known.map((tag) => ({ Key: tag.Key ?? "", Value: tag.Value ?? "" })),
  );
  const add = useAction(addTags, { done: () => "The tags are set." });
  const remove = useAction(removeTags, { done: () => "The tags are removed." });
  const { set, removed } = tagChanges(known, items);
  const resource = { ResourceType: type, ResourceId: id };

  const save = async (): Promise<void> => {
    try {
      if (removed.length > 0) await remove.mutateAsync({ ...resource, TagKeys: removed });
      if (set.length > 0) await add.mutateAsync({ ...resource, Tags: set });
    } catch (error) {
      // Said at the top of the page already; what was typed stays.
      if (!(error instanceof CallError)) throw error;
    }
  };

  return (
    <SpaceBetween size="m">
      <TagFields items={items} empty={`This ${what} has no tags.`} example={example} onChange={setItems} />
      <SpaceBetween direction="horizontal" size="xs">
        <Button
          variant="primary"
          disabled={set.length === 0 && removed.length === 0}
          loading={add.isPending || remove.isPending}
          onClick={() => void save()}
        >
          Save tags
        </Button>
        <CopyCommand
          requests={[
            { service: "ssm", operation: "ListTagsForResource", input: resource },
            ...(removed.length === 0
              ? []
              : [
                  {
                    service: "ssm" as const,
                    operation: "RemoveTagsFromResource",
                    input: { ...resource, TagKeys: removed },
                  },
                ]),
            ...(set.length === 0
              ? []
              : [{ service: "ssm" as const, operation: "AddTagsToResource", input: { ...resource, Tags: set } }]),
          ]}
        />
      </SpaceBetween>
    </SpaceBetween>
  );
}
