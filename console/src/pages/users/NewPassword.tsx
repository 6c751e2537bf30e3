// A new password, typed twice.

import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";

interface Props {
  readonly password: string;
  readonly again: string;
  readonly problem: string | undefined;
  readonly onPassword: (text: string) => void;
  readonly onAgain: (text: string) => void;
}

export function NewPassword({ password, again, problem, onPassword, onAgain }: Props) {
  return (
    <SpaceBetween size="m">
      <FormField label="New password" errorText={problem}>
        <Input
          type="password"
          autoComplete="new-password"
          value={password}
          onChange={({ detail }) => onPassword(detail.value)}
        />
      </FormField>
      <FormField label="New password again">
        <Input
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={({ detail }) => onAgain(detail.value)}
        />
      </FormField>
    </SpaceBetween>
  );
}
