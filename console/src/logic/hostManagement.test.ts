import { describe, expect, it, test } from "vitest";

import { CHORES, fromHosts, hostsProblems, NEW_HOSTS, toHostParameters } from "./hostManagement";
import type { HostsForm } from "./hostManagement";
import { HOSTS, pageOf, savingRequest } from "./quickSetup";
import { NO_TARGETS } from "./targets";

const FORM: HostsForm = { ...NEW_HOSTS, name: "all-hosts" };
const NAMED = { Name: "all-hosts", Description: "" };

describe("host management", () => {
  it("comes back from its parameters as it was", () => {
    for (const change of [
      {},
      { wanted: ["CollectInventory"] },
      { targets: { ...NO_TARGETS, by: "tag" as const, key: "Env", values: "prod" }, regions: "eu-central-1" },
      {
        targets: { ...NO_TARGETS, by: "resource-group" as const, resourceGroup: "web" },
        wanted: ["UpdateSSMAgent", "ScanInstances"],
      },
      { kept: { IsPolicyAttachAllowed: "true" } },
    ]) {
      const form = { ...FORM, ...change };
      expect(hostsProblems(form)).toEqual({});
      expect(fromHosts(NAMED, toHostParameters(form))).toEqual(form);
    }
  });

  it("says of everything whether it is wanted, and takes what others left unsaid as wanted", () => {
    expect(toHostParameters({ ...FORM, wanted: ["ScanInstances"] })).toMatchObject({
      UpdateSSMAgent: "false",
      CollectInventory: "false",
      ScanInstances: "true",
    });
    expect(fromHosts(NAMED, {}).wanted).toEqual(CHORES.map(({ parameter }) => parameter));
    expect(fromHosts(NAMED, { CollectInventory: "False", ScanInstances: "" }).wanted).toEqual([
      "UpdateSSMAgent",
      "ScanInstances",
    ]);
  });

  test.each<[string, Partial<HostsForm>]>([
    ["name", { name: "" }],
    ["description", { description: "x".repeat(513) }],
    ["wanted", { wanted: [] }],
    ["targets", { targets: NO_TARGETS }],
    ["regions", { regions: "the moon" }],
  ])("says what is wrong with its %s: %j", (place, change) => {
    expect(Object.keys(hostsProblems({ ...FORM, ...change }))).toEqual([place]);
  });

  it("is saved by the call that the line for the AWS CLI has", () => {
    const parameters = toHostParameters(FORM);
    expect(savingRequest(HOSTS, "all-hosts", parameters, undefined).input).toEqual({
      Name: "all-hosts",
      ConfigurationDefinitions: [{ Type: "AWSQuickSetupType-SSMHostMgmt", Parameters: parameters }],
    });
    const of = { ManagerArn: "arn:a/b", DefinitionId: "d1" };
    expect(savingRequest(HOSTS, "all-hosts", parameters, of)).toMatchObject({
      operation: "UpdateConfigurationDefinition",
      input: { ManagerArn: "arn:a/b", Id: "d1", Parameters: parameters },
    });
    expect(pageOf(HOSTS, of.ManagerArn)).toBe("#/host-management/arn%3Aa%2Fb");
  });
});
