// The policies of a parameter: as words, as a form, and as the JSON that PutParameter takes.

import { localText, toDate } from "./time";

export type PolicyType = "Expiration" | "ExpirationNotification" | "NoChangeNotification";
export type PolicyUnit = "Days" | "Hours";

export interface PolicyRule {
  readonly type: PolicyType;
  /** Of an expiration, in UTC: `2030-01-31` and `12:00:00`. */
  readonly date: string;
  readonly time: string;
  /** Of a notification, as it is typed. */
  readonly count: string;
  readonly unit: PolicyUnit;
  /** As it was read, while it is as it was. */
  readonly given?: object;
}

export interface PoliciesForm {
  readonly rules: readonly PolicyRule[];
  /** JSON that is being typed and is no list of policies yet. */
  readonly draft?: string;
}

export const NO_POLICIES: PoliciesForm = { rules: [] };
export const MOST_POLICIES = 10;
export const POLICY_TYPES: readonly { readonly type: PolicyType; readonly label: string; readonly what: string }[] = [
  { type: "Expiration", label: "Expiration", what: "Deletes the parameter" },
  { type: "ExpirationNotification", label: "Expiration notification", what: "Tells before it expires" },
  { type: "NoChangeNotification", label: "No-change notification", what: "Tells when it was not changed for long" },
];
/** A hundred years. */
const MOST_HOURS = 876_000;

interface PolicyJson {
  readonly Type: string;
  readonly Version: string;
  readonly Attributes: Readonly<Record<string, string>>;
}

/** The attribute that says how long. */
function lengthOf(type: PolicyType): string {
  return type === "ExpirationNotification" ? "Before" : "After";
}

function isPolicy(value: unknown): value is PolicyJson {
  if (typeof value !== "object" || value === null) return false;
  const { Type, Attributes } = value as { Type?: unknown; Attributes?: unknown };
  return typeof Type === "string" && typeof Attributes === "object" && Attributes !== null;
}

export function newRule(type: PolicyType): PolicyRule {
  return { type, date: "", time: "00:00:00", count: type === "NoChangeNotification" ? "90" : "7", unit: "Days" };
}

/** Nothing where it is no policy that the form knows. */
function ruleOf(value: unknown): PolicyRule | undefined {
  if (!isPolicy(value)) return undefined;
  const type = POLICY_TYPES.find((known) => known.type === value.Type)?.type;
  if (type === undefined) return undefined;
  const attributes = value.Attributes;
  const rule = { ...newRule(type), given: value };
  if (type === "Expiration") {
    const at = toDate(attributes["Timestamp"]);
    const [date = "", time = ""] = at?.toISOString().slice(0, 19).split("T") ?? [];
    return { ...rule, date, time };
  }
  const unit = attributes["Unit"];
  if (unit !== "Days" && unit !== "Hours") return undefined;
  return { ...rule, count: attributes[lengthOf(type)] ?? "", unit };
}

/** Text that is no moment while it is being typed. */
function momentOf({ date, time }: PolicyRule): string {
  const full = /^\d\d:\d\d$/.test(time) ? `${time}:00` : time;
  return `${date}T${full === "" ? "00:00:00" : full}.000Z`;
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/;

function toJson(rule: PolicyRule): object {
  if (rule.given !== undefined) return rule.given;
  const Attributes =
    rule.type === "Expiration"
      ? { Timestamp: momentOf(rule) }
      : { [lengthOf(rule.type)]: rule.count.trim(), Unit: rule.unit };
  return { Type: rule.type, Version: "1.0", Attributes };
}

export function ruleText(rule: PolicyRule): string {
  return JSON.stringify(toJson(rule));
}

/** As it is typed. */
export function policiesText(form: PoliciesForm): string {
  return form.draft ?? JSON.stringify(form.rules.map(toJson), null, 2);
}

/** As PutParameter takes it: what removes those that are there, where there are none. */
export function toPolicies(form: PoliciesForm): string {
  return form.rules.length === 0 ? "[{}]" : JSON.stringify(form.rules.map(toJson));
}

/** The form that a text makes; what is no list of policies stays beside the form as it was. */
export function policiesFrom(text: string, before: PoliciesForm): PoliciesForm {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) {
      const rules = parsed.map(ruleOf);
      if (rules.every((rule) => rule !== undefined)) return { rules };
    }
  } catch {
    // No JSON yet.
  }
  return { ...before, draft: text };
}

/** Of a parameter that is there. */
export function fromPolicies(policies: readonly { readonly PolicyText?: string | undefined }[]): PoliciesForm {
  return policiesFrom(`[${policies.map(({ PolicyText = "" }) => PolicyText).join(",")}]`, NO_POLICIES);
}

/** By place: `0`, `1`, and `draft`; `list` of all together. */
export function policiesProblems(form: PoliciesForm, now: Date): Record<string, string> {
  if (form.draft !== undefined)
    return { draft: "a JSON list of policies, each with Type, Version and Attributes as below" };
  const problems: Record<string, string> = {};
  for (const [index, rule] of form.rules.entries()) {
    const problem = ruleProblem(rule, now);
    if (problem !== undefined) problems[index] = problem;
  }
  const expirations = form.rules.filter(({ type }) => type === "Expiration").length;
  const needsOne = form.rules.some(({ type }) => type === "ExpirationNotification");
  if (form.rules.length > MOST_POLICIES) problems["list"] = `at most ${MOST_POLICIES} policies`;
  else if (expirations > 1) problems["list"] = "at most one expiration";
  else if (expirations === 0 && needsOne) problems["list"] = "an expiration notification needs an expiration beside it";
  return problems;
}

function ruleProblem(rule: PolicyRule, now: Date): string | undefined {
  if (rule.type === "Expiration") {
    const at = toDate(momentOf(rule));
    if (at === undefined || !MOMENT.test(momentOf(rule))) return "a day, and a time such as 12:00:00";
    return at.getTime() <= now.getTime() ? "a moment to come" : undefined;
  }
  const count = /^\d{1,6}$/.test(rule.count.trim()) ? Number(rule.count) : 0;
  const hours = count * (rule.unit === "Days" ? 24 : 1);
  return hours < 1 || hours > MOST_HOURS ? "a whole number of days or hours" : undefined;
}

/** What a policy does, in words; one that is not known as it is written. */
export function policyWords(text: string | undefined): string {
  let rule: PolicyRule | undefined;
  try {
    rule = ruleOf(JSON.parse(text ?? ""));
  } catch {
    // Shown as it is.
  }
  if (rule === undefined) return text ?? "–";
  if (rule.type === "Expiration") {
    const at = toDate(momentOf(rule));
    return at === undefined ? (text ?? "–") : `Deleted on ${localText(at)}`;
  }
  const one = Number(rule.count) === 1;
  const long = `${rule.count} ${rule.unit.toLowerCase().slice(0, one ? -1 : undefined)}`;
  return rule.type === "ExpirationNotification"
    ? `Tells ${long} before it expires`
    : `Tells when it was not changed for ${long}`;
}

/** Of a policy that tells, `Finished` is that it has told. */
export function policyStatusWord(status: string | undefined): string {
  return status === "Pending" ? "Waiting" : status === "Finished" ? "Done" : (status ?? "–");
}
