// The versions of an association: what one changed, and what lies between any two of them.

import type { AssociationVersionInfo } from "@aws-sdk/client-ssm";

import { scheduleText } from "./schedule";
import { wordOf } from "./status";
import { targetsText } from "./targets";

export interface Difference {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

function facts(version: AssociationVersionInfo): [field: string, text: string][] {
  const { OutputLocation: output, ScheduleOffset: offset, Duration: hours } = version;
  const parameters = Object.entries(version.Parameters ?? {});
  return [
    ["Name", version.AssociationName ?? ""],
    ["Document", version.Name ?? ""],
    ["Document version", version.DocumentVersion ?? "$DEFAULT"],
    ["Targets", targetsText(version.Targets)],
    ["Schedule", scheduleText(version.ScheduleExpression)],
    ["Schedule offset in days", offset === undefined ? "" : String(offset)],
    ["Only at its times", version.ApplyOnlyAtCronInterval === true ? "yes" : "no"],
    ["Hours that it may take", hours === undefined ? "" : String(hours)],
    ["At the same time", version.MaxConcurrency ?? ""],
    ["Error threshold", version.MaxErrors ?? ""],
    ["Compliance severity", wordOf(version.ComplianceSeverity ?? "UNSPECIFIED")],
    ["Compliance is told", (version.SyncCompliance ?? "AUTO").toLowerCase()],
    ["Change calendars", (version.CalendarNames ?? []).join(", ")],
    ["Output bucket", output?.S3Location?.OutputS3BucketName ?? ""],
    ["Output prefix", output?.S3Location?.OutputS3KeyPrefix ?? ""],
    ...parameters.map(([name, values]): [string, string] => [`Parameter ${name}`, values.join("\n")]),
  ];
}

/** Parameters that only one of them has are among it. */
export function associationDifferences(before: AssociationVersionInfo, after: AssociationVersionInfo): Difference[] {
  const [old, now] = [new Map(facts(before)), new Map(facts(after))];
  const fields = [...new Set([...old.keys(), ...now.keys()])];
  return fields
    .map((field) => ({ field, before: old.get(field) ?? "", after: now.get(field) ?? "" }))
    .filter((difference) => difference.before !== difference.after);
}

/** In a word or a few, what a version changed of the one before it. `versions` are the newest first. */
export function associationChanges(
  version: AssociationVersionInfo,
  versions: readonly AssociationVersionInfo[],
): string {
  const place = versions.findIndex((other) => other.AssociationVersion === version.AssociationVersion);
  const older = place < 0 ? undefined : versions[place + 1];
  if (older === undefined) return version.AssociationVersion === "1" ? "Created" : "–";
  return (
    associationDifferences(older, version)
      .map(({ field }) => field)
      .join(", ") || "Nothing"
  );
}
