import { describe, expect, it, test } from "vitest";

import { href, matchPath, parsePlace } from "../app/place";
import { awsCommand, cliName, shellWord } from "./awsCommand";
import { byDay } from "./calendar";
import { toCsv } from "./csv";
import { destinations } from "./destinations";
import { contentProblem, FIRST_DOCUMENTS, formatOf } from "./document";
import { enrolLines } from "./enrol";
import { graphOf, nextSteps } from "./graph";
import { defaultText, missingParameters, toParameters } from "./parameters";
import { scheduleProblem, scheduleText } from "./schedule";
import { isUnderWay, lookOf, wordOf } from "./status";
import { tagChanges } from "./tags";
import { distance, localText, momentText, span, toDate, utcText } from "./time";
import { lastDays } from "./trend";

describe("lines for the AWS CLI", () => {
  test.each([
    ["DescribeInstanceInformation", "describe-instance-information"],
    ["OutputS3BucketName", "output-s3-bucket-name"],
    ["PatchNowId", "patch-now-id"],
    ["MaxErrors", "max-errors"],
  ])("%s is %s", (name, expected) => expect(cliName(name)).toBe(expected));

  test.each([
    ["plain-word_1.0", "plain-word_1.0"],
    ["two words", "'two words'"],
    ["it's; rm -rf /", `'it'\\''s; rm -rf /'`],
    ["", "''"],
  ])("quotes %j", (text, expected) => expect(shellWord(text)).toBe(expected));

  it("writes each kind of value as the CLI takes it", () => {
    const input = {
      InstanceIds: ["mi-1", "mi-2"],
      Details: true,
      Replace: false,
      MaxResults: 5,
      Parameters: { Operation: ["Scan"] },
      NextToken: undefined,
      Comment: "-x y",
    };
    const line = awsCommand(
      { service: "ssm", operation: "SendCommand", input },
      { endpoint: "http://127.0.0.1:4510", region: "us-east-1" },
    );
    expect(line).toBe(
      "aws ssm send-command --endpoint-url http://127.0.0.1:4510 --region us-east-1 --instance-ids mi-1 mi-2 --details --no-replace --max-results 5 " +
        `--parameters '{"Operation":["Scan"]}' --comment='-x y'`,
    );
  });
});

describe("exports", () => {
  const columns = [
    { header: "a", value: (row: { a: string | undefined; b: number }) => row.a },
    { header: "b", value: (row: { a: string | undefined; b: number }) => row.b },
  ];

  it("quotes what needs it, and lets a spreadsheet run nothing", () => {
    const rows = [
      { a: 'say "hi", you', b: -1 },
      { a: "=cmd()", b: 2 },
      { a: undefined, b: 0 },
    ];
    expect(toCsv(columns, rows)).toBe('a,b\r\n"say ""hi"", you",-1\r\n\'=cmd(),2\r\n,0\r\n');
  });
});

describe("states", () => {
  it("never shows what is unknown or old as good", () => {
    for (const state of ["UNKNOWN", "STALE", "ConnectionLost", "Inactive", undefined, "", "a state of later days"]) {
      expect(lookOf(state), String(state)).not.toBe("good");
    }
    expect(lookOf("UNKNOWN")).not.toBe(lookOf("STALE"));
  });

  it("has words for wire names", () => {
    expect(wordOf("NON_COMPLIANT")).toBe("Non-compliant");
    expect(wordOf("INSTALLED_PENDING_REBOOT")).toBe("Installed, pending reboot");
    expect(lookOf("MISSING")).toBe("bad");
    expect(wordOf("SOME_NEW_STATE")).toBe("Some new state");
    expect(wordOf("DeliveryTimedOut")).toBe("Delivery timed out");
    expect(lookOf("DeliveryTimedOut")).toBe("bad");
    expect(wordOf("Success")).toBe("Success");
    expect(wordOf("MacOS")).toBe("MacOS");
    expect(wordOf(undefined)).toBe("Unknown");
  });

  it("knows what may still change", () => {
    expect(["Pending", "InProgress", "Cancelling", "Waiting"].every(isUnderWay)).toBe(true);
    expect(["Success", "Failed", "Cancelled", "TimedOut"].some(isUnderWay)).toBe(false);
  });
});

describe("moments", () => {
  const now = new Date("2026-11-21T12:00:00Z");
  test.each([
    ["2026-11-21T11:59:58Z", "just now"],
    ["2026-11-21T11:58:00Z", "2 minutes ago"],
    ["2026-11-21T15:00:00Z", "in 3 hours"],
    ["2026-10-01T12:00:00Z", "1 month ago"],
  ])("%s is %s", (at, expected) => expect(distance(new Date(at), now)).toBe(expected));

  it("takes what the APIs give", () => {
    expect(toDate(0)?.getTime()).toBe(0);
    expect(toDate(1_700_000_000.5)?.getTime()).toBe(1_700_000_000_500);
    expect(toDate("no time")).toBeUndefined();
    expect(utcText(now)).toBe("2026-11-21 12:00:00 UTC");
    expect(localText(now)).toMatch(/2026.*\d{2}:00:00.* (UTC|GMT|[A-Z]{3,4}|GMT[+-]\d+)$/);
    expect(momentText(now)).toMatch(/2026.*\d{1,2}:00:00/);
    expect(momentText("no time")).toBeUndefined();
  });

  it("are of days that are all there", () => {
    expect(lastDays(3, new Date("2026-03-01T00:10:00Z"))).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
    expect(new Set(lastDays(90, now)).size).toBe(90);
  });

  it("of associations are UTC", () => {
    expect(scheduleText("cron(0 2 ? * SUN *)")).toBe("cron(0 2 ? * SUN *) UTC");
    expect(scheduleText("rate(1 day)")).toBe("rate(1 day)");
    expect(scheduleText(undefined)).toBe("once");
  });

  test.each([
    [0, "0 s"],
    [80, "1 min 20 s"],
    [90_061, "1 d 1 h"],
  ])("%d seconds are %s", (seconds, expected) => expect(span(seconds)).toBe(expected));
});

describe("addresses", () => {
  it("finds its way with any id", () => {
    const id = "arn:aws:ssm:us-east-1:1:patchbaseline/pb-1";
    const { path, query } = parsePlace(
      href(`/baselines/${encodeURIComponent(id)}`, { tab: "groups", none: undefined }),
    );
    expect(matchPath("/baselines/:id", path)).toEqual({ id });
    expect(query.get("tab")).toBe("groups");
    expect(query.has("none")).toBe(false);
  });

  it("refuses what is not its form", () => {
    expect(matchPath("/nodes/:id", "/nodes")).toBeUndefined();
    expect(matchPath("/nodes/:id", "/nodes/%E0%A4%A")).toBeUndefined();
    expect(parsePlace("").path).toBe("/");
  });
});

describe("the command palette", () => {
  test.each([
    ["mi-0123456789abcdef0", "#/nodes/mi-0123456789abcdef0"],
    ["pb-0123456789abcdef0", "#/baselines/pb-0123456789abcdef0"],
    ["cve-2024-12345", "#/compliance?tab=cve&cve=CVE-2024-12345"],
    ["mainten", "#/windows"],
    ["send comm", "#/commands/send"],
    ["parameter st", "#/parameters"],
    ["/prod/db.host", "#/parameters/%2Fprod%2Fdb.host"],
  ])("%s leads to %s", (text, expected) => expect(destinations(text)[0]?.href).toBe(expected));

  it("offers a change of password to who has one", () => {
    const offers = (hasPassword: boolean) =>
      destinations("password", [], hasPassword).some(({ label }) => label === "Change password");
    expect([offers(true), offers(false)]).toEqual([true, false]);
  });

  it.each(["#/nodes?AnyName=openssl", "#/parameters?Name=%7Eopenssl"])("has a way for any text: %s", (expected) =>
    expect(destinations("openssl").map(({ href: to }) => to)).toContain(expected),
  );
});

describe("tags", () => {
  it("asks only for what differs", () => {
    const before = [
      { Key: "Env", Value: "prod" },
      { Key: "Old", Value: "x" },
    ];
    const after = [
      { Key: "Env", Value: "test" },
      { Key: "PatchGroup", Value: "web" },
      { Key: "", Value: "half typed" },
    ];
    expect(tagChanges(before, after)).toEqual({
      set: [
        { Key: "Env", Value: "test" },
        { Key: "PatchGroup", Value: "web" },
      ],
      removed: ["Old"],
    });
  });
});

describe("schedules", () => {
  test.each(["rate(1 day)", "rate(12 hours)", "cron(0 2 ? * SUN *)", "at(2026-01-31T03:00:00)"])("%s", (text) =>
    expect(scheduleProblem(text, false)).toBeUndefined(),
  );
  test.each(["", "rate(1 days)", "rate(2 day)", "rate(0 days)", "cron(0 2)", "at(tomorrow)", "every day"])(
    "not %j",
    (text) => expect(scheduleProblem(text, false)).toBeDefined(),
  );
});

describe("the calendar", () => {
  it("has occurrences by day, in order", () => {
    const days = byDay([
      { WindowId: "mw-2", Name: "later", ExecutionTime: "2026-11-22T10:00Z" },
      { WindowId: "mw-1", Name: "sooner", ExecutionTime: "2026-11-21T10:00Z" },
      { WindowId: "mw-3", Name: "never", ExecutionTime: "" },
    ]);
    expect(days.map((day) => day.occurrences.map((one) => one.name))).toEqual([["sooner"], ["later"]]);
  });
});

describe("documents", () => {
  it("knows their formats", () => {
    expect(formatOf(' {"schemaVersion": "2.2"}')).toBe("JSON");
    expect(formatOf(FIRST_DOCUMENTS["Command"] ?? "")).toBe("YAML");
    expect(formatOf(FIRST_DOCUMENTS["ChangeCalendar"] ?? "")).toBe("TEXT");
  });

  it("says what is wrong with the text", () => {
    expect(contentProblem("{")).toBeDefined();
    expect(contentProblem("")).toBeDefined();
    expect(contentProblem("ä".repeat(40_000))).toContain("65,536");
    expect(contentProblem("{}")).toBeUndefined();
  });
});

describe("parameters", () => {
  const parameters = [
    { Name: "commands", Type: "StringList" as const },
    { Name: "timeout", Type: "String" as const, DefaultValue: "60" },
    { Name: "paths", Type: "StringList" as const, DefaultValue: '["/a","/b"]' },
  ];

  it("sends what was typed, and leaves out the document's own values", () => {
    expect(toParameters(parameters, { commands: "echo 1\necho 2", timeout: "60", paths: "/a\n/b" })).toEqual({
      commands: ["echo 1", "echo 2"],
    });
    expect(toParameters(parameters, { timeout: "5" })).toEqual({ timeout: ["5"] });
  });

  it("shows lists as lines, and what has to be given", () => {
    expect(defaultText(parameters[2] ?? {})).toBe("/a\n/b");
    expect(missingParameters(parameters, {})).toEqual(["commands"]);
  });
});

describe("the graph of a runbook", () => {
  const step = (name: string, next: string[] = [], isEnd = false) => ({
    name,
    next,
    isEnd,
    status: undefined,
    action: "aws:sleep",
  });

  it("goes to the named step or the next one", () => {
    const { edges } = graphOf([step("a", ["c"]), step("b"), step("c", [], true), step("d", ["gone"])]);
    expect(edges).toEqual([
      { from: 0, to: 2 },
      { from: 1, to: 2 },
    ]);
  });

  it("stands branches side by side and what they meet in below", () => {
    const graph = graphOf([
      step("choose", ["linux", "windows", "windows"]),
      step("linux", ["end"]),
      step("windows", ["end"]),
      step("end", ["choose"], true),
    ]);
    expect(graph.steps.map(({ row, column }) => [row, column])).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 0],
    ]);
    expect([graph.rows, graph.columns, graph.edges.length]).toEqual([3, 2, 5]);
  });

  it("reads where steps go from the runbook", () => {
    const content = {
      mainSteps: [
        { name: "choose", inputs: { Choices: [{ NextStep: "linux" }, { NextStep: "windows" }], Default: "linux" } },
        { name: "linux", nextStep: "end" },
        { name: "windows", isEnd: true },
        { inputs: null },
        7,
      ],
    };
    expect([...nextSteps(content)]).toEqual([
      ["choose", ["linux", "windows", "linux"]],
      ["linux", ["end"]],
    ]);
    expect(nextSteps("no runbook").size).toBe(0);
  });
});

describe("enrolment", () => {
  it("has lines for each system", () => {
    const activation = { id: "11111111-2222-3333-4444-555555555555", code: "c0de" };
    expect(enrolLines("Linux", "https://f.example", "eu-west-1", activation)).toContain(
      "sudo -E fettle-agent enroll --endpoint https://f.example",
    );
    expect(enrolLines("Windows", "https://f.example", "eu-west-1", activation)).toContain(
      "$env:FETTLE_ACTIVATION_CODE = 'c0de'",
    );
  });
});
