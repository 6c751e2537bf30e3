import { describe, expect, it, test } from "vitest";

import type { Preview, PreviewedPatch } from "../api/preview";
import { NEW_BASELINE } from "./baseline";
import { basisOf, changeOf, countsOf, previewInput, whyOf } from "./preview";

const PATCH: PreviewedPatch = {
  Product: "Debian12",
  Name: "curl",
  Version: "1",
  Outcome: "NotMatched",
  NodesLacking: 1,
  NodesPresent: 0,
};

describe("a preview of a baseline", () => {
  it("is asked for without a name, and not while the rules are broken", () => {
    expect(previewInput(NEW_BASELINE)).not.toHaveProperty("Name");
    expect(previewInput({ ...NEW_BASELINE, approved: "a", rejected: "a" })).toMatchObject({ RejectedPatches: ["a"] });
    const [rule] = NEW_BASELINE.rules;
    if (rule === undefined) throw new Error("a new baseline has a rule");
    expect(previewInput({ ...NEW_BASELINE, rules: [{ ...rule, days: "x" }] })).toBeUndefined();
    expect(previewInput({ ...NEW_BASELINE, rejected: "a".repeat(101) })).toBeUndefined();
  });

  test.each<[Partial<PreviewedPatch>, string]>([
    [{ Rule: 0 }, "rule 1"],
    [{ Entry: "curl" }, "the entry curl"],
    [{}, "no rule approves it"],
    [{ Rule: 1, Reason: "approved-later" }, "rule 2"],
    [{ Entry: "c*", Reason: "rejected" }, "the entry c*"],
    [
      { Rule: 0, Reason: "no-rule-matches", FilterKey: "SEVERITY", Property: "Low" },
      "no rule matches; nearest is rule 1: the severity is Low",
    ],
    [{ Reason: "global-filter", FilterKey: "PRODUCT", Property: "" }, "the global filters: the product is not known"],
    [{ Rule: 0, Reason: "outside-security" }, "rule 1 matches, but it is no security update"],
    [{ Reason: "not-known-yet" }, "not known yet"],
  ])("says of %j why", (change, words) => {
    expect(whyOf({ ...PATCH, ...change })).toBe(words);
  });

  it("says what its numbers are about", () => {
    const preview: Preview = { Lists: [], Nodes: 3, NodesExamined: 3, AsOf: 0 };
    expect(basisOf(preview)).toBe("From what 3 nodes reported.");
    expect(basisOf({ ...preview, NodesExamined: 1 })).toContain("1 node of 3");
    expect(basisOf({ ...preview, Nodes: 0, NodesExamined: 0 })).toContain("No node");
    expect(changeOf(preview)).toBeUndefined();
    const list = { Count: 2, Lacking: 1, Patches: [] };
    const compared: Preview = {
      ...preview,
      Lists: [
        { Name: "NewlyApproved", ...list },
        { Name: "NoLongerApproved", ...list, Count: 0 },
      ],
      Comparison: { BaselineId: "pb-1", NodesServed: 3, NodesServedExamined: 2, NodesChanged: 1 },
    };
    expect(changeOf(compared)).toBe(
      "2 newly approved, 0 no longer. Nodes that it changes: 1 of 2 looked at, of 3 that use it.",
    );
    expect(changeOf({ ...compared, Lists: [] })).toContain("the same patches");
    expect(countsOf({ Name: "Approved", ...list })).toBe("2, 1 missing");
    expect(countsOf({ Name: "Approved", ...list, Lacking: 2 })).toBe("2");
  });
});
