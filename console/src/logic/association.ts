// An association as a form.

import type { AssociationDescription } from "@aws-sdk/client-ssm";

import { scheduleProblem } from "./schedule";
import { fromTargets, limitProblem, NO_TARGETS, STATE_MANAGER_GROUP_KEY, targetsProblem, toTargets } from "./targets";
import type { TargetsForm } from "./targets";

export interface AssociationForm {
  readonly name: string;
  /** Nothing: they stay as they are. */
  readonly targets: TargetsForm | undefined;
  readonly schedule: string;
  readonly concurrency: string;
  readonly errors: string;
}

export const NEW_ASSOCIATION: AssociationForm = {
  name: "",
  targets: { ...NO_TARGETS, by: "all" },
  schedule: "rate(1 day)",
  concurrency: "",
  errors: "",
};

export function associationProblems(form: AssociationForm): Record<string, string> {
  const found: Record<string, string> = {};
  const put = (place: string, problem: string | undefined): void => {
    if (problem !== undefined) found[place] = problem;
  };
  if (form.name !== "" && !/^[a-zA-Z0-9_\-.]{3,128}$/.test(form.name))
    found["name"] = "3 to 128 letters, digits, dots, hyphens or underscores";
  put("schedule", scheduleProblem(form.schedule, true));
  if (form.targets !== undefined) put("targets", targetsProblem(form.targets));
  put("rate", limitProblem(form.concurrency, false) ?? limitProblem(form.errors, true));
  return found;
}

export function fromAssociation(association: AssociationDescription): AssociationForm {
  return {
    name: association.AssociationName ?? "",
    targets: fromTargets(association.Targets ?? []),
    schedule: association.ScheduleExpression ?? "",
    concurrency: association.MaxConcurrency ?? "",
    errors: association.MaxErrors ?? "",
  };
}

/** What CreateAssociation takes. */
export function toAssociation(form: AssociationForm, document: string, parameters: Record<string, string[]>) {
  return {
    Name: document,
    Parameters: parameters,
    ...(form.targets === undefined ? {} : { Targets: toTargets(form.targets, STATE_MANAGER_GROUP_KEY) }),
    ...(form.name === "" ? {} : { AssociationName: form.name }),
    ...(form.schedule === "" ? {} : { ScheduleExpression: form.schedule }),
    ...(form.concurrency === "" ? {} : { MaxConcurrency: form.concurrency }),
    ...(form.errors === "" ? {} : { MaxErrors: form.errors }),
  };
}

/** What UpdateAssociation would clear if it were not said again. The schedule's offset and cron interval go with a schedule. */
export function keptOf(association: AssociationDescription, document: string, hasSchedule: boolean) {
  return {
    AssociationId: association.AssociationId ?? "",
    Targets: association.Targets,
    OutputLocation: association.OutputLocation,
    AutomationTargetParameterName: association.AutomationTargetParameterName,
    ComplianceSeverity: association.ComplianceSeverity,
    SyncCompliance: association.SyncCompliance,
    CalendarNames: association.CalendarNames,
    TargetLocations: association.TargetLocations,
    TargetMaps: association.TargetMaps,
    Duration: association.Duration,
    AlarmConfiguration: association.AlarmConfiguration,
    // A version belongs to the document that it is of.
    ...(document === association.Name ? { DocumentVersion: association.DocumentVersion } : {}),
    ...(hasSchedule
      ? {
          ApplyOnlyAtCronInterval: association.ApplyOnlyAtCronInterval,
          ScheduleOffset: association.ScheduleOffset,
        }
      : {}),
  };
}
