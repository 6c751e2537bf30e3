// Repositories that nodes take patches from instead of their own.

import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Input from "@cloudscape-design/components/input";
import Textarea from "@cloudscape-design/components/textarea";

import type { Source } from "../../logic/baseline";

interface Props {
  readonly sources: readonly Source[];
  readonly problem: (place: string) => string | undefined;
  readonly onChange: (sources: readonly Source[]) => void;
}

export function SourcesEditor({ sources, problem, onChange }: Props) {
  const set = (index: number, change: Partial<Source>): void =>
    onChange(sources.map((source, at) => (at === index ? { ...source, ...change } : source)));
  return (
    <AttributeEditor
      items={[...sources]}
      addButtonText="Add a source"
      removeButtonText="Remove"
      empty="Nodes use their own repositories."
      onAddButtonClick={() => onChange([...sources, { name: "", products: "*", configuration: "" }])}
      onRemoveButtonClick={({ detail }) => onChange(sources.filter((_, index) => index !== detail.itemIndex))}
      definition={[
        {
          label: "Name",
          errorText: (_, index) => problem(`${index}.name`),
          control: (item, index) => (
            <Input ariaLabel="Name" value={item.name} onChange={({ detail }) => set(index, { name: detail.value })} />
          ),
        },
        {
          label: "Products",
          errorText: (_, index) => problem(`${index}.products`),
          control: (item, index) => (
            <Input
              ariaLabel="Products"
              value={item.products}
              onChange={({ detail }) => set(index, { products: detail.value })}
            />
          ),
        },
        {
          label: "Configuration",
          errorText: (_, index) => problem(`${index}.configuration`),
          control: (item, index) => (
            <Textarea
              ariaLabel="Configuration"
              rows={2}
              value={item.configuration}
              onChange={({ detail }) => set(index, { configuration: detail.value })}
            />
          ),
        },
      ]}
    />
  );
}
