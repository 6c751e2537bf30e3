// Hybrid activations: what one is good for, the form that makes one, and what their list is filtered by.

import type { Activation, CreateActivationCommandInput, DescribeActivationsFilterKeys } from "@aws-sdk/client-ssm";

import type { FilterKey } from "./addressFilter";

export type ActivationState = "Open" | "UsedUp" | "Expired";

/** The server says whether it still lets anybody in; of what does not, this is why. */
export function stateOf(activation: Activation): ActivationState {
  if (activation.Expired !== true) return "Open";
  const { RegistrationsCount: count = 0, RegistrationLimit: limit = 1 } = activation;
  return count >= limit ? "UsedUp" : "Expired";
}

/** What tells it from others, as far as anything does. */
export function nameOf({ DefaultInstanceName: name, Description: text, ActivationId: id = "" }: Activation): string {
  return name || text || id;
}

/** Of the machines that it is for, those that have registered, in percent. */
export function usedShare({ RegistrationsCount: count = 0, RegistrationLimit: limit = 1 }: Activation): number {
  return Math.min(100, (100 * count) / limit);
}

/** `3 of 100`. */
export function usedText({ RegistrationsCount: count = 0, RegistrationLimit: limit = 1 }: Activation): string {
  return `${count.toLocaleString()} of ${limit.toLocaleString()}`;
}

const HOUR_MS = 3_600_000;
const LONGEST_HOURS = 30 * 24;
const MOST_NODES = 1000;
const LONGEST_TEXT = 256;
const NAME = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** How long it lets machines in: of what AWS allows, which is less than 30 days. */
export const LIFETIMES: readonly { readonly hours: string; readonly label: string }[] = [
  { hours: "1", label: "1 hour" },
  { hours: "24", label: "1 day" },
  { hours: "168", label: "7 days" },
  { hours: "696", label: "29 days" },
];

interface TagItem {
  readonly Key: string;
  readonly Value: string;
}

export interface ActivationForm {
  readonly name: string;
  readonly description: string;
  readonly role: string;
  readonly limit: string;
  readonly hours: string;
  readonly tags: readonly TagItem[];
}

export const NEW_ACTIVATION: ActivationForm = {
  name: "",
  description: "",
  role: "fettle-node",
  limit: "10",
  hours: "24",
  tags: [],
};

function tagsProblem(tags: readonly TagItem[]): string | undefined {
  const keys = tags.map(({ Key }) => Key);
  if (keys.some((key) => key.trim() === "")) return "each tag needs a key";
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) return `${twice} is there twice`;
  const wrong = tags.find(
    ({ Key, Value }) => !NAME.test(Key) || !NAME.test(Value) || Key.length > 128 || Value.length > LONGEST_TEXT,
  );
  return wrong === undefined
    ? undefined
    : `${wrong.Key}: keys of at most 128, values of at most 256 letters, digits, spaces or _ . : / = + - @`;
}

/** Of the role that nodes' credentials stand for. */
export function roleProblem(role: string): string | undefined {
  const isName = /^(service-role\/)?[\w+=,.@-]+$/.test(role) && role.length <= 64;
  return isName ? undefined : "a role's name: at most 64 letters, digits or + = , . @ _ -";
}

/** By the name of the field. */
export function activationProblems(form: ActivationForm): Record<string, string> {
  const problems: Record<string, string> = {};
  if (form.name.length > LONGEST_TEXT || !NAME.test(form.name))
    problems["name"] = "at most 256 letters, digits, spaces or _ . : / = + - @";
  if (form.description.length > LONGEST_TEXT) problems["description"] = "at most 256 characters";
  const role = roleProblem(form.role);
  if (role !== undefined) problems["role"] = role;
  const limit = Number(form.limit);
  if (!/^\d+$/.test(form.limit) || limit < 1 || limit > MOST_NODES) problems["limit"] = `1 to ${MOST_NODES}`;
  const hours = Number(form.hours);
  if (!(hours > 0 && hours < LONGEST_HOURS)) problems["hours"] = "less than 30 days";
  const tags = tagsProblem(form.tags);
  if (tags !== undefined) problems["tags"] = tags;
  return problems;
}

/** What is asked of the server. The day that it gives by itself is left to it: its clock counts. */
export function toActivation(form: ActivationForm, now: Date): CreateActivationCommandInput {
  const isDefault = form.hours === NEW_ACTIVATION.hours;
  return {
    IamRole: form.role,
    RegistrationLimit: Number(form.limit),
    ...(form.name === "" ? {} : { DefaultInstanceName: form.name }),
    ...(form.description === "" ? {} : { Description: form.description }),
    ...(isDefault ? {} : { ExpirationDate: new Date(now.getTime() + Number(form.hours) * HOUR_MS) }),
    ...(form.tags.length === 0 ? {} : { Tags: form.tags.map(({ Key, Value }) => ({ Key, Value })) }),
  };
}

export const FILTERS: readonly FilterKey<DescribeActivationsFilterKeys>[] = [
  { key: "ActivationIds", label: "Activation id" },
  { key: "DefaultInstanceName", label: "Default name" },
  { key: "IamRole", label: "Role" },
];
