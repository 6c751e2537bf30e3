// Host management as a form: what every node is to have done to it from time to time, and on which nodes.

import type { Parameters } from "../api/quickSetup";
import { nameProblems } from "./quickSetup";
import type { NameForm } from "./quickSetup";
import { ALL_NODES, fromScope, SCOPE_PARAMETERS, scopeProblems, toScope } from "./scope";
import type { ScopeForm } from "./scope";

/** One thing that is done at a rate, which the server chooses. */
export interface Chore {
  readonly parameter: string;
  /** As the server names what does it. */
  readonly role: string;
  readonly label: string;
  readonly what: string;
  readonly often: string;
  readonly document: string;
}

export const CHORES: readonly Chore[] = [
  {
    parameter: "UpdateSSMAgent",
    role: "UpdateSSMAgent",
    label: "Update the agent",
    what: "Brings the node's agent to the build that this server offers",
    often: "every 14 days",
    document: "AWS-UpdateSSMAgent",
  },
  {
    parameter: "CollectInventory",
    role: "CollectInventory",
    label: "Collect inventory",
    what: "Applications, network, services and what else the inventory document gathers by itself",
    often: "every 30 minutes",
    document: "AWS-GatherSoftwareInventory",
  },
  {
    parameter: "ScanInstances",
    role: "ScanForPatches",
    label: "Scan for patches",
    what: "Reports what is missing by the baseline of the node's patch group; installs nothing",
    often: "every day",
    document: "AWS-RunPatchBaselineAssociation",
  },
];

export interface HostsForm extends NameForm, ScopeForm {
  /** The parameters of the chores that are wanted. */
  readonly wanted: readonly string[];
  /** What the form does not ask, as it is. */
  readonly kept: Parameters;
}

const KNOWN = [...CHORES.map(({ parameter }) => parameter), ...SCOPE_PARAMETERS];

export const NEW_HOSTS: HostsForm = {
  name: "",
  description: "",
  wanted: CHORES.map(({ parameter }) => parameter),
  ...ALL_NODES,
  kept: {},
};

/** By place: `name`, `wanted`, `targets`. */
export function hostsProblems(form: HostsForm): Record<string, string> {
  return {
    ...nameProblems(form),
    ...scopeProblems(form),
    ...(form.wanted.length === 0 ? { wanted: "choose at least one" } : {}),
  };
}

export function toHostParameters(form: HostsForm): Parameters {
  const chores = CHORES.map(({ parameter }) => [parameter, String(form.wanted.includes(parameter))]);
  return { ...form.kept, ...(Object.fromEntries(chores) as Parameters), ...toScope(form) };
}

/** What is not said is wanted. */
export function fromHosts(
  manager: { readonly Name?: string; readonly Description?: string },
  parameters: Parameters,
): HostsForm {
  const isOff = (parameter: string): boolean => parameters[parameter]?.trim().toLowerCase() === "false";
  return {
    name: manager.Name ?? "",
    description: manager.Description ?? "",
    wanted: NEW_HOSTS.wanted.filter((parameter) => !isOff(parameter)),
    ...fromScope(parameters),
    kept: Object.fromEntries(Object.entries(parameters).filter(([name]) => !KNOWN.includes(name))),
  };
}
