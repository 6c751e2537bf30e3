// The versions of a parameter: what one changed, and what lies between any two of them.

import type { ParameterHistory } from "@aws-sdk/client-ssm";

import { policyWords } from "./parameterPolicies";

export interface VersionDifference {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

const FIELDS: readonly (readonly [string, (version: ParameterHistory) => string])[] = [
  ["Description", (version) => version.Description ?? ""],
  ["Tier", (version) => version.Tier ?? ""],
  ["Data type", (version) => version.DataType ?? ""],
  ["Allowed pattern", (version) => version.AllowedPattern ?? ""],
  ["Key id", (version) => version.KeyId ?? ""],
  ["Policies", (version) => (version.Policies ?? []).map(({ PolicyText }) => policyWords(PolicyText)).join("; ")],
];

export function isSecret(version: { readonly Type?: string | undefined }): boolean {
  return version.Type === "SecureString";
}

/** Values of SecureStrings are not among them: each version is encrypted for itself, so that only who reads them can tell. */
export function versionDifferences(before: ParameterHistory, after: ParameterHistory): VersionDifference[] {
  const fields = isSecret(after)
    ? FIELDS
    : [["Value", (version: ParameterHistory) => version.Value ?? ""] as const, ...FIELDS];
  return fields
    .map(([field, text]) => ({ field, before: text(before), after: text(after) }))
    .filter((difference) => difference.before !== difference.after);
}

/** In a word or a few, what a version changed of the one before it. `versions` are the newest first. */
export function changesOf(version: ParameterHistory, versions: readonly ParameterHistory[]): string {
  const older = versions.find(({ Version = 0 }) => Version < (version.Version ?? 0));
  if (older === undefined) return version.Version === 1 ? "Created" : "The oldest that is kept";
  const fields = versionDifferences(older, version).map(({ field }) => field);
  if (isSecret(version)) return ["Value written", ...fields].join(", ");
  return fields.length === 0 ? "Nothing" : fields.join(", ");
}

/** The version that has a label now. */
export function labelledVersion(label: string, versions: readonly ParameterHistory[]): number | undefined {
  return versions.find(({ Labels }) => Labels?.includes(label) === true)?.Version;
}
