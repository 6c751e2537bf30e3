// Create or change a patch policy: what it does when, on which nodes, by which baselines, in which rings.

import Alert from "@cloudscape-design/components/alert";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useState } from "react";

import { describePatchBaselines } from "../../api/baselines";
import { createPolicy, findRings, getManager, PATCH_POLICY, policyOf, updatePolicy } from "../../api/quickSetup";
import type { Definition, Manager } from "../../api/quickSetup";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { FormPage } from "../../components/FormPage";
import { Missing } from "../../components/Missing";
import { RateFields } from "../../components/RateFields";
import { RingsEditor } from "../../components/RingsEditor";
import { TargetsEditor } from "../../components/TargetsEditor";
import { fromPolicy, NEW_POLICY, policyProblems, toParameters } from "../../logic/policy";
import type { ChosenBaseline, PolicyForm } from "../../logic/policy";
import { fromPlan, toPlan } from "../../logic/rings";

export default function PolicyEditPage({ params }: PageProps) {
  const arn = params["arn"];
  const answer = useCall(getManager, arn === undefined ? undefined : { ManagerArn: arn });
  if (arn === undefined) return <Editor initial={NEW_POLICY} of={undefined} />;
  return (
    <Answer of={answer} what="the patch policy">
      {(manager) => {
        const definition = policyOf(manager);
        return definition === undefined ? (
          <Missing what={`The patch policy ${arn}`} list={href("/policies")} />
        ) : (
          <Known manager={manager} definition={definition} />
        );
      }}
    </Answer>
  );
}

function Known({ manager, definition }: { readonly manager: Manager; readonly definition: Definition }) {
  const key = { ManagerArn: manager.ManagerArn, DefinitionId: definition.Id ?? "" };
  const answer = useCall(findRings, key);
  return (
    <Answer of={answer} what="the rings">
      {({ Plan: plan }) => (
        <Editor
          initial={fromPolicy(manager, definition.Parameters, plan === undefined ? undefined : fromPlan(plan))}
          of={{ ...key, HadRings: plan !== undefined }}
        />
      )}
    </Answer>
  );
}

interface EditorProps {
  readonly initial: PolicyForm;
  /** The policy that is changed. */
  readonly of: { readonly ManagerArn: string; readonly DefinitionId: string; readonly HadRings: boolean } | undefined;
}

function Editor({ initial, of }: EditorProps) {
  const [form, setForm] = useState(initial);
  const [tried, setTried] = useState(of !== undefined);
  const set = (change: Partial<PolicyForm>): void => setForm({ ...form, ...change });
  const problems = policyProblems(form);
  const problem = (place: string): string | undefined => (tried ? problems[place] : undefined);
  const installs = form.operation === "ScanAndInstall";
  const parameters = toParameters(form);
  const input = {
    Name: form.name,
    Description: form.description,
    Parameters: parameters,
    Rings: installs && form.rings !== undefined ? toPlan(form.rings) : undefined,
  };
  const create = useAction(createPolicy, {
    done: () => `${form.name} is created.`,
    onDone: ({ ManagerArn }) => go(href(`/policies/${part(ManagerArn)}`)),
  });
  const update = useAction(updatePolicy, {
    done: () => `${form.name} is saved.`,
    onDone: () => go(href(of === undefined ? "/policies" : `/policies/${part(of.ManagerArn)}`)),
  });
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if (of === undefined) create.mutate(input);
    else update.mutate({ ...input, ...of });
  };
  return (
    <FormPage
      title={of === undefined ? "Create patch policy" : `Edit ${initial.name}`}
      submit={of === undefined ? "Create patch policy" : "Save"}
      onSubmit={submit}
      busy={create.isPending || update.isPending}
      disabled={tried && Object.keys(problems).length > 0}
      back={of === undefined ? href("/policies") : href(`/policies/${part(of.ManagerArn)}`)}
      request={
        of === undefined
          ? {
              service: "ssm-quicksetup",
              operation: "CreateConfigurationManager",
              input: {
                Name: form.name,
                ConfigurationDefinitions: [{ Type: PATCH_POLICY, Parameters: parameters }],
              },
            }
          : {
              service: "ssm-quicksetup",
              operation: "UpdateConfigurationDefinition",
              input: { ManagerArn: of.ManagerArn, Id: of.DefinitionId, Parameters: parameters },
            }
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Patch policy</Header>}>
          <SpaceBetween size="m">
            <ColumnLayout columns={2}>
              <FormField label="Name" errorText={problem("name")}>
                <Input value={form.name} placeholder="nightly" onChange={({ detail }) => set({ name: detail.value })} />
              </FormField>
              <FormField label="Description" errorText={problem("description")}>
                <Input value={form.description} onChange={({ detail }) => set({ description: detail.value })} />
              </FormField>
            </ColumnLayout>
            <Tiles
              ariaLabel="Operation"
              value={form.operation}
              items={[
                { value: "Scan", label: "Scan", description: "Reports what is missing" },
                {
                  value: "ScanAndInstall",
                  label: "Scan and install",
                  description: "Installs what its baselines approve, at times of its own",
                },
              ]}
              onChange={({ detail }) => set({ operation: detail.value === "Scan" ? "Scan" : "ScanAndInstall" })}
            />
          </SpaceBetween>
        </Container>
        <Times form={form} set={set} problem={problem} />
        <BaselineChoice
          chosen={form.baselines}
          problem={problem("baselines")}
          onChange={(baselines) => set({ baselines })}
        />
        <Container header={<Header variant="h2">Targets</Header>}>
          <SpaceBetween size="m">
            {form.group === "" ? (
              <TargetsEditor form={form.targets} showProblem={tried} onChange={(targets) => set({ targets })} />
            ) : null}
            {form.group === "" && problem("targets") !== undefined ? (
              <Alert type="error">{problem("targets")}</Alert>
            ) : null}
            <ColumnLayout columns={2}>
              <FormField label="Resource group" description="Instead of the above: the nodes of this group">
                <Input value={form.group} onChange={({ detail }) => set({ group: detail.value })} />
              </FormField>
              <FormField label="Regions" description="Empty: this one" errorText={problem("regions")}>
                <Input
                  value={form.regions}
                  placeholder="eu-central-1, eu-west-1"
                  onChange={({ detail }) => set({ regions: detail.value })}
                />
              </FormField>
            </ColumnLayout>
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">Rate</Header>}>
          <RateFields
            concurrency={form.concurrency}
            errors={form.errors}
            onConcurrency={(concurrency) => set({ concurrency })}
            onErrors={(errors) => set({ errors })}
          />
        </Container>
        {installs ? <RingsEditor form={form.rings} onChange={(rings) => set({ rings })} /> : null}
      </SpaceBetween>
    </FormPage>
  );
}

interface TimesProps {
  readonly form: PolicyForm;
  readonly set: (change: Partial<PolicyForm>) => void;
  readonly problem: (place: string) => string | undefined;
}

function Times({ form, set, problem }: TimesProps) {
  const installs = form.operation === "ScanAndInstall";
  return (
    <Container header={<Header variant="h2">Times</Header>}>
      <ColumnLayout columns={2}>
        <SpaceBetween size="s">
          <FormField label="Scans" constraintText="cron(0 1 * * ? *), rate(1 day)" errorText={problem("scan")}>
            <Input value={form.scan} onChange={({ detail }) => set({ scan: detail.value })} />
          </FormField>
          <Checkbox checked={form.scanWaits} onChange={({ detail }) => set({ scanWaits: detail.checked })}>
            Only then, and not when the policy is made or changed
          </Checkbox>
        </SpaceBetween>
        {installs ? (
          <SpaceBetween size="s">
            <FormField label="Installs" constraintText="cron(0 2 ? * SUN *)" errorText={problem("install")}>
              <Input value={form.install} onChange={({ detail }) => set({ install: detail.value })} />
            </FormField>
            <Checkbox checked={form.installWaits} onChange={({ detail }) => set({ installWaits: detail.checked })}>
              Only then, and not when the policy is made or changed
            </Checkbox>
            <FormField label="Restart">
              <RadioGroup
                value={form.reboot}
                items={[
                  { value: "RebootIfNeeded", label: "Restart nodes that need it" },
                  { value: "NoReboot", label: "Do not restart" },
                ]}
                onChange={({ detail }) => set({ reboot: detail.value === "NoReboot" ? "NoReboot" : "RebootIfNeeded" })}
              />
            </FormField>
          </SpaceBetween>
        ) : null}
      </ColumnLayout>
    </Container>
  );
}

interface ChoiceProps {
  readonly chosen: readonly ChosenBaseline[];
  readonly problem: string | undefined;
  readonly onChange: (chosen: ChosenBaseline[]) => void;
}

function BaselineChoice({ chosen, problem, onChange }: ChoiceProps) {
  const answer = useCall(describePatchBaselines, { MaxResults: 100 });
  const offered = (answer.data?.BaselineIdentities ?? []).map((baseline) => ({
    system: baseline.OperatingSystem ?? "WINDOWS",
    id: baseline.BaselineId ?? "",
    label: baseline.BaselineName ?? "",
  }));
  const others = chosen.filter(({ id }) => !offered.some((known) => known.id === id));
  const option = ({ system, id, label }: ChosenBaseline) => ({
    value: id,
    label: label === "" ? id : label,
    description: `${system}, ${id.split("/").pop() ?? id}`,
  });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="One for each operating system that the policy patches, whatever the nodes' groups"
        >
          Patch baselines
        </Header>
      }
    >
      <FormField label="Patch baselines" errorText={problem ?? answer.error?.message}>
        <Multiselect
          placeholder="Choose patch baselines"
          filteringType="auto"
          statusType={answer.isPending ? "loading" : "finished"}
          loadingText="Loading patch baselines"
          deselectAriaLabel={({ label }) => `Remove ${label ?? ""}`}
          options={[...others, ...offered].map(option)}
          selectedOptions={chosen.map(option)}
          onChange={({ detail }) => {
            const ids = detail.selectedOptions.map(({ value }) => value);
            onChange([...others, ...offered].filter(({ id }) => ids.includes(id)));
          }}
        />
      </FormField>
    </Container>
  );
}
