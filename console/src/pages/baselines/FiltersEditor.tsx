// The filters of a rule: for each key the values that patches may have, from what the API offers.

import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { describePatchProperties } from "../../api/baselines";
import { useCall } from "../../api/use";
import { filterKeys, patchNames } from "../../logic/baseline";
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
      {filterKeys(system).map((key) => {
        const chosen = filters[key] ?? [];
        const change = (values: readonly string[]): void => onChange({ ...filters, [key]: values });
        if (key === "SECTION") return <Sections key={key} chosen={chosen} onChange={change} />;
        if (key === "PATCH_SET") {
          return <Choices key={key} name={key} chosen={chosen} offered={PATCH_SETS} onChange={change} />;
        }
        return <Offered key={key} system={system} name={key} chosen={chosen} onChange={change} />;
      })}
    </SpaceBetween>
  );
}

/** Without one it is that of the operating system. */
const PATCH_SETS = ["OS", "APPLICATION"];

interface SectionsProps {
  readonly chosen: readonly string[];
  readonly onChange: (values: readonly string[]) => void;
}

/** Any text: repositories name their sections as they like. */
function Sections({ chosen, onChange }: SectionsProps) {
  const [text, setText] = useState(chosen.join(", "));
  // What is half typed stays as long as it means what is chosen.
  const value = patchNames(text).join() === chosen.join() ? text : chosen.join(", ");
  return (
    <FormField label={labelOf("SECTION")} constraintText="Separated by commas">
      <Input
        placeholder="Any"
        value={value}
        onChange={({ detail }) => {
          setText(detail.value);
          onChange(patchNames(detail.value));
        }}
      />
    </FormField>
  );
}

interface OfferedProps extends SectionsProps {
  readonly system: string;
  readonly name: string;
}

function Offered({ system, name, chosen, onChange }: OfferedProps) {
  const answer = useCall(describePatchProperties, {
    OperatingSystem: system as OperatingSystem,
    Property: name as "PRODUCT" | "CLASSIFICATION" | "SEVERITY" | "PRIORITY" | "MSRC_SEVERITY" | "PRODUCT_FAMILY",
  });
  const offered = (answer.data?.Properties ?? []).flatMap(
    (property) => property["Name"] ?? Object.values(property)[0] ?? [],
  );
  return (
    <Choices
      name={name}
      chosen={chosen}
      offered={["*", ...offered]}
      isLoading={answer.isPending}
      error={answer.error?.message}
      onChange={onChange}
    />
  );
}

interface ChoicesProps extends SectionsProps {
  readonly name: string;
  readonly offered: readonly string[];
  readonly isLoading?: boolean;
  readonly error?: string | undefined;
}

function labelOf(name: string): string {
  return name.charAt(0) + name.slice(1).toLowerCase().replace("_", " ");
}

function Choices({ name, chosen, offered, isLoading = false, error, onChange }: ChoicesProps) {
  const values = [...new Set([...offered, ...chosen])];
  return (
    <FormField label={labelOf(name)} errorText={error}>
      <Multiselect
        placeholder="Any"
        filteringType="auto"
        statusType={isLoading ? "loading" : "finished"}
        selectedOptions={chosen.map((value) => ({ value, label: value }))}
        options={values.map((value) => ({ value, label: value === "*" ? "* (all)" : value }))}
        onChange={({ detail }) => onChange(detail.selectedOptions.map((option) => option.value ?? ""))}
      />
    </FormField>
  );
}
