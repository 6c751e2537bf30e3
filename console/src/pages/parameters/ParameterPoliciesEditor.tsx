// The policies of a parameter: a form, and the same as JSON; either changes the other.

import type { ParameterTier } from "@aws-sdk/client-ssm";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";

import { MOST_POLICIES, newRule, policiesFrom, policiesText, POLICY_TYPES } from "../../logic/parameterPolicies";
import type { PoliciesForm, PolicyRule } from "../../logic/parameterPolicies";
import { PolicyFields } from "./PolicyFields";

interface Props {
  readonly form: PoliciesForm;
  readonly tier: ParameterTier;
  readonly problem: (place: string) => string | undefined;
  readonly onChange: (form: PoliciesForm) => void;
  readonly onTier: (tier: ParameterTier) => void;
}

export function ParameterPoliciesEditor({ form, tier, problem, onChange, onTier }: Props) {
  const { rules } = form;
  const isDraft = form.draft !== undefined;
  const setRule = (index: number, next: PolicyRule): void =>
    onChange({ rules: rules.map((rule, at) => (at === index ? next : rule)) });
  const wrong = problem("policies");
  return (
    <Container
      header={
        <Header variant="h2" description="What is done by itself, and of what the log and the event stream tell">
          Policies
        </Header>
      }
    >
      <SpaceBetween size="m">
        {wrong === undefined ? null : (
          <Alert
            type="error"
            action={
              tier === "Standard" ? (
                <Button formAction="none" onClick={() => onTier("Advanced")}>
                  Make it advanced
                </Button>
              ) : undefined
            }
          >
            {wrong}
          </Alert>
        )}
        {isDraft
          ? null
          : rules.map((rule, index) => (
              <PolicyFields
                key={index}
                rule={rule}
                problem={problem(`policies.${index}`)}
                onChange={(next) => setRule(index, next)}
                onRemove={() => onChange({ rules: rules.filter((_, at) => at !== index) })}
              />
            ))}
        {rules.length === 0 && !isDraft ? <Box color="text-status-inactive">None.</Box> : null}
        {isDraft ? null : (
          <ButtonDropdown
            disabled={rules.length >= MOST_POLICIES}
            items={POLICY_TYPES.map(({ type, label, what }) => ({
              id: type,
              text: label,
              description: what,
              disabled: type === "Expiration" && rules.some((rule) => rule.type === "Expiration"),
            }))}
            onItemClick={({ detail }) => {
              const chosen = POLICY_TYPES.find(({ type }) => type === detail.id);
              if (chosen !== undefined) onChange({ rules: [...rules, newRule(chosen.type)] });
            }}
          >
            Add a policy
          </ButtonDropdown>
        )}
        <ExpandableSection headerText="The policies as JSON" {...(isDraft ? { expanded: true } : {})}>
          <FormField label="Policies" stretch errorText={problem("policies.draft")}>
            <Textarea
              value={policiesText(form)}
              rows={12}
              spellcheck={false}
              onChange={({ detail }) => onChange(policiesFrom(detail.value, form))}
            />
          </FormField>
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}
