import { describe, expect, it, test } from "vitest";

import { topicOf, TOPICS } from "../api/events";
import { associationProblems, fromAssociation, keptOf, NEW_ASSOCIATION, toAssociation } from "./association";
import { availableFilter } from "./available";
import { countsOf, countsText, errorsText } from "./counts";
import { destinations } from "./destinations";
import { viewProblem, viewsFrom } from "./views";
import { fromBaseline, fromJson, NEW_BASELINE, NEW_RULE, patchNames, problems, toInput } from "./baseline";
import { ageSeconds, queryOf, requestOf, tokensOf } from "./nodeFilters";
import { orderProblems, toOrder } from "./patchNowOrder";
import type { OrderForm } from "./patchNowOrder";
import type { Rollout, RolloutPhase } from "../api/rollouts";
import { evidenceInWords, EXAMPLE_PLAN, failuresInWords, gatesInWords, ringNodes, signalsOf } from "./rollout";
import { fromPlan, fromText } from "./rings";
import { reportDifference } from "./reportDifference";
import { nameOfArn, shortBaselineId } from "./shortId";
import { NO_TARGETS } from "./targets";
import {
  fromTask,
  fromWindow,
  NEW_TASK,
  NEW_WINDOW,
  resourceTypeOf,
  taskParameters,
  taskProblems,
  toTask,
  toWindow,
  windowProblems,
  windowTargetKinds,
} from "./window";
import { changeText, undoText } from "./undo";
import { passwordProblem, policiesProblem, PRESETS, userNameProblem } from "./users";

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
    ["rules.0.filters", { system: "WINDOWS", rules: [{ ...NEW_RULE, filters: { PATCH_SET: ["APPLICATION"] } }] }],
    ["approved", { approved: Array.from({ length: 51 }, (_, at) => `p${at}`).join("\n") }],
    ["rejected", { approved: "a", rejected: "a" }],
    ["sources.0.name", { sources: [{ name: "", products: "*", configuration: "x" }] }],
  ])("%s is told while it is typed", (place, change) =>
    expect(problems({ ...good, ...change })).toHaveProperty([place]),
  );

  it("finds nothing wrong with a good one", () => expect(problems(good)).toEqual({}));
  it("takes names by line or comma", () => expect(patchNames("a, b\n\nc")).toEqual(["a", "b", "c"]));
  it("does not take anything else for a baseline", () => expect(() => fromJson("[]")).toThrow());

  it("keeps what security updates count as that wait for approval", () => {
    const form = { ...good, system: "WINDOWS", availableSecurity: "COMPLIANT" };
    expect(toInput(form).AvailableSecurityUpdatesComplianceStatus).toBe("COMPLIANT");
    expect(fromBaseline(toInput(form) as never)).toEqual(form);
    expect(toInput({ ...form, system: "DEBIAN" })).not.toHaveProperty("AvailableSecurityUpdatesComplianceStatus");
  });

  it("leaves out what Windows does not have", () => {
    expect(toInput({ ...good, system: "WINDOWS" })).not.toHaveProperty("ApprovedPatchesEnableNonSecurity");
  });
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
    rings: undefined,
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

  it("goes by rings where there are any, which say themselves when it stops", () => {
    const rings = fromPlan(EXAMPLE_PLAN);
    expect(toOrder({ ...form, rings, errors: "" }).Rollout).toEqual(EXAMPLE_PLAN);
    expect(toOrder({ ...form, rings, operation: "Scan" })).not.toHaveProperty("Rollout");
    expect(orderProblems({ ...form, rings, errors: "5%" })).toHaveProperty("errors");
    expect(orderProblems({ ...form, rings: fromText("{", rings) })).toHaveProperty("rings");
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
      "AnyName=web&tab=x",
    );
  });

  it("asks for scans by their age, and for names by a part of them", () => {
    const asked = requestOf(new URLSearchParams("ScanAge=>1d&ScanAge=<7d&AnyName=web&AnyName=1&PendingReboot=true"));
    expect(asked.Filters).toEqual([
      { Key: "ScanAgeSeconds", Operator: "GreaterThan", Values: ["86400"] },
      { Key: "ScanAgeSeconds", Operator: "LessThan", Values: ["604800"] },
      { Key: "AnyName", Operator: "Contains", Values: ["web"] },
      { Key: "AnyName", Operator: "Contains", Values: ["1"] },
      { Key: "InstalledPendingRebootCount", Operator: "GreaterThan", Values: ["0"] },
    ]);
    expect(tokensOf(new URLSearchParams("ScanAge=>7d"))).toEqual([
      { propertyKey: "ScanAge", operator: ">", value: "7d" },
    ]);
  });

  test.each([
    ["30m", "1800"],
    [" 12 h", "43200"],
    // For the server to refuse.
    ["soon", "soon"],
    ["7", "7"],
  ])("an age of %s is %s", (text, seconds) => expect(ageSeconds(text)).toBe(seconds));
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

describe("what a run changed", () => {
  const change = { Name: "bash", Arch: "amd64", Reason: "WANTED" };
  test.each([
    [{ FromVersion: "1", ToVersion: "2" }, "bash.amd64 1 → 2"],
    [{ ToVersion: "2" }, "bash.amd64 2 new"],
    [{ FromVersion: "1" }, "bash.amd64 1 removed"],
  ])("%o", (versions, expected) => expect(changeText({ ...change, ...versions })).toBe(expected));

  const run = { ExecutionId: "e", Kind: "INSTALL" as const, EndedAt: 1, Changes: [], Failed: [], UndoRefused: [] };
  test.each([
    [{}, "not known"],
    [{ UndoPossible: "YES" as const }, "possible"],
    [{ UndoPossible: "NO" as const, UndoReason: "it is gone" }, "not possible: it is gone"],
    [{ UndoPossible: "NO" as const, UndoneBy: ["u"] }, "was taken back"],
  ])("%o", (told, expected) => expect(undoText({ ...run, ...told })).toBe(expected));
});

it("has counts in words", () => {
  expect(countsText({ MISSING: 2, INSTALLED_OTHER: 0, Success: 1000 })).toBe("Missing: 2 · Success: 1,000");
  expect(countsOf("{Success=3, Failed=1}")).toEqual({ Success: 3, Failed: 1 });
  expect(countsOf(undefined)).toEqual({});
  expect(errorsText({ ErrorCount: 2 })).toBe("2");
  expect(errorsText({ ErrorCount: 0, DeliveryTimedOutCount: 1 })).toBe("0, 1 not delivered");
});

describe("events", () => {
  it("names a topic or nothing", () => {
    expect(topicOf('{"topic":"nodes","id":"mi-1"}')).toBe("nodes");
    expect(topicOf("no json")).toBeUndefined();
    expect(topicOf('{"topic":1}')).toBeUndefined();
    expect(TOPICS["parameters"]).toEqual(
      expect.arrayContaining([...(TOPICS["parameter-policies"] ?? []), "GetParameter"]),
    );
    expect(Object.values(TOPICS).every((operations) => operations.length > 0)).toBe(true);
  });
});

describe("rollouts", () => {
  const rollout = (Status: Rollout["Status"], Phase: RolloutPhase, last = false): Rollout => {
    const ring = { Nodes: 1, Waiting: 0, AtWork: 0, Succeeded: 1, Failed: 0, Unreached: 0 };
    const Rings = [
      { ...ring, Name: "canary", Phase: last ? ("Passed" as const) : Phase },
      { ...ring, Name: "rest", Phase: last ? Phase : ("Waiting" as const) },
    ];
    return {
      RolloutId: "r",
      AssociationId: "a",
      Plan: {},
      Status,
      Ring: last ? "rest" : "canary",
      StartedAt: 1,
      EndsAt: 2,
      FailedNodes: 0,
      OverruledRings: [],
      Rings,
    };
  };

  test.each<[Rollout["Status"], RolloutPhase, boolean, string[]]>([
    ["InProgress", "Running", false, ["Pause", "Stop"]],
    ["InProgress", "AwaitingApproval", false, ["Approve", "Pause", "Stop"]],
    ["Paused", "Judging", false, ["Approve", "Resume", "Stop"]],
    // Behind the last ring there is none to let on.
    ["Paused", "Judging", true, ["Resume", "Stop"]],
    ["Paused", "Running", false, ["Resume", "Stop"]],
    ["Stopped", "Judging", false, []],
    ["Succeeded", "Passed", true, []],
    ["CompletedWithFailure", "Passed", true, []],
  ])("when it is %s and its ring %s", (status, phase, last, signals) =>
    expect(signalsOf(rollout(status, phase, last))).toEqual(signals),
  );

  it("says who failed and what was passed over", () => {
    const over = rollout("CompletedWithFailure", "Passed", true);
    expect(failuresInWords(over)).toBe("none");
    expect(failuresInWords({ ...over, FailedNodes: 1 })).toBe("1 node");
    expect(failuresInWords({ ...over, FailedNodes: 2, OverruledRings: ["canary", "early"] })).toBe(
      "2 nodes; overruled: canary, early",
    );
  });

  it("says which nodes, what must be shown and what was", () => {
    expect(ringNodes({ Name: "a", Percent: 5 })).toBe("5% of all");
    expect(ringNodes({ Name: "a", Targets: [{ Key: "tag:Env", Values: ["dev", "test"] }] })).toBe(
      "tag:Env = dev, test",
    );
    expect(ringNodes({ Name: "rest" })).toBe("the rest");
    expect(gatesInWords(undefined, false)).toEqual(["one node has succeeded"]);
    expect(gatesInWords({ MaxFailurePercent: 5 }, true)).toEqual([
      "failure rate of at most 5%, 95% sure",
      "an approval",
    ]);
    expect(gatesInWords({ MaxFailures: 0, MaxFailedUnits: 1 }, false)).toEqual([
      "at most 0 failed",
      "at most 1 unit failed",
    ]);
    const told = { Ended: 2, Failed: 0, Shortfalls: [], FailedUnits: 2, NodesWithoutUnits: 1 };
    expect(evidenceInWords(told)).toEqual(["0 of 2 failed", "2 units of systemd failed, 1 node did not tell"]);
    expect(evidenceInWords({ ...told, FailedUnits: 1, NodesWithoutUnits: 0 })).toContain("1 unit of systemd failed");
    const evidence = { Ended: 10, Failed: 1, Shortfalls: [], FailureBound: 3942, MaxFailureBound: 500 };
    expect(evidenceInWords({ ...evidence, ConfidencePercent: 90, ProbeNodes: 9, ProbeEnded: 3 })).toEqual([
      "1 of 10 failed",
      "failure rate up to 39.42% (90% sure), 5.00% may be",
      "probe: 0 good of 3 that ended, of 9",
    ]);
  });
});

describe("users", () => {
  it("checks names, passwords and policies", () => {
    expect(userNameProblem("ada.l@example")).toBeUndefined();
    expect(userNameProblem("ada l")).toBeDefined();
    expect(passwordProblem("short", "short")).toContain("12");
    expect(passwordProblem("long enough to be", "something else here")).toContain("same");
    expect(passwordProblem("long enough to be", "long enough to be")).toBeUndefined();
    expect(policiesProblem({ a: "{}" })).toMatch(/^a: /);
    expect(policiesProblem({ a: "no" })).toMatch(/^a: /);
  });

  test.each(PRESETS)("$id is a policy", ({ policy }) => expect(policiesProblem({ policy })).toBeUndefined());
});

describe("maintenance windows", () => {
  const window = { ...NEW_WINDOW, name: "sundays", zone: "UTC" };

  it("come back as the form had them", () => {
    expect(windowProblems(window)).toEqual({});
    expect(fromWindow({ ...toWindow(window), $metadata: {} })).toEqual(window);
  });

  test.each([
    ["name", { name: "a" }],
    ["schedule", { schedule: "sometimes" }],
    ["duration", { duration: "25" }],
    ["cutoff", { cutoff: "3" }],
    ["cutoff", { cutoff: "" }],
  ])("%s is checked", (place, change) => expect(windowProblems({ ...window, ...change })).toHaveProperty(place));

  it("take nodes or a resource group, and keep to what a target was registered as", () => {
    expect(resourceTypeOf({ ...NO_TARGETS, by: "tag" })).toBe("INSTANCE");
    expect(resourceTypeOf({ ...NO_TARGETS, by: "resource-group" })).toBe("RESOURCE_GROUP");
    expect(windowTargetKinds(undefined)).toEqual(["tag", "nodes", "group", "resource-group"]);
    expect(windowTargetKinds("INSTANCE")).toEqual(["tag", "nodes", "group"]);
    expect(windowTargetKinds("RESOURCE_GROUP")).toEqual(["resource-group"]);
  });

  it("have tasks of commands and runbooks", () => {
    const form = { ...NEW_TASK, windowTargets: ["t"], name: "echo" };
    const task = toTask(form, "AWS-RunShellScript", { commands: ["id"] });
    expect(task).toMatchObject({
      TaskArn: "AWS-RunShellScript",
      Targets: [{ Key: "WindowTargetIds", Values: ["t"] }],
      MaxConcurrency: "10%",
      TaskInvocationParameters: { RunCommand: { Parameters: { commands: ["id"] } } },
    });
    expect(fromTask({ ...task, TaskType: "RUN_COMMAND" })).toEqual(form);
    expect(taskParameters(task)).toEqual({ commands: "id" });
    // A runbook without targets runs once, and has no rate.
    const runbook = toTask({ ...NEW_TASK, type: "AUTOMATION" }, "careful", {});
    expect(runbook).not.toHaveProperty("MaxConcurrency");
    expect(runbook.TaskInvocationParameters).toEqual({ Automation: { Parameters: {} } });
  });

  it("keep what the form does not ask", () => {
    const before = {
      Targets: [{ Key: "InstanceIds", Values: ["i-1"] }],
      TaskInvocationParameters: { RunCommand: { Comment: "kept", Parameters: { a: ["1"] } } },
    };
    const task = toTask({ ...NEW_TASK, windowTargets: [] }, "doc", { a: ["2"] }, before);
    expect(task).toMatchObject({ Targets: before.Targets });
    expect(task.TaskInvocationParameters).toEqual({ RunCommand: { Comment: "kept", Parameters: { a: ["2"] } } });
    expect(taskProblems(NEW_TASK, true)).toEqual({});
    expect(taskProblems(NEW_TASK, false)).toHaveProperty("targets");
  });
});

describe("associations", () => {
  const form = { ...NEW_ASSOCIATION, name: "daily", errors: "0" };

  it("come back as the form had them", () => {
    const { Targets = [], ...rest } = toAssociation(form, "doc", {});
    expect(fromAssociation({ ...rest, Targets })).toEqual(form);
  });

  it("keep what an update would clear", () => {
    const before = {
      AssociationId: "a",
      Name: "doc",
      DocumentVersion: "3",
      ComplianceSeverity: "HIGH" as const,
      ScheduleOffset: 2,
      Targets: [{ Key: "resource-groups:Name", Values: ["web"] }],
    };
    const kept = { ...form, targets: undefined };
    const update = { ...keptOf(before, "doc", true), ...toAssociation(kept, "doc", {}) };
    expect(update).toMatchObject({ ...before, AssociationName: "daily" });
    // A version is one of its document's, an offset one of a schedule's.
    expect(keptOf(before, "other", false)).not.toHaveProperty("DocumentVersion");
    expect(keptOf(before, "other", false)).not.toHaveProperty("ScheduleOffset");
  });

  it("are checked", () => {
    expect(associationProblems(form)).toEqual({});
    expect(associationProblems({ ...form, schedule: "daily", errors: "x" })).toMatchObject({
      schedule: expect.any(String) as string,
      rate: expect.any(String) as string,
    });
    expect(associationProblems({ ...form, targets: NO_TARGETS })).toHaveProperty("targets");
  });
});

test.each([
  ["pb-0123456789abcdef0", "pb-0123456789abcdef0"],
  ["arn:aws:ssm:us-east-1:075727635805:patchbaseline/pb-09a5f8eb62bde80b1", "pb-09a5f8eb62bde80b1"],
])("%s is read as %s", (id, short) => expect(shortBaselineId(id)).toBe(short));

test.each([
  ["arn:aws:iam::123456789012:root", "root"],
  ["arn:aws:iam::123456789012:user/ada", "user/ada"],
  ["somebody", "somebody"],
  [undefined, "–"],
])("%s is shown as %s", (arn, short) => expect(nameOfArn(arn)).toBe(short));

describe("what is looked for", () => {
  test.each([
    ["", undefined],
    ["KB5034441", { Key: "PATCH_ID", Values: ["KB5034441"] }],
    ["5034441", { Key: "PATCH_ID", Values: ["KB5034441"] }],
    ["openssl", { Key: "NAME", Values: ["openssl"] }],
  ])("%s among available patches", (text, filter) => expect(availableFilter(text)).toEqual(filter));

  it("may be a KB number or a saved view", () => {
    expect(destinations("kb5034441")[0]?.href).toBe("#/compliance?tab=patches&patch=KB5034441");
    const views = viewsFrom('{"old scans": "/nodes?ScanAge=>7d", "x": "https://elsewhere", "y": 1}');
    expect(views.map(({ name }) => name)).toEqual(["old scans"]);
    expect(destinations("SCANS", views)[0]?.href).toBe("#/nodes?ScanAge=>7d");
    expect(viewsFrom("[")).toEqual([]);
    expect(viewProblem(" ", views)).toBeDefined();
    expect(viewProblem("old scans", views)).toBeUndefined();
  });
});
