import { describe, expect, it } from "vitest";

import { associationChanges, associationDifferences } from "./associationVersions";

const FIRST = {
  AssociationVersion: "1",
  Name: "AWS-RunPatchBaseline",
  ScheduleExpression: "rate(1 day)",
  Targets: [{ Key: "InstanceIds", Values: ["*"] }],
  Parameters: { Operation: ["Scan"], RebootOption: ["NoReboot"] },
};
const SECOND = {
  ...FIRST,
  AssociationVersion: "2",
  ScheduleExpression: "cron(0 2 ? * SUN *)",
  Targets: [{ Key: "ResourceGroup", Values: ["web"] }],
  Parameters: { Operation: ["Scan"], SnapshotId: ["s"] },
  OutputLocation: { S3Location: { OutputS3BucketName: "logs" } },
};

describe("the versions of an association", () => {
  it("differ by their fields, and by each parameter", () => {
    expect(associationDifferences(FIRST, SECOND)).toEqual([
      { field: "Targets", before: "All nodes", after: "The resource group web" },
      { field: "Schedule", before: "rate(1 day)", after: "cron(0 2 ? * SUN *) UTC" },
      { field: "Output bucket", before: "", after: "logs" },
      { field: "Parameter RebootOption", before: "NoReboot", after: "" },
      { field: "Parameter SnapshotId", before: "", after: "s" },
    ]);
    expect(associationDifferences(SECOND, SECOND)).toEqual([]);
    // What is not said is what the server takes it for.
    expect(associationDifferences(FIRST, { ...FIRST, DocumentVersion: "$DEFAULT", SyncCompliance: "AUTO" })).toEqual(
      [],
    );
  });

  it("say in a word what each changed", () => {
    const versions = [{ ...SECOND, AssociationVersion: "3" }, SECOND, FIRST];
    expect(versions.map((version) => associationChanges(version, versions))).toEqual([
      "Nothing",
      "Targets, Schedule, Output bucket, Parameter RebootOption, Parameter SnapshotId",
      "Created",
    ]);
    // The one before it is on another page.
    expect(associationChanges(SECOND, [SECOND])).toBe("–");
    expect(associationChanges(SECOND, [])).toBe("–");
  });
});
