// The tags of a node: what targets, patch groups and filters go by.

import {
  AddTagsToResourceCommand,
  ListTagsForResourceCommand,
  RemoveTagsFromResourceCommand,
} from "@aws-sdk/client-ssm";
import type { Tag } from "@aws-sdk/client-ssm";
import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Button from "@cloudscape-design/components/button";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { CallError } from "../../api/errors";
import { ssm } from "../../api/ssm";
import { useAction, useCall } from "../../api/use";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import { tagChanges } from "../../logic/tags";

const listTags = ssm("ListTagsForResource", ListTagsForResourceCommand);
const addTags = ssm("AddTagsToResource", AddTagsToResourceCommand);
const removeTags = ssm("RemoveTagsFromResource", RemoveTagsFromResourceCommand);
const RESOURCE = "ManagedInstance" as const;

export function NodeTags({ id }: { readonly id: string }) {
  const request = { ResourceType: RESOURCE, ResourceId: id };
  const tags = useCall(listTags, request);
  return (
    <Answer of={tags} what="tags">
      {({ TagList: known = [] }) => <Editor key={JSON.stringify(known)} id={id} known={known} />}
    </Answer>
  );
}

function Editor({ id, known }: { readonly id: string; readonly known: readonly Tag[] }) {
  const [items, setItems] = useState(() => known.map((tag) => ({ Key: tag.Key ?? "", Value: tag.Value ?? "" })));
  const add = useAction(addTags, { done: () => "The tags are set." });
  const remove = useAction(removeTags, { done: () => "The tags are removed." });
  const { set, removed } = tagChanges(known, items);
  const update = (index: number, part: Partial<{ Key: string; Value: string }>): void =>
    setItems(items.map((item, at) => (at === index ? { ...item, ...part } : item)));

  const save = async (): Promise<void> => {
    try {
      if (removed.length > 0) await remove.mutateAsync({ ResourceType: RESOURCE, ResourceId: id, TagKeys: removed });
      if (set.length > 0) await add.mutateAsync({ ResourceType: RESOURCE, ResourceId: id, Tags: set });
    } catch (error) {
      // Said at the top of the page already; what was typed stays.
      if (!(error instanceof CallError)) throw error;
    }
  };

  return (
    <SpaceBetween size="m">
      <AttributeEditor
        items={items}
        addButtonText="Add a tag"
        removeButtonText="Remove"
        empty="This node has no tags."
        onAddButtonClick={() => setItems([...items, { Key: "", Value: "" }])}
        onRemoveButtonClick={({ detail }) => setItems(items.filter((_, index) => index !== detail.itemIndex))}
        definition={[
          {
            label: "Key",
            control: (item, index) => (
              <Input
                value={item.Key}
                ariaLabel="Key"
                placeholder="PatchGroup"
                onChange={({ detail }) => update(index, { Key: detail.value })}
              />
            ),
          },
          {
            label: "Value",
            control: (item, index) => (
              <Input
                value={item.Value}
                ariaLabel="Value"
                onChange={({ detail }) => update(index, { Value: detail.value })}
              />
            ),
          },
        ]}
      />
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
            { service: "ssm", operation: "ListTagsForResource", input: { ResourceType: RESOURCE, ResourceId: id } },
            ...(set.length === 0
              ? []
              : [
                  {
                    service: "ssm" as const,
                    operation: "AddTagsToResource",
                    input: { ResourceType: RESOURCE, ResourceId: id, Tags: set },
                  },
                ]),
          ]}
        />
      </SpaceBetween>
    </SpaceBetween>
  );
}
