// Chooses a document of one type by its name.

import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import type { DocumentKeyValuesFilter } from "@aws-sdk/client-ssm";

import { listDocuments } from "../api/documents";
import { useCall } from "../api/use";

interface Props {
  readonly type: "Command" | "Automation" | "Policy";
  readonly name: string;
  readonly onChange: (name: string) => void;
}

const SHOWN = 50;

export function DocumentPicker({ type, name, onChange }: Props) {
  const filters: DocumentKeyValuesFilter[] = [{ Key: "DocumentType", Values: [type] }];
  const answer = useCall(listDocuments, { Filters: filters, MaxResults: SHOWN });
  const names = (answer.data?.DocumentIdentifiers ?? []).map((document) => document.Name ?? "");
  const options = [...new Set(name === "" ? names : [...names, name])].map((value) => ({ value, label: value }));
  return (
    <FormField label="Document" errorText={answer.error?.message}>
      <Select
        placeholder="Choose a document"
        filteringType="auto"
        statusType={answer.isPending ? "loading" : "finished"}
        selectedOption={name === "" ? null : { value: name, label: name }}
        options={options}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      />
    </FormField>
  );
}
