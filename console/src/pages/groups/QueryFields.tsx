// The query of a resource group as fields, and how many nodes it selects.

import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { NodesMatching } from "../../components/NodesMatching";
import { KINDS, kindText, nodeFilters, queryOfForm } from "../../logic/group";
import type { GroupForm, TagFilterForm } from "../../logic/group";

interface Props {
  readonly form: GroupForm;
  readonly problem: string | undefined;
  readonly onChange: (change: Partial<GroupForm>) => void;
}

export function QueryFields({ form, problem, onChange }: Props) {
  const query = queryOfForm(form);
  const update = (index: number, change: Partial<TagFilterForm>): void =>
    onChange({ filters: form.filters.map((filter, at) => (at === index ? { ...filter, ...change } : filter)) });
  return (
    <SpaceBetween size="m">
      <FormField label="Nodes">
        <Select
          selectedOption={{ value: form.types, label: kindText(query) }}
          options={KINDS.map(({ types, label, description }) => ({ value: types, label, description }))}
          onChange={({ detail }) => onChange({ types: detail.selectedOption.value ?? form.types })}
        />
      </FormField>
      <FormField
        stretch
        label="With tags"
        description="Each must be there with one of its values; without values any will do"
        errorText={problem}
      >
        <AttributeEditor
          items={form.filters}
          addButtonText="Add a tag"
          removeButtonText="Remove"
          empty="Any tags, or none."
          onAddButtonClick={() => onChange({ filters: [...form.filters, { key: "", values: "" }] })}
          onRemoveButtonClick={({ detail }) =>
            onChange({ filters: form.filters.filter((_, index) => index !== detail.itemIndex) })
          }
          definition={[
            {
              label: "Key",
              control: (filter, index) => (
                <Input
                  value={filter.key}
                  ariaLabel="Key"
                  placeholder="Env"
                  onChange={({ detail }) => update(index, { key: detail.value })}
                />
              ),
            },
            {
              label: "Values, between commas",
              control: (filter, index) => (
                <Input
                  value={filter.values}
                  ariaLabel="Values"
                  placeholder="prod, test"
                  onChange={({ detail }) => update(index, { values: detail.value })}
                />
              ),
            },
          ]}
        />
      </FormField>
      <NodesMatching filters={nodeFilters(query)} />
    </SpaceBetween>
  );
}
