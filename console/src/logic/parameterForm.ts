// A parameter as a form, and what PutParameter takes of it.

import type { ParameterMetadata, ParameterTier, ParameterType, PutParameterRequest, Tag } from "@aws-sdk/client-ssm";

import { fromPolicies, NO_POLICIES, policiesProblems, policiesText, toPolicies } from "./parameterPolicies";
import type { PoliciesForm } from "./parameterPolicies";
import { parameterNameProblem, patternProblem, valueProblem } from "./parameterStore";

export interface ParameterForm {
  readonly name: string;
  readonly description: string;
  readonly tier: ParameterTier;
  readonly type: ParameterType;
  readonly dataType: string;
  readonly pattern: string;
  readonly value: string;
  readonly policies: PoliciesForm;
  /** Of a new parameter; those of one that is there have a page of their own. */
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
}

export const NEW_PARAMETER: ParameterForm = {
  name: "",
  description: "",
  tier: "Standard",
  type: "String",
  dataType: "text",
  pattern: "",
  value: "",
  policies: NO_POLICIES,
  tags: [],
};

/** Where the value of a SecureString stands in a line that is copied. */
export const VALUE_FILE = "file://value.txt";

/** `value` is that of the newest version, of a SecureString nothing. */
export function fromParameter(parameter: ParameterMetadata, value: string): ParameterForm {
  return {
    name: parameter.Name ?? "",
    description: parameter.Description ?? "",
    tier: parameter.Tier ?? "Standard",
    type: parameter.Type ?? "String",
    dataType: parameter.DataType ?? "text",
    pattern: parameter.AllowedPattern ?? "",
    value,
    policies: fromPolicies(parameter.Policies ?? []),
    tags: [],
  };
}

function hasPolicies({ rules, draft }: PoliciesForm): boolean {
  return rules.length > 0 || draft !== undefined;
}

/** By place: `name`, `description`, `pattern`, `value`, `policies`, and `policies.0` and the like of each policy. */
export function parameterProblems(
  form: ParameterForm,
  before: ParameterForm | undefined,
  prefix: string,
  now: Date,
): Record<string, string> {
  const found: Record<string, string> = {};
  const put = (place: string, problem: string | undefined): void => {
    if (problem !== undefined) found[place] = problem;
  };
  if (before === undefined) put("name", parameterNameProblem(form.name, prefix));
  if (form.description.length > 1024) put("description", "at most 1,024 characters");
  put("pattern", patternProblem(form.pattern));
  put("value", valueProblem(form.value, form));
  if (form.tier === "Standard" && hasPolicies(form.policies))
    put("policies", "only parameters of the advanced tier have policies");
  // Those that stay as they are need not be so that they could be made now.
  if (before === undefined || policiesText(form.policies) !== policiesText(before.policies))
    for (const [place, problem] of Object.entries(policiesProblems(form.policies, now)))
      put(place === "list" ? "policies" : `policies.${place}`, problem);
  const keys = form.tags.map(({ Key }) => Key).filter((key) => key !== "");
  if (new Set(keys).size < keys.length) put("tags", "each key once");
  return found;
}

/** Of a parameter that is there what did not change is left out, and so stays: also what somebody else changes meanwhile. */
export function toPut(form: ParameterForm, before: ParameterForm | undefined): PutParameterRequest {
  if (before === undefined) {
    const tags: Tag[] = form.tags.filter(({ Key }) => Key !== "").map(({ Key, Value }) => ({ Key, Value }));
    return {
      Name: form.name,
      Value: form.value,
      Type: form.type,
      Tier: form.tier,
      DataType: form.dataType,
      ...(form.description === "" ? {} : { Description: form.description }),
      ...(form.pattern === "" ? {} : { AllowedPattern: form.pattern }),
      ...(form.policies.rules.length === 0 ? {} : { Policies: toPolicies(form.policies) }),
      ...(tags.length === 0 ? {} : { Tags: tags }),
    };
  }
  return {
    Name: form.name,
    Value: form.value,
    Overwrite: true,
    ...(form.tier === before.tier ? {} : { Tier: form.tier }),
    ...(form.dataType === before.dataType ? {} : { DataType: form.dataType }),
    ...(form.description === before.description ? {} : { Description: form.description }),
    ...(form.pattern === before.pattern ? {} : { AllowedPattern: form.pattern }),
    ...(policiesText(form.policies) === policiesText(before.policies) ? {} : { Policies: toPolicies(form.policies) }),
  };
}

/** For a line that is copied: the value of a SecureString is in a file, not in it. */
export function shownPut(form: ParameterForm, before: ParameterForm | undefined): PutParameterRequest {
  const put = toPut(form, before);
  return form.type === "SecureString" ? { ...put, Value: VALUE_FILE } : put;
}
