// One policy of a parameter: when it expires, or when somebody is to be told.

import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";

import { POLICY_TYPES, policyWords, ruleText } from "../../logic/parameterPolicies";
import type { PolicyRule, PolicyUnit } from "../../logic/parameterPolicies";

interface Props {
  readonly rule: PolicyRule;
  readonly problem: string | undefined;
  readonly onChange: (rule: PolicyRule) => void;
  readonly onRemove: () => void;
}

const UNITS = [
  { value: "Days", label: "days" },
  { value: "Hours", label: "hours" },
];

export function PolicyFields({ rule, problem, onChange, onRemove }: Props) {
  const label = POLICY_TYPES.find(({ type }) => type === rule.type)?.label ?? rule.type;
  const set = (change: Partial<PolicyRule>): void => {
    // As it was read it is no more.
    const { given: _, ...others } = rule;
    onChange({ ...others, ...change });
  };
  const remove = <Button iconName="remove" formAction="none" ariaLabel={`Remove ${label}`} onClick={onRemove} />;
  const said = problem === undefined ? { constraintText: policyWords(ruleText(rule)) } : { errorText: problem };
  return rule.type === "Expiration" ? (
    <ColumnLayout columns={2}>
      <FormField label="Expires on" {...said}>
        <Input
          value={rule.date}
          placeholder="2030-01-31"
          spellcheck={false}
          onChange={({ detail }) => set({ date: detail.value })}
        />
      </FormField>
      <FormField label="At, UTC" secondaryControl={remove}>
        <Input
          value={rule.time}
          placeholder="12:00:00"
          spellcheck={false}
          onChange={({ detail }) => set({ time: detail.value })}
        />
      </FormField>
    </ColumnLayout>
  ) : (
    <ColumnLayout columns={2}>
      <FormField
        label={
          rule.type === "ExpirationNotification" ? "Tells so long before it expires" : "Tells without a change for"
        }
        {...said}
      >
        <Input value={rule.count} inputMode="numeric" onChange={({ detail }) => set({ count: detail.value })} />
      </FormField>
      <FormField label="Unit" secondaryControl={remove}>
        <Select
          selectedOption={UNITS.find(({ value }) => value === rule.unit) ?? null}
          options={UNITS}
          onChange={({ detail }) => set({ unit: detail.selectedOption.value as PolicyUnit })}
        />
      </FormField>
    </ColumnLayout>
  );
}
