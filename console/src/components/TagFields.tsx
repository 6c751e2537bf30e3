// Tags as they are typed: a key and a value each.

import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Input from "@cloudscape-design/components/input";

export interface TagItem {
  readonly Key: string;
  readonly Value: string;
}

interface Props {
  readonly items: readonly TagItem[];
  readonly onChange: (items: readonly TagItem[]) => void;
  readonly empty: string;
  /** A key that could stand there. */
  readonly example: string;
}

export function TagFields({ items, onChange, empty, example }: Props) {
  const update = (index: number, part: Partial<TagItem>): void =>
    onChange(items.map((item, at) => (at === index ? { ...item, ...part } : item)));
  return (
    <AttributeEditor
      items={items}
      addButtonText="Add a tag"
      removeButtonText="Remove"
      empty={empty}
      onAddButtonClick={() => onChange([...items, { Key: "", Value: "" }])}
      onRemoveButtonClick={({ detail }) => onChange(items.filter((_, index) => index !== detail.itemIndex))}
      definition={[
        {
          label: "Key",
          control: (item, index) => (
            <Input
              value={item.Key}
              ariaLabel="Key"
              placeholder={example}
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
  );
}
