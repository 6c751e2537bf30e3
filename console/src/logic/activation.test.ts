import { describe, expect, it, test } from "vitest";

import {
  activationProblems,
  LIFETIMES,
  nameOf,
  NEW_ACTIVATION,
  stateOf,
  toActivation,
  usedShare,
  usedText,
} from "./activation";
import { tagsText } from "./tags";

test.each([
  [{ Expired: false, RegistrationsCount: 0, RegistrationLimit: 1 }, "Open"],
  [{ Expired: true, RegistrationsCount: 1, RegistrationLimit: 1 }, "UsedUp"],
  [{ Expired: true, RegistrationsCount: 3, RegistrationLimit: 100 }, "Expired"],
  // Both: that its time is over changes nothing any more.
  [{ Expired: true, RegistrationsCount: 5, RegistrationLimit: 5, ExpirationDate: new Date(0) }, "UsedUp"],
])("%j is %s", (activation, state) => expect(stateOf(activation)).toBe(state));

test.each([
  [{ ActivationId: "1b2c", DefaultInstanceName: "web", Description: "The front" }, "web"],
  [{ ActivationId: "1b2c", DefaultInstanceName: "", Description: "The front" }, "The front"],
  [{ ActivationId: "1b2c", Description: "" }, "1b2c"],
])("%j is called %s", (activation, name) => expect(nameOf(activation)).toBe(name));

test.each([
  [{ RegistrationsCount: 1, RegistrationLimit: 4 }, 25],
  [{ RegistrationLimit: 10 }, 0],
  [{ RegistrationsCount: 5, RegistrationLimit: 5 }, 100],
])("of %j %d percent are used", (activation, share) => expect(usedShare(activation)).toBe(share));

test("how much of one is used", () => {
  expect(usedText({ RegistrationsCount: 12, RegistrationLimit: 1000 })).toBe("12 of 1,000");
  expect(usedText({})).toBe("0 of 1");
});

describe("the form of an activation", () => {
  const now = new Date("2026-03-01T12:00:00Z");

  it("begins with what the server would give by itself", () => {
    expect(activationProblems(NEW_ACTIVATION)).toEqual({});
    expect(toActivation(NEW_ACTIVATION, now)).toEqual({ IamRole: "fettle-node", RegistrationLimit: 10 });
  });

  it("asks for what was typed", () => {
    const form = { ...NEW_ACTIVATION, name: "web", description: "Rack 4", limit: "1000", hours: "1" };
    expect(toActivation({ ...form, tags: [{ Key: "Env", Value: "prod" }] }, now)).toEqual({
      IamRole: "fettle-node",
      RegistrationLimit: 1000,
      DefaultInstanceName: "web",
      Description: "Rack 4",
      ExpirationDate: new Date("2026-03-01T13:00:00Z"),
      Tags: [{ Key: "Env", Value: "prod" }],
    });
  });

  test.each(LIFETIMES)("lets machines in for $label", ({ hours }) =>
    expect(activationProblems({ ...NEW_ACTIVATION, hours })).toEqual({}),
  );

  test.each([
    ["limit", { limit: "0" }],
    ["limit", { limit: "1001" }],
    ["limit", { limit: "" }],
    ["limit", { limit: "1e2" }],
    ["hours", { hours: "720" }],
    ["role", { role: "" }],
    ["role", { role: "other/fettle-node" }],
    ["name", { name: "a;b" }],
    ["description", { description: "x".repeat(257) }],
    ["tags", { tags: [{ Key: " ", Value: "x" }] }],
    ["tags", { tags: [{ Key: "Env", Value: "x!" }] }],
    [
      "tags",
      {
        tags: [
          { Key: "Env", Value: "a" },
          { Key: "Env", Value: "b" },
        ],
      },
    ],
  ])("says what is wrong with %s: %j", (field, change) =>
    expect(Object.keys(activationProblems({ ...NEW_ACTIVATION, ...change }))).toEqual([field]),
  );

  it("takes a role under service-role", () =>
    expect(activationProblems({ ...NEW_ACTIVATION, role: "service-role/fettle-node" })).toEqual({}));
});

test.each([
  [undefined, undefined],
  [[], undefined],
  [
    [
      { Key: "Env", Value: "prod" },
      { Key: "Rack", Value: "" },
    ],
    "Env=prod, Rack=",
  ],
])("the tags %j as text", (tags, text) => expect(tagsText(tags)).toBe(text));
