// Create or change a patch policy: what it does when, on which nodes, by which baselines, in which rings.

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

import { describePatchBaselines } from "../../api/baselines";
import { createPolicy, findRings, updatePolicy } from "../../api/quickSetup";
import type { Definition, DefinitionKey, Manager, PolicyInput } from "../../api/quickSetup";
import { useCall } from "../../api/use";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { RateFields } from "../../components/RateFields";
import { RingsEditor } from "../../components/RingsEditor";
import { fromPolicy, NEW_POLICY, policyProblems, toParameters } from "../../logic/policy";
import type { ChosenBaseline, PolicyForm } from "../../logic/policy";
import { POLICIES } from "../../logic/quickSetup";
import { fromPlan, toPlan } from "../../logic/rings";
import { ManagerForm } from "../quicksetup/ManagerForm";
import type { Fields, FormKind } from "../quicksetup/ManagerForm";
import { NameFields } from "../quicksetup/NameFields";
import { OneManager } from "../quicksetup/OneManager";
import { ScopeFields } from "../quicksetup/ScopeFields";

export default function PolicyEditPage({ params }: PageProps) {
  const arn = params["arn"];
  if (arn === undefined) return <ManagerForm form={FORM} initial={NEW_POLICY} of={undefined} />;
  return (
    <OneManager kind={POLICIES} arn={arn}>
      {(manager, definition) => <Known manager={manager} definition={definition} />}
    </OneManager>
  );
}

function Known({ manager, definition }: { readonly manager: Manager; readonly definition: Definition }) {
  const key = { ManagerArn: manager.ManagerArn, DefinitionId: definition.Id ?? "" };
  const answer = useCall(findRings, key);
  return (
    <Answer of={answer} what="the rings">
      {({ Plan: plan }) => (
        <ManagerForm
          form={FORM}
          initial={fromPolicy(manager, definition.Parameters, plan === undefined ? undefined : fromPlan(plan))}
          of={{ ...key, HadRings: plan !== undefined }}
        />
      )}
    </Answer>
  );
}

function inputOf(form: PolicyForm): PolicyInput {
  const installs = form.operation === "ScanAndInstall";
  return {
    Name: form.name,
    Description: form.description,
    Parameters: toParameters(form),
    Rings: installs && form.rings !== undefined ? toPlan(form.rings) : undefined,
  };
}

const FORM: FormKind<PolicyForm, PolicyInput, DefinitionKey & { HadRings: boolean }> = {
  kind: POLICIES,
  problemsOf: policyProblems,
  inputOf,
  create: createPolicy,
  update: updatePolicy,
  Fields: PolicyFields,
};

function PolicyFields({ form, set, problem, tried }: Fields<PolicyForm>) {
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Patch policy</Header>}>
        <SpaceBetween size="m">
          <NameFields form={form} example="nightly" problem={problem} onChange={set} />
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
      <ScopeFields form={form} problem={problem} showProblem={tried} onChange={set} />
      <Container header={<Header variant="h2">Rate</Header>}>
        <RateFields
          concurrency={form.concurrency}
          errors={form.errors}
          onConcurrency={(concurrency) => set({ concurrency })}
          onErrors={(errors) => set({ errors })}
        />
      </Container>
      {form.operation === "ScanAndInstall" ? (
        <RingsEditor form={form.rings} onChange={(rings) => set({ rings })} />
      ) : null}
    </SpaceBetween>
  );
}

function Times({ form, set, problem }: Pick<Fields<PolicyForm>, "form" | "set" | "problem">) {
  const installs = form.operation === "ScanAndInstall";
  return (
    <Container header={<Header variant="h2">Times</Header>}>
      <ColumnLayout columns={2}>
        <SpaceBetween size="s">
          <FormField label="Scans" constraintText="cron(0 1 * * ? *) in UTC, rate(1 day)" errorText={problem("scan")}>
            <Input value={form.scan} onChange={({ detail }) => set({ scan: detail.value })} />
          </FormField>
          <Checkbox checked={form.scanWaits} onChange={({ detail }) => set({ scanWaits: detail.checked })}>
            Only then, and not when the policy is made or changed
          </Checkbox>
        </SpaceBetween>
        {installs ? (
          <SpaceBetween size="s">
            <FormField label="Installs" constraintText="cron(0 2 ? * SUN *) in UTC" errorText={problem("install")}>
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
