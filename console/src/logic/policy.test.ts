import { describe, expect, it, test } from "vitest";

import { baselinesOf, fromPolicy, NEW_POLICY, policyProblems, toParameters } from "./policy";
import type { PolicyForm } from "./policy";
import { fromPlan } from "./rings";
import { EXAMPLE_PLAN } from "./rollout";
import { NO_TARGETS } from "./targets";

const DEBIAN = { system: "DEBIAN", id: "pb-0123456789abcdef0", label: "mine" };
const FORM: PolicyForm = { ...NEW_POLICY, name: "nightly", baselines: [DEBIAN] };

describe("patch policies", () => {
  it("come back from their parameters as they were", () => {
    for (const change of [
      {},
      { targets: { ...NO_TARGETS, by: "nodes" as const, nodes: "mi-0123456789abcdef0, mi-0123456789abcdef1" } },
      { targets: { ...NO_TARGETS, by: "tag" as const, key: "Env", values: "prod" } },
      { targets: { ...NO_TARGETS, by: "resource-group" as const, resourceGroup: "web" } },
      { regions: "eu-central-1, eu-west-1", concurrency: "", errors: "0" },
      { operation: "ScanAndInstall" as const, reboot: "NoReboot" as const, installWaits: false, scanWaits: true },
      { kept: { OutputLogEnableS3: "true", OutputS3BucketName: "logs" } },
    ]) {
      const form = { ...FORM, ...change };
      expect(policyProblems(form)).toEqual({});
      expect(fromPolicy({}, toParameters(form), undefined)).toEqual(form);
    }
  });

  it("say which baselines are chosen, and which are not", () => {
    const text = JSON.stringify({
      DEBIAN: { value: "pb-1", label: "one", disabled: false },
      UBUNTU: { value: "pb-2", label: "two", disabled: true },
      SUSE: null,
    });
    expect(baselinesOf(text)).toEqual([{ system: "DEBIAN", id: "pb-1", label: "one" }]);
    expect(baselinesOf("no json")).toEqual([]);
    expect(baselinesOf(undefined)).toEqual([]);
  });

  const install = { operation: "ScanAndInstall" as const };
  test.each<[string, Partial<PolicyForm>]>([
    ["name", { name: " " }],
    ["name", { name: "a/b" }],
    ["scan", { scan: "daily" }],
    ["scan", { scan: "rate(1 day)", scanWaits: true }],
    ["install", { ...install, install: "" }],
    ["install", { ...install, install: "rate(7 days)" }],
    ["baselines", { baselines: [] }],
    ["baselines", { baselines: [DEBIAN, { ...DEBIAN, id: "pb-2" }] }],
    ["targets", { targets: NO_TARGETS }],
    ["targets", { targets: { ...NO_TARGETS, by: "resource-group" } }],
    ["targets", { targets: { ...NO_TARGETS, by: "tag", key: "Env", values: "a,b" } }],
    ["concurrency", { concurrency: "0" }],
    ["errors", { errors: "many" }],
    ["regions", { regions: "the moon" }],
    ["rings", { ...install, rings: { ...fromPlan(EXAMPLE_PLAN), endsAfterHours: "0" } }],
  ])("say what is wrong with their %s: %j", (place, change) => {
    expect(Object.keys(policyProblems({ ...FORM, ...change }))).toEqual([place]);
  });
});
