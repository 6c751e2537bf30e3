import { expect, it } from "vitest";

import { withDates } from "./plain";

it("has Dates where the SDK has them, and leaves everything else as it came", () => {
  const review = { CreateTime: 1_795_219_200.5, Reviewer: "ada", Comment: [{ Content: "1795219200" }] };
  expect(withDates({ Metadata: { ReviewerResponse: [review] }, CreatedDate: 0, Version: 1_795_219_200 })).toEqual({
    Metadata: { ReviewerResponse: [{ ...review, CreateTime: new Date(1_795_219_200_500) }] },
    CreatedDate: new Date(0),
    Version: 1_795_219_200,
  });
  // A name in an answer may be that of a time.
  expect(withDates({ EndedAt: "later", Parameters: null })).toEqual({ EndedAt: "later", Parameters: null });
});
