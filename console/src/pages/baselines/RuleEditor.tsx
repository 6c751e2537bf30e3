// One approval rule: what it looks at, when it approves, and how bad it is when such a patch is missing.

import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { LEVELS } from "../../logic/baseline";
import type { Rule } from "../../logic/baseline";
import { wordOf } from "../../logic/status";
import { FiltersEditor } from "./FiltersEditor";

interface Props {
  readonly number: number;
  readonly system: string;
  readonly rule: Rule;
  readonly problem: (field: string) => string | undefined;
  readonly onChange: (rule: Rule) => void;
  readonly onRemove: () => void;
}

export function RuleEditor({ number, system, rule, problem, onChange, onRemove }: Props) {
  const linux = system !== "WINDOWS" && system !== "MACOS";
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <Button formAction="none" ariaLabel={`Remove rule ${number}`} iconName="remove" onClick={onRemove} />
          }
        >
          Approval rule {number}
        </Header>
      }
    >
      <ColumnLayout columns={2}>
        <FormField stretch errorText={problem("filters")}>
          <FiltersEditor
            system={system}
            filters={rule.filters}
            onChange={(filters) => onChange({ ...rule, filters })}
          />
        </FormField>
        <SpaceBetween size="s">
          <FormField label="Approves">
            <RadioGroup
              value={rule.by}
              items={[
                { value: "days", label: "Some days after release" },
                { value: "date", label: "What was released until a day" },
              ]}
              onChange={({ detail }) => onChange({ ...rule, by: detail.value === "date" ? "date" : "days" })}
            />
          </FormField>
          {rule.by === "days" ? (
            <FormField label="Days" errorText={problem("days")}>
              <Input
                type="number"
                inputMode="numeric"
                value={rule.days}
                onChange={({ detail }) => onChange({ ...rule, days: detail.value })}
              />
            </FormField>
          ) : (
            <FormField label="Day" errorText={problem("date")}>
              <Input
                placeholder="2026-01-31"
                value={rule.date}
                onChange={({ detail }) => onChange({ ...rule, date: detail.value })}
              />
            </FormField>
          )}
          <FormField label="Compliance level">
            <Select
              selectedOption={{ value: rule.level, label: wordOf(rule.level) }}
              options={LEVELS.map((value) => ({ value, label: wordOf(value) }))}
              onChange={({ detail }) => onChange({ ...rule, level: detail.selectedOption.value ?? rule.level })}
            />
          </FormField>
          {linux ? (
            <Checkbox
              checked={rule.nonSecurity}
              onChange={({ detail }) => onChange({ ...rule, nonSecurity: detail.checked })}
            >
              Include non-security updates
            </Checkbox>
          ) : null}
        </SpaceBetween>
      </ColumnLayout>
    </Container>
  );
}
