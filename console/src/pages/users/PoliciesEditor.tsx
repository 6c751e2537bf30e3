// The policies of a user: IAM's JSON, by names.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";

import { policyProblem, PRESETS } from "../../logic/users";

interface Props {
  readonly policies: Readonly<Record<string, string>>;
  readonly onChange: (policies: Record<string, string>) => void;
}

const ROWS = 10;

export function PoliciesEditor({ policies, onChange }: Props) {
  const without = (name: string): Record<string, string> =>
    Object.fromEntries(Object.entries(policies).filter(([other]) => other !== name));
  return (
    <SpaceBetween size="m">
      {Object.entries(policies).map(([name, text]) => (
        <FormField
          key={name}
          label={`Policy ${name}`}
          errorText={policyProblem(text)}
          secondaryControl={
            <Button
              iconName="remove"
              formAction="none"
              ariaLabel={`Remove policy ${name}`}
              onClick={() => onChange(without(name))}
            />
          }
        >
          <div className="code">
            <Textarea
              value={text}
              rows={ROWS}
              spellcheck={false}
              onChange={({ detail }) => onChange({ ...policies, [name]: detail.value })}
            />
          </div>
        </FormField>
      ))}
      {Object.keys(policies).length === 0 ? (
        <Box color="text-status-inactive">No policy: this user may do nothing.</Box>
      ) : null}
      <ButtonDropdown
        items={PRESETS.map(({ id, label, description }) => ({
          id,
          text: label,
          description,
          disabled: id in policies,
        }))}
        onItemClick={({ detail }) => {
          const preset = PRESETS.find(({ id }) => id === detail.id);
          if (preset !== undefined) onChange({ ...policies, [preset.id]: preset.policy });
        }}
      >
        Add a policy
      </ButtonDropdown>
    </SpaceBetween>
  );
}
