// Register a task with a window, or change one: a document of Run Command or a runbook, for targets of the window.

import type { GetMaintenanceWindowTaskCommandOutput } from "@aws-sdk/client-ssm";
import Alert from "@cloudscape-design/components/alert";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useState } from "react";

import { describeTargets, getTask, getWindow, registerTask, updateTask } from "../../api/windows";
import { useAction, useCall } from "../../api/use";
import { useNamed } from "../../app/names";
import { go, href, part, usePlace } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { DocumentFields, useDocumentForm } from "../../components/DocumentFields";
import { FormPage } from "../../components/FormPage";
import { RateFields } from "../../components/RateFields";
import { targetsText } from "../../logic/targets";
import { fromTask, NEW_TASK, taskParameters, taskProblems, toTask, windowTargetsOf } from "../../logic/window";
import type { TaskForm, TaskType } from "../../logic/window";

const SHOWN = 100;

export default function TaskEditPage({ params }: PageProps) {
  const [id = "", task] = [params["id"], params["task"]];
  const answer = useCall(getTask, task === undefined ? undefined : { WindowId: id, WindowTaskId: task });
  if (task === undefined) return <Editor id={id} before={undefined} />;
  return (
    <Answer of={answer} what="the task">
      {(before) => <Editor id={id} before={before} />}
    </Answer>
  );
}

interface EditorProps {
  readonly id: string;
  readonly before: GetMaintenanceWindowTaskCommandOutput | undefined;
}

function Editor({ id, before }: EditorProps) {
  const [form, setForm] = useState(() => (before === undefined ? NEW_TASK : fromTask(before)));
  const window = useCall(getWindow, { WindowId: id });
  useNamed(usePlace().path, before?.Name ?? before?.TaskArn);
  const document = useDocumentForm(before?.TaskArn ?? "", before === undefined ? {} : taskParameters(before));
  const [tried, setTried] = useState(false);
  const set = (change: Partial<TaskForm>): void => setForm({ ...form, ...change });
  const keepsTargets = before !== undefined && windowTargetsOf(before) === undefined;
  const problems = taskProblems(form, keepsTargets);
  const back = href(`/windows/${part(id)}`, { tab: "tasks" });
  const register = useAction(registerTask, {
    done: () => `The window runs ${document.name} from now on.`,
    onDone: () => go(back),
  });
  const update = useAction(updateTask, { done: () => "The task is saved.", onDone: () => go(back) });
  const task = toTask(form, document.name, document.input, before);
  const registered = { WindowId: id, TaskType: form.type, ...task };
  const changed = {
    WindowId: id,
    WindowTaskId: before?.WindowTaskId ?? "",
    Replace: true,
    ServiceRoleArn: before?.ServiceRoleArn,
    Description: before?.Description,
    LoggingInfo: before?.LoggingInfo,
    AlarmConfiguration: before?.AlarmConfiguration,
    ...task,
  };
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length > 0 || !document.isComplete) return;
    if (before === undefined) register.mutate(registered);
    else update.mutate(changed);
  };
  return (
    <FormPage
      title={before === undefined ? "Add a task" : "Edit task"}
      submit={before === undefined ? "Add task" : "Save"}
      onSubmit={submit}
      busy={register.isPending || update.isPending}
      back={back}
      of={window.data?.Name}
      request={
        before === undefined
          ? { service: "ssm", operation: "RegisterTaskWithMaintenanceWindow", input: registered }
          : { service: "ssm", operation: "UpdateMaintenanceWindowTask", input: changed }
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">What it runs</Header>}>
          <SpaceBetween size="m">
            {before === undefined ? (
              <Tiles
                ariaLabel="Type"
                value={form.type}
                items={[
                  { value: "RUN_COMMAND", label: "Run Command", description: "A document that runs on nodes" },
                  { value: "AUTOMATION", label: "Automation", description: "A runbook that the server goes through" },
                ]}
                onChange={({ detail }) => {
                  set({ type: detail.value as TaskType });
                  document.choose("");
                }}
              />
            ) : null}
            <DocumentFields
              key={form.type}
              form={document}
              type={form.type === "AUTOMATION" ? "Automation" : "Command"}
              tried={tried}
            />
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">Targets and rate</Header>}>
          <SpaceBetween size="m">
            {keepsTargets && form.windowTargets.length === 0 ? (
              <Alert type="info" header="These targets stay, unless targets of the window are chosen">
                {targetsText(before.Targets)}
              </Alert>
            ) : null}
            <WindowTargets id={id} form={form} set={set} problem={tried ? problems["targets"] : undefined} />
            {form.windowTargets.length > 0 || keepsTargets ? (
              <RateFields
                concurrency={form.concurrency}
                errors={form.errors}
                onConcurrency={(concurrency) => set({ concurrency })}
                onErrors={(errors) => set({ errors })}
              />
            ) : null}
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">Task</Header>}>
          <SpaceBetween size="m">
            <ColumnLayout columns={2}>
              <FormField label="Name" errorText={problems["name"]}>
                <Input value={form.name} onChange={({ detail }) => set({ name: detail.value })} />
              </FormField>
              <FormField label="Priority" description="Lower ones come first" errorText={problems["priority"]}>
                <Input type="number" value={form.priority} onChange={({ detail }) => set({ priority: detail.value })} />
              </FormField>
            </ColumnLayout>
            <Checkbox checked={form.cancels} onChange={({ detail }) => set({ cancels: detail.checked })}>
              Cancel what has not begun when the cut-off comes
            </Checkbox>
          </SpaceBetween>
        </Container>
      </SpaceBetween>
    </FormPage>
  );
}

interface WindowTargetsProps {
  readonly id: string;
  readonly form: TaskForm;
  readonly set: (change: Partial<TaskForm>) => void;
  readonly problem: string | undefined;
}

function WindowTargets({ id, form, set, problem }: WindowTargetsProps) {
  const answer = useCall(describeTargets, { WindowId: id, MaxResults: SHOWN });
  return (
    <Answer of={answer} what="the targets of the window">
      {({ Targets: targets = [] }) => {
        const options = targets.map((target) => ({
          value: target.WindowTargetId ?? "",
          label: target.Name ?? target.WindowTargetId ?? "",
          description: targetsText(target.Targets),
        }));
        return (
          <FormField
            label="Targets of the window"
            description={
              form.type === "AUTOMATION" ? "None: the runbook runs once, with its parameters alone" : undefined
            }
            errorText={problem}
          >
            <Multiselect
              placeholder={options.length === 0 ? "The window has no targets yet" : "Choose targets"}
              selectedOptions={options.filter((option) => form.windowTargets.includes(option.value))}
              options={options}
              deselectAriaLabel={(option) => `Remove ${option.label ?? ""}`}
              onChange={({ detail }) =>
                set({ windowTargets: detail.selectedOptions.map((option) => option.value ?? "") })
              }
            />
          </FormField>
        );
      }}
    </Answer>
  );
}
