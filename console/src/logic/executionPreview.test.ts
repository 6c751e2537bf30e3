import { describe, expect, it } from "vitest";

import { stepsByImpact, targetsWords } from "./executionPreview";

describe("the preview of an execution", () => {
  it("has the steps that may change most first, and leaves out what there is none of", () => {
    const steps = stepsByImpact({ StepPreviews: { NonMutating: 3, Mutating: 1, Undetermined: 0 } });
    expect(steps.map(({ type, count }) => [type, count])).toEqual([
      ["Mutating", 1],
      ["NonMutating", 3],
    ]);
    expect(stepsByImpact({})).toEqual([]);
  });

  it("says for what it would be started", () => {
    expect(targetsWords({ TargetPreviews: [{ Count: 1200, TargetType: "AWS::SSM::ManagedInstance" }] })).toBe(
      "1,200 of AWS::SSM::ManagedInstance",
    );
    expect(targetsWords({})).toBe("none: it runs once, with its parameters alone");
  });
});
