import { describe, expect, it, test } from "vitest";

import {
  fromPolicies,
  newRule,
  NO_POLICIES,
  policiesFrom,
  policiesProblems,
  policiesText,
  policyWords,
  toPolicies,
} from "./parameterPolicies";
import type { PolicyRule } from "./parameterPolicies";

const NOW = new Date("2026-03-01T00:00:00Z");
const EXPIRATION = '{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2030-01-31T12:00:00.500Z"}}';
const BEFORE = '{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"15","Unit":"Days"}}';
const UNCHANGED = '{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Hours"}}';

describe("policies of parameters", () => {
  it("come back as they were written", () => {
    const form = fromPolicies([EXPIRATION, BEFORE, UNCHANGED].map((PolicyText) => ({ PolicyText })));
    expect(form.rules).toMatchObject([
      { type: "Expiration", date: "2030-01-31", time: "12:00:00" },
      { type: "ExpirationNotification", count: "15", unit: "Days" },
      { type: "NoChangeNotification", count: "1", unit: "Hours" },
    ]);
    expect(policiesProblems(form, NOW)).toEqual({});
    expect(JSON.parse(toPolicies(form))).toEqual(
      [EXPIRATION, BEFORE, UNCHANGED].map((text) => JSON.parse(text) as object),
    );
  });

  it("are written as the server reads them", () => {
    const rules: PolicyRule[] = [
      { ...newRule("Expiration"), date: "2030-01-31", time: "" },
      { ...newRule("ExpirationNotification"), count: " 3 ", unit: "Hours" },
    ];
    expect(JSON.parse(toPolicies({ rules }))).toEqual([
      { Type: "Expiration", Version: "1.0", Attributes: { Timestamp: "2030-01-31T00:00:00.000Z" } },
      { Type: "ExpirationNotification", Version: "1.0", Attributes: { Before: "3", Unit: "Hours" } },
    ]);
    expect(toPolicies(NO_POLICIES)).toBe("[{}]");
    expect(fromPolicies([])).toEqual(NO_POLICIES);
  });

  it("stay beside the form while they are no policies", () => {
    const form = policiesFrom(`[${BEFORE}]`, NO_POLICIES);
    for (const text of ["[", "{}", "[1]", '[{"Type":"Other","Attributes":{}}]', '[{"Type":"Expiration"}]']) {
      const draft = policiesFrom(text, form);
      expect(draft).toEqual({ ...form, draft: text });
      expect(policiesText(draft)).toBe(text);
      expect(Object.keys(policiesProblems(draft, NOW))).toEqual(["draft"]);
    }
    expect(policiesFrom("[]", { ...form, draft: "[" })).toEqual(NO_POLICIES);
  });

  const expiration = { ...newRule("Expiration"), date: "2030-01-31" };
  const notification = newRule("ExpirationNotification");
  test.each<[string, readonly PolicyRule[], string | undefined]>([
    ["one of each", [expiration, notification, newRule("NoChangeNotification")], undefined],
    ["no day", [newRule("Expiration")], "0"],
    ["no time", [{ ...expiration, time: "25:00:00" }], "0"],
    ["a day that is over", [{ ...expiration, date: "2026-02-01" }], "0"],
    ["no number", [expiration, { ...notification, count: "x" }], "1"],
    ["none at all", [{ ...newRule("NoChangeNotification"), count: "0" }], "0"],
    ["more than a hundred years", [{ ...newRule("NoChangeNotification"), count: "36501" }], "0"],
    ["two expirations", [expiration, expiration], "list"],
    ["a notification of no expiration", [notification], "list"],
    ["eleven", Array.from({ length: 11 }, () => newRule("NoChangeNotification")), "list"],
  ])("%s", (_, rules, place) =>
    expect(Object.keys(policiesProblems({ rules }, NOW))).toEqual(place === undefined ? [] : [place]),
  );

  test.each([
    [EXPIRATION, /^Deleted on 31 Jan 2030|^Deleted on Jan 31, 2030/],
    [BEFORE, /^Tells 15 days before it expires$/],
    [UNCHANGED, /^Tells when it was not changed for 1 hour$/],
    ['{"Type":"Other"}', /^\{"Type":"Other"\}$/],
    ["no json", /^no json$/],
    [undefined, /^–$/],
  ])("%s in words", (text, words) => expect(policyWords(text)).toMatch(words));
});
