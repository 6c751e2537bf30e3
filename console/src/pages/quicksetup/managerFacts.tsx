// What every type of configuration is shown with: how it stands, for whom it is, and since when.

import type { ReactNode } from "react";

import { deploymentOf, runsOf } from "../../api/quickSetup";
import type { Manager } from "../../api/quickSetup";
import { Status } from "../../components/Status";
import { Targets } from "../../components/Targets";
import { Time } from "../../components/Time";
import type { ScopeForm } from "../../logic/scope";
import { toTargets } from "../../logic/targets";

interface Fact {
  readonly label: string;
  readonly value: ReactNode;
}

/** What its associations came to; before the first run there is nothing to tell. */
export function LastRuns({ of }: { readonly of: Pick<Manager, "StatusSummaries"> }) {
  const status = runsOf(of)?.Status ?? "NONE";
  return status === "NONE" ? <>none yet</> : <Status status={status} />;
}

export function standingFacts(manager: Manager): Fact[] {
  return [
    { label: "Deployment", value: <Status status={deploymentOf(manager)?.Status} /> },
    { label: "Last runs", value: <LastRuns of={manager} /> },
  ];
}

export function scopeFacts(form: ScopeForm): Fact[] {
  return [
    { label: "Targets", value: <Targets of={toTargets(form.targets)} /> },
    { label: "Regions", value: form.regions === "" ? "this one" : form.regions },
  ];
}

export function historyFacts(manager: Manager): Fact[] {
  return [
    { label: "Created", value: <Time at={dateOf(manager.CreatedAt)} /> },
    { label: "Changed", value: <Time at={dateOf(manager.LastModifiedAt)} /> },
    {
      label: "Description",
      value: manager.Description === undefined || manager.Description === "" ? "–" : manager.Description,
    },
  ];
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
