// What a parameter is called, and what it is: its tier and its types.

import type { ParameterTier, ParameterType } from "@aws-sdk/client-ssm";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";

import type { ParameterForm } from "../../logic/parameterForm";
import { DATA_TYPES, PARAMETER_TIERS, PARAMETER_TYPES } from "../../logic/parameterStore";

export interface FieldsProps {
  readonly form: ParameterForm;
  /** As it was read; nothing of a new one. */
  readonly before: ParameterForm | undefined;
  readonly set: (change: Partial<ParameterForm>) => void;
  readonly problem: (place: string) => string | undefined;
  /** Says what is missing as well. */
  readonly tried: boolean;
}

const TYPES: Readonly<Record<ParameterType, string>> = {
  String: "Any text",
  StringList: "Elements between commas; none of them has a comma",
  SecureString: "A secret: kept encrypted",
};

const TIERS: Readonly<Record<ParameterTier, string>> = {
  Standard: "Up to 4 KB",
  Advanced: "Up to 8 KB, and policies; it stays advanced",
  "Intelligent-Tiering": "Advanced where it needs to be",
};

export function ParameterFields({ form, before, set, problem, tried }: FieldsProps) {
  const isNew = before === undefined;
  return (
    <Container header={<Header variant="h2">Parameter</Header>}>
      <SpaceBetween size="m">
        <FormField
          label="Name"
          constraintText="Letters, digits, _ . - and slashes for a hierarchy: /prod/db/host"
          errorText={isNew && (tried || form.name !== "") ? problem("name") : undefined}
        >
          <Input
            value={form.name}
            disabled={!isNew}
            placeholder="/prod/db/host"
            spellcheck={false}
            autoComplete="off"
            onChange={({ detail }) => set({ name: detail.value })}
          />
        </FormField>
        <FormField label="Description" errorText={problem("description")}>
          <Input value={form.description} onChange={({ detail }) => set({ description: detail.value })} />
        </FormField>
        <FormField label="Tier" stretch>
          <Tiles
            columns={3}
            value={form.tier}
            items={PARAMETER_TIERS.map((tier) => ({
              value: tier,
              label: tier,
              description: TIERS[tier],
              disabled: before?.tier === "Advanced" && tier !== "Advanced",
            }))}
            onChange={({ detail }) => set({ tier: detail.value as ParameterTier })}
          />
        </FormField>
        <FormField
          label="Type"
          stretch
          {...(isNew ? {} : { description: "It stays as it is: another type needs another parameter" })}
        >
          <Tiles
            columns={3}
            value={form.type}
            items={PARAMETER_TYPES.map((type) => ({
              value: type,
              label: type,
              description: TYPES[type],
              disabled: !isNew && type !== before.type,
            }))}
            onChange={({ detail }) => set({ type: detail.value as ParameterType })}
          />
        </FormField>
        <ColumnLayout columns={2}>
          <FormField label="Data type" constraintText="What the server checks the value to be">
            <Select
              selectedOption={{ value: form.dataType, label: form.dataType }}
              options={Object.entries(DATA_TYPES).map(([value, expected]) => ({
                value,
                label: value,
                ...(expected === "" ? {} : { description: expected }),
              }))}
              onChange={({ detail }) => set({ dataType: detail.selectedOption.value ?? "text" })}
            />
          </FormField>
          <FormField
            label="Allowed pattern"
            constraintText="A regular expression that every value matches. Empty: any value"
            errorText={problem("pattern")}
          >
            <Input
              value={form.pattern}
              placeholder="^[a-z.]+$"
              spellcheck={false}
              onChange={({ detail }) => set({ pattern: detail.value })}
            />
          </FormField>
        </ColumnLayout>
      </SpaceBetween>
    </Container>
  );
}
