// Create or change a maintenance window: when it opens, for how long.

import type { GetMaintenanceWindowCommandOutput } from "@aws-sdk/client-ssm";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createWindow, getWindow, updateWindow } from "../../api/windows";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { FormPage } from "../../components/FormPage";
import { fromWindow, NEW_WINDOW, toWindow, windowProblems } from "../../logic/window";
import type { WindowForm } from "../../logic/window";

export default function WindowEditPage({ params }: PageProps) {
  const id = params["id"];
  const answer = useCall(getWindow, id === undefined ? undefined : { WindowId: id });
  if (id === undefined) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    return <Editor initial={{ ...NEW_WINDOW, zone }} before={undefined} />;
  }
  return (
    <Answer of={answer} what="the maintenance window">
      {(window) => <Editor initial={fromWindow(window)} before={window} />}
    </Answer>
  );
}

interface EditorProps {
  readonly initial: WindowForm;
  readonly before: GetMaintenanceWindowCommandOutput | undefined;
}

function Editor({ initial, before }: EditorProps) {
  const [form, setForm] = useState(initial);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<WindowForm>): void => setForm({ ...form, ...change });
  const problems = windowProblems(form);
  const open = (id: string | undefined): void => go(href(`/windows/${part(id ?? "")}`));
  const create = useAction(createWindow, {
    done: () => `${form.name} is created.`,
    onDone: (output) => open(output.WindowId),
  });
  const update = useAction(updateWindow, {
    done: () => `${form.name} is saved.`,
    onDone: () => open(before?.WindowId),
  });
  const input = toWindow(form);
  // What the form does not ask stays.
  const changes = {
    WindowId: before?.WindowId ?? "",
    Replace: true,
    Enabled: before?.Enabled !== false,
    StartDate: before?.StartDate,
    EndDate: before?.EndDate,
    ScheduleOffset: before?.ScheduleOffset,
    ...input,
  };
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if (before === undefined) create.mutate(input);
    else update.mutate(changes);
  };
  return (
    <FormPage
      title={before === undefined ? "Create maintenance window" : `Edit ${initial.name}`}
      submit={before === undefined ? "Create maintenance window" : "Save"}
      onSubmit={submit}
      busy={create.isPending || update.isPending}
      back={before === undefined ? href("/windows") : href(`/windows/${part(before.WindowId ?? "")}`)}
      of={before?.Name}
      request={
        before === undefined
          ? { service: "ssm", operation: "CreateMaintenanceWindow", input }
          : { service: "ssm", operation: "UpdateMaintenanceWindow", input: changes }
      }
    >
      <Container>
        <SpaceBetween size="m">
          <FormField label="Name" errorText={tried ? problems["name"] : undefined}>
            <Input value={form.name} placeholder="sundays" onChange={({ detail }) => set({ name: detail.value })} />
          </FormField>
          <FormField label="Description">
            <Input value={form.description} onChange={({ detail }) => set({ description: detail.value })} />
          </FormField>
          <ColumnLayout columns={2}>
            <FormField label="Schedule" constraintText="cron(…), rate(…) or at(…)" errorText={problems["schedule"]}>
              <Input value={form.schedule} onChange={({ detail }) => set({ schedule: detail.value })} />
            </FormField>
            <FormField label="Time zone" constraintText="An IANA name; empty: UTC">
              <Input value={form.zone} onChange={({ detail }) => set({ zone: detail.value })} />
            </FormField>
            <FormField label="Duration in hours" errorText={problems["duration"]}>
              <Input type="number" value={form.duration} onChange={({ detail }) => set({ duration: detail.value })} />
            </FormField>
            <FormField
              label="Cut-off in hours"
              constraintText="So long before the end nothing new begins"
              errorText={problems["cutoff"]}
            >
              <Input type="number" value={form.cutoff} onChange={({ detail }) => set({ cutoff: detail.value })} />
            </FormField>
          </ColumnLayout>
          <Checkbox checked={form.unassociated} onChange={({ detail }) => set({ unassociated: detail.checked })}>
            Tasks may address nodes that are not targets of the window
          </Checkbox>
        </SpaceBetween>
      </Container>
    </FormPage>
  );
}
