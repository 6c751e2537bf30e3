// Which nodes of which regions a configuration is for.

import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { TargetsEditor } from "../../components/TargetsEditor";
import type { ScopeForm } from "../../logic/scope";
import { targetsProblem } from "../../logic/targets";

interface Props {
  readonly form: ScopeForm;
  readonly problem: (place: string) => string | undefined;
  readonly showProblem: boolean;
  readonly onChange: (change: Partial<ScopeForm>) => void;
}

export function ScopeFields({ form, problem, showProblem, onChange }: Props) {
  const { targets, regions } = form;
  // What is wrong with targets of any kind, the editor says itself.
  const wrong = targetsProblem(targets) === undefined ? problem("targets") : undefined;
  return (
    <Container header={<Header variant="h2">Targets</Header>}>
      <SpaceBetween size="m">
        <TargetsEditor form={targets} showProblem={showProblem} onChange={(next) => onChange({ targets: next })} />
        {wrong === undefined ? null : <Alert type="error">{wrong}</Alert>}
        <FormField label="Regions" description="Empty: this one" errorText={problem("regions")}>
          <Input
            value={regions}
            placeholder="eu-central-1, eu-west-1"
            onChange={({ detail }) => onChange({ regions: detail.value })}
          />
        </FormField>
      </SpaceBetween>
    </Container>
  );
}
