import { describe, expect, it, test } from "vitest";

import { topicOf, TOPICS } from "../api/events";
import { fromBaseline, fromJson, NEW_BASELINE, NEW_RULE, patchNames, problems, toInput } from "./baseline";
import { queryOf, requestOf, tokensOf } from "./nodeFilters";
import { orderProblems, toOrder } from "./patchNowOrder";
import type { OrderForm } from "./patchNowOrder";
import { reportDifference } from "./reportDifference";
import { limitProblem, NO_TARGETS, targetsProblem, toTargets } from "./targets";

describe("patch baselines", () => {
  const good = { ...NEW_BASELINE, name: "web-servers" };

  it("goes through the API's form and back", () => {
    const form = {
      ...good,
      rules: [
        { ...NEW_RULE, filters: { PRIORITY: ["Important"] } },
        { ...NEW_RULE, by: "date" as const, days: "0", date: "2026-01-31" },
      ],
      approved: "openssl\nbash",
      sources: [{ name: "own", products: "Debian12", configuration: "deb http://x y z" }],
    };
    expect(fromBaseline(toInput(form) as never)).toEqual(form);
    expect(fromJson(JSON.stringify(toInput(form)))).toEqual(form);
  });

  test.each<[string, Partial<typeof good>]>([
    ["name", { name: "a" }],
    ["rules.0.days", { rules: [{ ...NEW_RULE, days: "361" }] }],
    ["rules.0.days", { rules: [{ ...NEW_RULE, days: "1.5" }] }],
    ["rules.0.date", { rules: [{ ...NEW_RULE, by: "date", date: "2026-02-30" }] }],
    ["approved", { approved: Array.from({ length: 51 }, (_, at) => `p${at}`).join("\n") }],
    ["rejected", { approved: "a", rejected: "a" }],
    ["sources.0.name", { sources: [{ name: "", products: "*", configuration: "x" }] }],
  ])("%s is told while it is typed", (place, change) =>
    expect(problems({ ...good, ...change })).toHaveProperty([place]),
  );

  it("finds nothing wrong with a good one", () => expect(problems(good)).toEqual({}));
  it("takes names by line or comma", () => expect(patchNames("a, b\n\nc")).toEqual(["a", "b", "c"]));
  it("does not take anything else for a baseline", () => expect(() => fromJson("[]")).toThrow());

  it("leaves out what Windows does not have", () => {
    expect(toInput({ ...good, system: "WINDOWS" })).not.toHaveProperty("ApprovedPatchesEnableNonSecurity");
  });
});

describe("targets", () => {
  const node = "mi-0123456789abcdef0";
  it("are named, tagged, grouped or all", () => {
    expect(toTargets({ ...NO_TARGETS, nodes: `${node}, i-01234567` })).toEqual([
      { Key: "InstanceIds", Values: [node, "i-01234567"] },
    ]);
    expect(toTargets({ ...NO_TARGETS, by: "tag", key: "Env", values: "prod, test" })).toEqual([
      { Key: "tag:Env", Values: ["prod", "test"] },
    ]);
    expect(toTargets({ ...NO_TARGETS, by: "group", group: "web" })).toEqual([
      { Key: "tag:PatchGroup", Values: ["web"] },
    ]);
    expect(toTargets({ ...NO_TARGETS, by: "all" })).toEqual([{ Key: "InstanceIds", Values: ["*"] }]);
  });

  it("says what is wrong", () => {
    expect(targetsProblem({ ...NO_TARGETS, nodes: "web-1" })).toContain("web-1");
    expect(targetsProblem({ ...NO_TARGETS, nodes: Array(51).fill(node).join(" ") })).toContain("50");
    expect(targetsProblem({ ...NO_TARGETS, by: "tag", key: "Env" })).toBeDefined();
    expect(targetsProblem({ ...NO_TARGETS, nodes: node })).toBeUndefined();
  });

  test.each([
    ["", false, true],
    ["10", false, true],
    ["10%", false, true],
    ["0", false, false],
    ["0", true, true],
    ["101%", true, false],
    ["many", true, false],
  ])("limit %j (none allowed: %s)", (text, none, good) => expect(limitProblem(text, none) === undefined).toBe(good));
});

describe("orders of Patch now", () => {
  const form: OrderForm = {
    operation: "Install",
    reboot: "NoReboot",
    rebootAt: "",
    restartServices: true,
    targets: { ...NO_TARGETS, by: "all" },
    concurrency: "10%",
    errors: "",
    preHook: "Before",
    postHook: "",
    exitHook: "",
  };

  it("say what was chosen, and nothing of an installation for a scan", () => {
    expect(toOrder(form)).toEqual({
      Operation: "Install",
      Targets: [{ Key: "InstanceIds", Values: ["*"] }],
      RebootOption: "NoReboot",
      RestartServices: true,
      PreInstallHook: "Before",
      MaxConcurrency: "10%",
    });
    expect(toOrder({ ...form, operation: "Scan", concurrency: "" })).toEqual({
      Operation: "Scan",
      Targets: [{ Key: "InstanceIds", Values: ["*"] }],
    });
  });

  it("are checked before they are sent", () => {
    expect(orderProblems(form)).toEqual({});
    expect(orderProblems({ ...form, reboot: "at", rebootAt: "3 am" })).toHaveProperty("rebootAt");
    expect(orderProblems({ ...form, reboot: "at", rebootAt: "03:00" })).toEqual({});
    expect(orderProblems({ ...form, errors: "x", exitHook: "a b" })).toEqual({
      errors: expect.any(String) as string,
      exitHook: expect.any(String) as string,
    });
  });
});

describe("the filter of nodes in the address", () => {
  const query = new URLSearchParams(
    "ComplianceStatus=NON_COMPLIANT&tag:Env=!prod&Name=^web&sort=Name&order=desc&ComplianceStatus=STALE",
  );

  it("becomes what the server is asked", () => {
    expect(requestOf(query)).toEqual({
      Filters: [
        { Key: "ComplianceStatus", Operator: "Equal", Values: ["NON_COMPLIANT", "STALE"] },
        { Key: "tag:Env", Operator: "NotEqual", Values: ["prod"] },
        { Key: "Name", Operator: "BeginWith", Values: ["web"] },
      ],
      SortBy: "Name",
      SortOrder: "DESCENDING",
    });
  });

  it("comes back from what was chosen", () => {
    const again = queryOf(tokensOf(query), query);
    expect(requestOf(again)).toEqual(requestOf(query));
    expect(queryOf([{ operator: ":", value: "web" }], new URLSearchParams("tab=x")).toString()).toBe(
      "Name=%5Eweb&tab=x",
    );
  });
});

describe("two reports", () => {
  const report = (counts: Record<string, number>, missing: string[]) => ({
    ReportId: "r",
    Status: "NON_COMPLIANT",
    Counts: counts,
    Missing: missing.map((name) => ({
      Name: name.split(" ")[0] ?? "",
      Arch: "amd64",
      State: "Missing",
      FixVersion: name.split(" ")[1] ?? "",
    })),
    NonCompliant: [],
  });

  it("differ by what settled, arose and changed", () => {
    const difference = reportDifference(
      report({ Missing: 3, Installed: 5 }, ["a 1", "b 1", "c 1"]),
      report({ Missing: 3, Installed: 6 }, ["b 1", "c 2", "d 1"]),
    );
    expect(difference.counts).toEqual([{ state: "Installed", before: 5, after: 6 }]);
    expect(difference.settled.map((patch) => patch.name)).toEqual(["a.amd64"]);
    expect(difference.arisen.map((patch) => patch.name)).toEqual(["d.amd64"]);
    expect(difference.changed).toEqual([{ name: "c.amd64", before: "Missing 1", after: "Missing 2" }]);
  });
});

describe("events", () => {
  it("names a topic or nothing", () => {
    expect(topicOf('{"topic":"nodes","id":"mi-1"}')).toBe("nodes");
    expect(topicOf("no json")).toBeUndefined();
    expect(topicOf('{"topic":1}')).toBeUndefined();
    expect(Object.values(TOPICS).every((operations) => operations.length > 0)).toBe(true);
  });
});
