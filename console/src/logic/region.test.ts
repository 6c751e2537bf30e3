import { expect, test } from "vitest";

import { regionProblem } from "./region";

test.each(["us-east-1", "eu-central-1", "attic"])("%s is a region", (region) =>
  expect(regionProblem(region)).toBeUndefined(),
);

test.each(["", "x", "US-EAST-1", "us east", "a".repeat(33), "us-east-1\n"])("%j is none", (region) =>
  expect(regionProblem(region)).toBeDefined(),
);
