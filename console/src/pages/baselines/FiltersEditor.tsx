// The filters of a rule: for each key the values that patches may have, from what the API offers.

import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { describePatchProperties } from "../../api/baselines";
import { useCall } from "../../api/use";
import { filterKeys } from "../../logic/baseline";
import type { OperatingSystem } from "../../logic/baseline";

type Filters = Readonly<Record<string, readonly string[]>>;

interface Props {
  readonly system: string;
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
}

export function FiltersEditor({ system, filters, onChange }: Props) {
  return (
    <SpaceBetween size="s">
      {filterKeys(system)
        .filter((key) => key !== "PATCH_SET" && key !== "SECTION")
        .map((key) => (
          <Values
            key={key}
            system={system}
            name={key}
            chosen={filters[key] ?? []}
            onChange={(values) => onChange({ ...filters, [key]: values })}
          />
        ))}
    </SpaceBetween>
  );
}

interface ValuesProps {
  readonly system: string;
  readonly name: string;
  readonly chosen: readonly string[];
  readonly onChange: (values: readonly string[]) => void;
}

function Values({ system, name, chosen, onChange }: ValuesProps) {
  const answer = useCall(describePatchProperties, {
    OperatingSystem: system as OperatingSystem,
    Property: name as "PRODUCT" | "CLASSIFICATION" | "SEVERITY" | "PRIORITY" | "MSRC_SEVERITY" | "PRODUCT_FAMILY",
  });
  const offered = (answer.data?.Properties ?? []).flatMap(
    (property) => property["Name"] ?? Object.values(property)[0] ?? [],
  );
  const values = [...new Set(["*", ...offered, ...chosen])];
  return (
    <FormField label={name.charAt(0) + name.slice(1).toLowerCase().replace("_", " ")} errorText={answer.error?.message}>
      <Multiselect
        placeholder="Any"
        filteringType="auto"
        statusType={answer.isPending ? "loading" : "finished"}
        selectedOptions={chosen.map((value) => ({ value, label: value }))}
        options={values.map((value) => ({ value, label: value === "*" ? "* (all)" : value }))}
        onChange={({ detail }) => onChange(detail.selectedOptions.map((option) => option.value ?? ""))}
      />
    </FormField>
  );
}
