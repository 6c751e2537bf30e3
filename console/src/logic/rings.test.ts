import { describe, expect, it, test } from "vitest";

import type { RolloutPlan } from "../api/rollouts";
import { fromPlan, fromText, NEW_RING, planProblems, toPlan, toText } from "./rings";
import type { PlanForm, RingForm } from "./rings";
import { EXAMPLE_PLAN } from "./rollout";

const WHOLE: RolloutPlan = {
  Rings: [
    {
      Name: "canary",
      Targets: [{ Key: "tag:Env", Values: ["dev", "test"] }],
      MaxConcurrency: "10%",
      WaitHours: 2,
      SoakMinutes: 0,
      Gates: {
        MaxFailures: 0,
        MaxFailurePercent: 5,
        ConfidencePercent: 90,
        NodesBack: true,
        Probe: { DocumentName: "AWS-RunShellScript", MaxFailures: 1, ...{ Parameters: { commands: ["true"] } } },
        MaxFailedUnits: 0,
      },
      RequireApproval: true,
    },
    { Name: "group", Targets: [{ Key: "resource-groups:Name", Values: ["web"] }] },
    { Name: "rest" },
  ],
  Budgets: [{ TagKey: "cluster", Limit: "1" }],
  OnGateFailed: "Stop",
  EndsAfterHours: 48,
};

describe("rings", () => {
  test.each([
    ["a whole plan", WHOLE],
    ["the example", EXAMPLE_PLAN],
  ])("%s comes back from the form as it was", (_, plan) => {
    const form = fromPlan(plan);
    expect(planProblems(form)).toEqual({});
    expect(toPlan(form)).toEqual(plan);
    expect(fromText(toText(form), fromPlan({}))).toEqual(form);
  });

  it("keeps text that is no plan yet, and the form beside it", () => {
    const form = fromPlan(EXAMPLE_PLAN);
    for (const [text, problem] of [
      ["{", "JSON"],
      ["[]", "an object with Rings"],
      ['{"Rings": []}', "at least one ring"],
      ['{"Rings": [{}]}', "no plan yet"],
      ['{"Rings": [null]}', "no plan yet"],
      ['{"Rings": [{"Name": "a", "Targets": [{}]}]}', "no plan yet"],
    ] as const) {
      const typed = fromText(text, form);
      expect(typed.rings, text).toEqual(form.rings);
      expect(toText(typed)).toBe(text);
      expect(planProblems(typed)["draft"], text).toContain(problem);
    }
  });

  const ring = (change: Partial<RingForm>): RingForm => ({ ...NEW_RING, name: "a", percent: "5", ...change });
  const plan = (rings: readonly RingForm[], more: Partial<PlanForm> = {}): PlanForm => ({
    ...fromPlan({}),
    rings,
    ...more,
  });
  const rest = ring({ name: "rest", by: "rest" });

  test.each([
    ["rings.0.name", plan([ring({ name: "" })])],
    ["rings.0.name", plan([ring({ name: "two words" })])],
    ["rings.1.name", plan([ring({}), ring({})])],
    ["rings.0.percent", plan([ring({ percent: "" })])],
    ["rings.0.percent", plan([ring({ percent: "0" })])],
    ["rings.0.percent", plan([ring({ percent: "five" })])],
    ["rings.1.percent", plan([ring({ percent: "60" }), ring({ name: "b", percent: "60" }), rest])],
    ["rings.0.by", plan([ring({ by: "rest" }), rest])],
    ["rings.0.targets", plan([ring({ by: "targets" })])],
    ["rings.0.concurrency", plan([ring({ concurrency: "0" })])],
    ["rings.0.waitHours", plan([ring({ waitHours: "721" })])],
    ["rings.0.soakMinutes", plan([ring({ soakMinutes: "1.5" })])],
    ["rings.0.confidence", plan([ring({ confidence: "90" })])],
    ["rings.0.probe", plan([ring({ probeFailures: "1" })])],
    ["rings.0.approval", plan([ring({ approval: true })])],
    ["budgets.0.tagKey", plan([rest], { budgets: [{ tagKey: " ", limit: "1" }] })],
    ["budgets.0.limit", plan([rest], { budgets: [{ tagKey: "a", limit: "" }] })],
    [
      "budgets.1.tagKey",
      plan([rest], {
        budgets: [
          { tagKey: "a", limit: "1" },
          { tagKey: "a", limit: "2" },
        ],
      }),
    ],
    ["endsAfterHours", plan([rest], { endsAfterHours: "0" })],
  ])("says what is wrong at %s", (place, form) => {
    expect(Object.keys(planProblems(form))).toEqual([place]);
  });
});
