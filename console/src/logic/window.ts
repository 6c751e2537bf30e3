// A maintenance window and its tasks as forms.

import type {
  GetMaintenanceWindowCommandOutput,
  GetMaintenanceWindowTaskCommandOutput,
  MaintenanceWindowTaskType,
} from "@aws-sdk/client-ssm";

import { fromParameters } from "./parameters";
import type { ParameterTexts } from "./parameters";
import { scheduleProblem } from "./schedule";
import { limitProblem } from "./targets";
import type { TargetsForm } from "./targets";

export interface WindowForm {
  readonly name: string;
  readonly description: string;
  readonly schedule: string;
  readonly zone: string;
  readonly duration: string;
  readonly cutoff: string;
  readonly unassociated: boolean;
}

export const NEW_WINDOW: WindowForm = {
  name: "",
  description: "",
  schedule: "cron(0 2 ? * SUN *)",
  zone: "",
  duration: "3",
  cutoff: "1",
  unassociated: false,
};

const NAME = /^[a-zA-Z0-9_\-.]{3,128}$/;
const NAME_WORDS = "3 to 128 letters, digits, dots, hyphens or underscores";

export function windowProblems(form: WindowForm): Record<string, string> {
  const found: Record<string, string> = {};
  if (!NAME.test(form.name)) found["name"] = NAME_WORDS;
  const schedule = scheduleProblem(form.schedule, false);
  if (schedule !== undefined) found["schedule"] = schedule;
  const hours = Number(form.duration);
  if (!Number.isInteger(hours) || hours < 1 || hours > 24) found["duration"] = "1 to 24 hours";
  const before = Number(form.cutoff);
  if (form.cutoff === "" || !Number.isInteger(before) || before < 0 || before >= hours || before > 23)
    found["cutoff"] = "shorter than the window";
  return found;
}

export function fromWindow(window: GetMaintenanceWindowCommandOutput): WindowForm {
  return {
    name: window.Name ?? "",
    description: window.Description ?? "",
    schedule: window.Schedule ?? "",
    zone: window.ScheduleTimezone ?? "",
    duration: String(window.Duration ?? 1),
    cutoff: String(window.Cutoff ?? 0),
    unassociated: window.AllowUnassociatedTargets === true,
  };
}

/** What CreateMaintenanceWindow takes. */
export function toWindow(form: WindowForm) {
  return {
    Name: form.name,
    Schedule: form.schedule,
    Duration: Number(form.duration),
    Cutoff: Number(form.cutoff),
    AllowUnassociatedTargets: form.unassociated,
    ...(form.description === "" ? {} : { Description: form.description }),
    ...(form.zone === "" ? {} : { ScheduleTimezone: form.zone }),
  };
}

/** As a target of a window is registered. */
export function resourceTypeOf(targets: TargetsForm): "INSTANCE" | "RESOURCE_GROUP" {
  return targets.by === "resource-group" ? "RESOURCE_GROUP" : "INSTANCE";
}

/** What a window takes as a target, which is never all nodes; one that is registered stays of its type. */
export function windowTargetKinds(type: string | undefined): TargetsForm["by"][] {
  const nodes: TargetsForm["by"][] = ["tag", "nodes", "group"];
  if (type === undefined) return [...nodes, "resource-group"];
  return type === "RESOURCE_GROUP" ? ["resource-group"] : nodes;
}

export type TaskType = Extract<MaintenanceWindowTaskType, "RUN_COMMAND" | "AUTOMATION">;

export interface TaskForm {
  readonly name: string;
  readonly type: TaskType;
  readonly priority: string;
  /** Registered targets of the window, by their ids. */
  readonly windowTargets: readonly string[];
  readonly concurrency: string;
  readonly errors: string;
  /** Whether what runs is cancelled when the cut-off comes. */
  readonly cancels: boolean;
}

export const NEW_TASK: TaskForm = {
  name: "",
  type: "RUN_COMMAND",
  priority: "1",
  windowTargets: [],
  concurrency: "10%",
  errors: "5%",
  cancels: false,
};

export function taskProblems(form: TaskForm, keepsTargets: boolean): Record<string, string> {
  const found: Record<string, string> = {};
  if (form.name !== "" && !NAME.test(form.name)) found["name"] = NAME_WORDS;
  if (!/^\d{1,4}$/.test(form.priority)) found["priority"] = "a whole number; 0 comes first";
  if (form.type === "RUN_COMMAND" && form.windowTargets.length === 0 && !keepsTargets)
    found["targets"] = "choose at least one target of the window";
  const limit = limitProblem(form.concurrency, false) ?? limitProblem(form.errors, true);
  if (limit !== undefined) found["rate"] = limit;
  return found;
}

type Task = Partial<GetMaintenanceWindowTaskCommandOutput>;

export function taskParameters(task: Task): ParameterTexts {
  const { RunCommand, Automation } = task.TaskInvocationParameters ?? {};
  return fromParameters(RunCommand?.Parameters ?? Automation?.Parameters ?? {});
}

/** The ids of its targets, where they are targets of the window and nothing else. */
export function windowTargetsOf(task: Task): readonly string[] | undefined {
  const targets = task.Targets ?? [];
  if (targets.length === 0) return [];
  const [target, ...others] = targets;
  return target?.Key === "WindowTargetIds" && others.length === 0 ? (target.Values ?? []) : undefined;
}

export function fromTask(task: Task): TaskForm {
  return {
    name: task.Name ?? "",
    type: task.TaskType === "AUTOMATION" ? "AUTOMATION" : "RUN_COMMAND",
    priority: String(task.Priority ?? 1),
    windowTargets: windowTargetsOf(task) ?? [],
    concurrency: task.MaxConcurrency ?? "",
    errors: task.MaxErrors ?? "",
    cancels: task.CutoffBehavior === "CANCEL_TASK",
  };
}

/** What RegisterTaskWithMaintenanceWindow takes beside window and type; what `before` has and the form does not ask stays. */
export function toTask(form: TaskForm, document: string, parameters: Record<string, string[]>, before: Task = {}) {
  const kept = windowTargetsOf(before) === undefined ? before.Targets : undefined;
  const targets =
    form.windowTargets.length === 0 ? (kept ?? []) : [{ Key: "WindowTargetIds", Values: [...form.windowTargets] }];
  const { RunCommand, Automation } = before.TaskInvocationParameters ?? {};
  return {
    TaskArn: document,
    Priority: Number(form.priority),
    CutoffBehavior: form.cancels ? ("CANCEL_TASK" as const) : ("CONTINUE_TASK" as const),
    ...(form.name === "" ? {} : { Name: form.name }),
    ...(targets.length === 0
      ? {}
      : {
          Targets: targets,
          ...(form.concurrency === "" ? {} : { MaxConcurrency: form.concurrency }),
          ...(form.errors === "" ? {} : { MaxErrors: form.errors }),
        }),
    TaskInvocationParameters:
      form.type === "RUN_COMMAND"
        ? { RunCommand: { ...RunCommand, Parameters: parameters } }
        : { Automation: { ...Automation, Parameters: parameters } },
  };
}
