import { describe, expect, it, test } from "vitest";

import { commentProblem, reviewSteps, toReview } from "./review";

describe("the review of a version", () => {
  test.each([
    [undefined, ["SendForReview"]],
    ["NOT_REVIEWED", ["SendForReview"]],
    ["PENDING", ["Approve", "Reject", "UpdateReview"]],
    ["APPROVED", ["SendForReview", "UpdateReview"]],
    ["REJECTED", ["SendForReview", "UpdateReview"]],
  ])("that is %s", (status, actions) => expect(reviewSteps(status).map(({ action }) => action)).toEqual(actions));

  it("may say something, and must where the comment is all that it changes", () => {
    expect(commentProblem("", "Approve")).toBeUndefined();
    expect(commentProblem(" ", "UpdateReview")).toBe("write the comment");
    expect(commentProblem("x".repeat(1025), "Reject")).toContain("1,025");
  });

  it("is what UpdateDocumentMetadata takes", () => {
    expect(toReview("greet", "2", "Approve", " good ")).toEqual({
      Name: "greet",
      DocumentVersion: "2",
      DocumentReviews: { Action: "Approve", Comment: [{ Type: "Comment", Content: "good" }] },
    });
    expect(toReview("greet", "2", "SendForReview", " ").DocumentReviews).toEqual({ Action: "SendForReview" });
  });
});
