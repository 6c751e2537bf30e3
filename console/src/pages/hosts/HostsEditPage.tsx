// Create or change host management: what is done to nodes again and again, and to which.

import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { createHostManagement, updateHostManagement } from "../../api/quickSetup";
import type { ConfigurationInput, DefinitionKey } from "../../api/quickSetup";
import type { PageProps } from "../../app/routes";
import { CHORES, fromHosts, hostsProblems, NEW_HOSTS, toHostParameters } from "../../logic/hostManagement";
import type { HostsForm } from "../../logic/hostManagement";
import { HOSTS } from "../../logic/quickSetup";
import { ManagerForm } from "../quicksetup/ManagerForm";
import type { Fields, FormKind } from "../quicksetup/ManagerForm";
import { NameFields } from "../quicksetup/NameFields";
import { OneManager } from "../quicksetup/OneManager";
import { ScopeFields } from "../quicksetup/ScopeFields";

export default function HostsEditPage({ params }: PageProps) {
  const arn = params["arn"];
  if (arn === undefined) return <ManagerForm form={FORM} initial={NEW_HOSTS} of={undefined} />;
  return (
    <OneManager kind={HOSTS} arn={arn}>
      {(manager, definition) => (
        <ManagerForm
          form={FORM}
          initial={fromHosts(manager, definition.Parameters)}
          of={{ ManagerArn: manager.ManagerArn, DefinitionId: definition.Id ?? "" }}
        />
      )}
    </OneManager>
  );
}

const FORM: FormKind<HostsForm, ConfigurationInput, DefinitionKey> = {
  kind: HOSTS,
  problemsOf: hostsProblems,
  inputOf: (form) => ({ Name: form.name, Description: form.description, Parameters: toHostParameters(form) }),
  create: createHostManagement,
  update: updateHostManagement,
  Fields: HostsFields,
};

function HostsFields({ form, set, problem, tried }: Fields<HostsForm>) {
  const toggle = (parameter: string, isWanted: boolean): void =>
    set({
      wanted: NEW_HOSTS.wanted.filter((other) => (other === parameter ? isWanted : form.wanted.includes(other))),
    });
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Host management</Header>}>
        <SpaceBetween size="m">
          <NameFields form={form} example="all-hosts" problem={problem} onChange={set} />
          <FormField
            label="What is done"
            description="At once when it is deployed or changed, and at its rate from then on"
            errorText={problem("wanted")}
          >
            <SpaceBetween size="xs">
              {CHORES.map(({ parameter, label, what, often }) => (
                <Checkbox
                  key={parameter}
                  checked={form.wanted.includes(parameter)}
                  description={what}
                  onChange={({ detail }) => toggle(parameter, detail.checked)}
                >
                  {`${label}, ${often}`}
                </Checkbox>
              ))}
            </SpaceBetween>
          </FormField>
        </SpaceBetween>
      </Container>
      <ScopeFields form={form} problem={problem} showProblem={tried} onChange={set} />
    </SpaceBetween>
  );
}
