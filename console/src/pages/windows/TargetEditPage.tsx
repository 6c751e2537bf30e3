// Register nodes with a window, or change those that are.

import type { MaintenanceWindowTarget } from "@aws-sdk/client-ssm";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { describeTargets, getWindow, registerTarget, updateTarget } from "../../api/windows";
import { useAction, useCall } from "../../api/use";
import { useNamed } from "../../app/names";
import { go, href, part, usePlace } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { FormPage } from "../../components/FormPage";
import { Missing } from "../../components/Missing";
import { TargetsChoice } from "../../components/TargetsChoice";
import { fromTargets, NO_TARGETS, targetsProblem, toTargets } from "../../logic/targets";
import type { TargetsForm } from "../../logic/targets";
import { resourceTypeOf, windowTargetKinds } from "../../logic/window";

export default function TargetEditPage({ params }: PageProps) {
  const [id = "", target] = [params["id"], params["target"]];
  const answer = useCall(
    describeTargets,
    target === undefined ? undefined : { WindowId: id, Filters: [{ Key: "WindowTargetId", Values: [target] }] },
  );
  if (target === undefined) return <Editor id={id} before={undefined} />;
  return (
    <Answer of={answer} what="the target">
      {({ Targets: found }) => {
        const before = found?.[0];
        return before === undefined ? (
          <Missing what={`Target ${target}`} list={href(`/windows/${part(id)}`, { tab: "targets" })} />
        ) : (
          <Editor id={id} before={before} />
        );
      }}
    </Answer>
  );
}

interface EditorProps {
  readonly id: string;
  readonly before: MaintenanceWindowTarget | undefined;
}

function Editor({ id, before }: EditorProps) {
  const [name, setName] = useState(before?.Name ?? "");
  const [owner, setOwner] = useState(before?.OwnerInformation ?? "");
  const [targets, setTargets] = useState<TargetsForm | undefined>(() =>
    before === undefined ? { ...NO_TARGETS, by: "tag" } : fromTargets(before.Targets ?? []),
  );
  const [tried, setTried] = useState(false);
  const window = useCall(getWindow, { WindowId: id });
  useNamed(usePlace().path, before?.Name);
  const wrongName =
    name === "" || /^[a-zA-Z0-9_\-.]{3,128}$/.test(name)
      ? undefined
      : "3 to 128 letters, digits, dots, hyphens or underscores";
  const back = href(`/windows/${part(id)}`, { tab: "targets" });
  const register = useAction(registerTarget, { done: () => "The target is registered.", onDone: () => go(back) });
  const update = useAction(updateTarget, { done: () => "The target is saved.", onDone: () => go(back) });
  const common = {
    WindowId: id,
    Targets: targets === undefined ? (before?.Targets ?? []) : toTargets(targets),
    ...(name === "" ? {} : { Name: name }),
    ...(owner === "" ? {} : { OwnerInformation: owner }),
  };
  const registered = { ...common, ResourceType: resourceTypeOf(targets ?? NO_TARGETS) };
  const changed = {
    ...common,
    WindowTargetId: before?.WindowTargetId ?? "",
    Replace: true,
    Description: before?.Description,
  };
  const submit = (): void => {
    setTried(true);
    if (wrongName !== undefined || (targets !== undefined && targetsProblem(targets) !== undefined)) return;
    if (before === undefined) register.mutate(registered);
    else update.mutate(changed);
  };
  return (
    <FormPage
      title={before === undefined ? "Add targets" : "Edit targets"}
      submit={before === undefined ? "Add targets" : "Save"}
      onSubmit={submit}
      busy={register.isPending || update.isPending}
      back={back}
      of={window.data?.Name}
      request={
        before === undefined
          ? { service: "ssm", operation: "RegisterTargetWithMaintenanceWindow", input: registered }
          : { service: "ssm", operation: "UpdateMaintenanceWindowTarget", input: changed }
      }
    >
      <Container>
        <SpaceBetween size="m">
          <FormField label="Name of the target" errorText={wrongName}>
            <Input value={name} onChange={({ detail }) => setName(detail.value)} />
          </FormField>
          <FormField label="Owner information">
            <Input value={owner} onChange={({ detail }) => setOwner(detail.value)} />
          </FormField>
          <TargetsChoice
            form={targets}
            kept={before?.Targets ?? []}
            kinds={windowTargetKinds(before?.ResourceType)}
            showProblem={tried}
            onChange={setTargets}
          />
        </SpaceBetween>
      </Container>
    </FormPage>
  );
}
