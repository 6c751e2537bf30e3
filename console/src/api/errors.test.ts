import { expect, it, test } from "vitest";

import { advice, CallError, headline } from "./errors";

function refusal(action: string): string {
  return (
    `User: arn:aws:iam::000000000000:user/ann is not authorized to perform: ${action} on resource: ` +
    `arn:aws:kms:us-east-1:000000000000:alias/aws/ssm because no identity-based policy allows the ${action} action`
  );
}

test.each([
  [refusal("ssm:GetParameter"), "You may not call GetParameter", "GetParameter"],
  [refusal("kms:Decrypt"), "You lack the permission kms:Decrypt, which GetParameter needs", "kms:Decrypt"],
  // Not in AWS's words.
  ["no", "You may not call GetParameter", "GetParameter"],
])("of %s it is said what is not allowed", (message, header, action) => {
  const error = new CallError("GetParameter", "AccessDeniedException", message, 400);
  expect(headline(error)).toBe(header);
  expect(advice(error)).toContain(`Your policy does not allow ${action}. `);
});

it("says what failed, and how", () => {
  const error = new CallError("GetParameter", "ParameterNotFound", refusal("kms:Decrypt"), 400);
  expect(headline(error)).toBe("GetParameter failed: ParameterNotFound");
  expect(error.denied).toBeUndefined();
});
