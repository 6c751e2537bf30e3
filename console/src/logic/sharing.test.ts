import { describe, expect, it, test } from "vitest";

import { accountWords, NOT_SHARED, SHARED_VERSIONS, sharedVersionWords, sharingProblem, toSharing } from "./sharing";

const OWN = "000000000000";
const ONE = "111122223333";

describe("sharing a document", () => {
  it("names accounts, each once", () => {
    expect(toSharing({ ...NOT_SHARED, accounts: `${ONE}, 444455556666 ${ONE}` }, "greet")).toEqual({
      Name: "greet",
      PermissionType: "Share",
      AccountIdsToAdd: [ONE, "444455556666"],
      SharedDocumentVersion: "$DEFAULT",
    });
  });

  it("or everybody, whatever was typed before", () => {
    const form = { with: "everybody" as const, accounts: "no account", versions: "$ALL" };
    expect(sharingProblem(form, OWN)).toBeUndefined();
    expect(toSharing(form, "greet")).toMatchObject({ AccountIdsToAdd: ["all"], SharedDocumentVersion: "$ALL" });
  });

  test.each([
    ["", "name at least one account"],
    ["12345", "12345 is no account id: 12 digits"],
    ["all", "all is no account id: 12 digits"],
    [`${ONE} ${OWN}`, `the document belongs to ${OWN}`],
    [
      Array.from({ length: 21 }, (_, at) => String(111_122_223_300 + at)).join(","),
      "at most 20 accounts at a time, these are 21",
    ],
    [ONE, undefined],
  ])("accounts %j: %s", (accounts, problem) => expect(sharingProblem({ ...NOT_SHARED, accounts }, OWN)).toBe(problem));

  it("is read in words", () => {
    expect(SHARED_VERSIONS.map(([value]) => sharedVersionWords(value))).toEqual(SHARED_VERSIONS.map(([, all]) => all));
    expect(sharedVersionWords(undefined)).toBe("The default version");
    expect(accountWords("all")).toBe("Everybody");
    expect(accountWords(ONE)).toBe(ONE);
  });
});
