// What a configuration is called, and what it is for.

import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";

import type { NameForm } from "../../logic/quickSetup";

interface Props {
  readonly form: NameForm;
  readonly example: string;
  readonly problem: (place: string) => string | undefined;
  readonly onChange: (change: Partial<NameForm>) => void;
}

export function NameFields({ form, example, problem, onChange }: Props) {
  return (
    <ColumnLayout columns={2}>
      <FormField label="Name" errorText={problem("name")}>
        <Input value={form.name} placeholder={example} onChange={({ detail }) => onChange({ name: detail.value })} />
      </FormField>
      <FormField label="Description" errorText={problem("description")}>
        <Input value={form.description} onChange={({ detail }) => onChange({ description: detail.value })} />
      </FormField>
    </ColumnLayout>
  );
}
