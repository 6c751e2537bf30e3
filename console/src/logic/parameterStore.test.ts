import { describe, expect, it, test } from "vitest";

import { NEW_PARAMETER, fromParameter, parameterProblems, shownPut, toPut } from "./parameterForm";
import type { ParameterForm } from "./parameterForm";
import {
  arnPrefix,
  labelProblem,
  parameterNameProblem,
  patternCheck,
  patternProblem,
  referenceTo,
  valueProblem,
} from "./parameterStore";
import { changesOf, labelledVersion, versionDifferences } from "./parameterVersions";

const PREFIX = arnPrefix("eu-central-1", "123456789012");

describe("names of parameters", () => {
  test.each([
    ["x", undefined],
    ["/x", undefined],
    ["/a/B_1/c.d-e", undefined],
    ["/a/aws", undefined],
    ["", "name the parameter"],
    ["a/b", "begins with a slash"],
    ["/a//b", "is empty"],
    ["/a/", "is empty"],
    ["/", "is empty"],
    ["a b", "letters, digits"],
    ["ä", "letters, digits"],
    ["a:b", "letters, digits"],
    ["/aws/service/x", "aws or ssm"],
    ["SSMx", "aws or ssm"],
    ["/l".repeat(15), undefined],
    ["/l".repeat(16), "this has 16"],
    ["n".repeat(1011 - PREFIX.length), undefined],
    ["n".repeat(1012 - PREFIX.length), "1012 characters"],
  ])("row %#", (name, problem) => {
    const found = parameterNameProblem(name, PREFIX);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });

  it("measures names of an account that it does not know as those of any other", () =>
    expect(arnPrefix("eu-central-1", "")).toHaveLength(PREFIX.length));
});

test.each([
  ["prod", true],
  [".x_-", true],
  ["x".repeat(100), true],
  ["x".repeat(101), false],
  ["", false],
  ["1prod", false],
  ["aws-prod", false],
  ["SSM", false],
  ["a b", false],
])("the label %s", (label, isOne) => expect(labelProblem(label) === undefined).toBe(isOne));

describe("allowed patterns", () => {
  test.each([
    ["", "anything", "fits"],
    ["^\\d+$", "12", "fits"],
    ["^\\d+$", "1x", "differs"],
    ["^a\\-b$", "a-b", "fits"],
    // What the server reads otherwise is left to it.
    ["^[[:alpha:]]+$", "abc", "unknown"],
    ["(?i)^abc$", "ABC", "unknown"],
    ["^\\w+$", "ä", "unknown"],
    ["^ä$", "ä", "fits"],
    ["(", "x", "unknown"],
    ["\\\\p", "\\p", "fits"],
  ])("%s of %s", (pattern, value, expected) => expect(patternCheck(pattern, value)).toBe(expected));

  test.each([
    ["^a$", true],
    ["^(?:a|b)$", true],
    ["(?=a)", false],
    ["(?<!a)b", false],
    ["(a)\\1", false],
    ["\\\\1", true],
    ["x".repeat(1025), false],
  ])("%s can be one", (pattern, isOne) => expect(patternProblem(pattern) === undefined).toBe(isOne));
});

describe("values", () => {
  const text = { type: "String", tier: "Standard", dataType: "text", pattern: "" };
  const list = { ...text, type: "StringList", dataType: "integer" };
  test.each<[string, typeof text, string | undefined]>([
    ["x", text, undefined],
    ["", text, "not empty"],
    ["x".repeat(4096), text, undefined],
    ["ä".repeat(2049), text, "4,098 bytes; the standard tier allows at most 4,096"],
    ["x".repeat(8192), { ...text, tier: "Intelligent-Tiering" }, undefined],
    ["x".repeat(8193), { ...text, tier: "Advanced" }, "at most 8,192"],
    ["a {{ssm:b}}", text, "{{…}}"],
    ["}} a {{", text, undefined],
    ["1x", { ...text, pattern: "^\\d+$" }, "allowed pattern"],
    ["1,-2,3", list, undefined],
    ["1,x", list, "every element is a whole number"],
    ["1,2", { ...list, type: "String" }, "expected a whole number"],
    ["ami-0123abcd", { ...text, dataType: "aws:ec2:image" }, undefined],
    ["ami-1", { ...text, dataType: "aws:ec2:image" }, "hexadecimal"],
    ["eu--1", { ...text, dataType: "aws:region" }, "a region's name"],
    ["True", { ...text, dataType: "boolean" }, "true or false"],
    [".5", { ...text, dataType: "float" }, undefined],
    ["inf", { ...text, dataType: "float" }, "a number"],
    ["{", { ...text, dataType: "json" }, "JSON"],
    // The server says.
    ["no address", { ...text, dataType: "email" }, undefined],
  ])("row %#", (value, declared, problem) => {
    const found = valueProblem(value, declared);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });
});

test("references name a secret as one, and a version where it is meant", () => {
  expect(referenceTo("/a", "String")).toBe("{{ssm:/a}}");
  expect(referenceTo("/a", "SecureString", 3)).toBe("{{ssm-secure:/a:3}}");
});

describe("a parameter as a form", () => {
  const now = new Date("2026-03-01T00:00:00Z");
  const form: ParameterForm = { ...NEW_PARAMETER, name: "/a", value: "v" };
  const rule = { type: "NoChangeNotification" as const, date: "", time: "", count: "2", unit: "Days" as const };

  it("says of a new one everything that was chosen", () => {
    expect(parameterProblems(form, undefined, PREFIX, now)).toEqual({});
    expect(
      toPut(
        {
          ...form,
          description: "d",
          tags: [
            { Key: "Env", Value: "" },
            { Key: "", Value: "x" },
          ],
        },
        undefined,
      ),
    ).toEqual({
      Name: "/a",
      Value: "v",
      Type: "String",
      Tier: "Standard",
      DataType: "text",
      Description: "d",
      Tags: [{ Key: "Env", Value: "" }],
    });
  });

  it("sends of one that is there what changed, and what clears it", () => {
    const before = fromParameter(
      {
        Name: "/a",
        Type: "String",
        Tier: "Advanced",
        DataType: "text",
        Description: "d",
        AllowedPattern: "^v",
        Policies: [
          { PolicyText: '{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2020-01-01T00:00:00Z"}}' },
        ],
      },
      "v",
    );
    // One that is past stays unless it is changed.
    expect(parameterProblems(before, before, PREFIX, now)).toEqual({});
    expect(toPut({ ...before, value: "v2" }, before)).toEqual({ Name: "/a", Value: "v2", Overwrite: true });
    const cleared = { ...before, description: "", pattern: "", policies: { rules: [] } };
    expect(toPut(cleared, before)).toMatchObject({ Description: "", AllowedPattern: "", Policies: "[{}]" });
  });

  it("puts the value of a secret into no line that is copied", () => {
    const secret = { ...form, type: "SecureString" as const, value: "correct horse" };
    expect(toPut(secret, undefined).Value).toBe("correct horse");
    for (const before of [undefined, { ...secret, value: "" }])
      expect(JSON.stringify(shownPut(secret, before))).not.toContain("horse");
    expect(shownPut(form, undefined)).toEqual(toPut(form, undefined));
  });

  test.each<[string, Partial<ParameterForm>]>([
    ["name", { name: "a b" }],
    ["description", { description: "x".repeat(1025) }],
    ["pattern", { pattern: "(?=v)" }],
    ["value", { value: "" }],
    ["policies", { policies: { rules: [rule] } }],
    ["policies.0", { tier: "Advanced", policies: { rules: [{ ...rule, count: "0" }] } }],
    ["policies.draft", { tier: "Advanced", policies: { rules: [], draft: "[" } }],
    [
      "tags",
      {
        tags: [
          { Key: "a", Value: "" },
          { Key: "a", Value: "b" },
        ],
      },
    ],
  ])("says that %s is wrong", (place, change) =>
    expect(Object.keys(parameterProblems({ ...form, ...change }, undefined, PREFIX, now))).toEqual([place]),
  );
});

describe("versions", () => {
  const first = { Version: 1, Type: "String" as const, Value: "a", Tier: "Standard" as const, Labels: ["prod"] };
  const second = { ...first, Version: 2, Value: "b", Description: "new", Labels: [] };
  const third = { ...second, Version: 3 };
  const all = [third, second, first];

  it("say what they changed", () => {
    expect(all.map((version) => changesOf(version, all))).toEqual(["Nothing", "Value, Description", "Created"]);
    expect(changesOf(second, [third, second])).toBe("The oldest that is kept");
    expect(versionDifferences(first, second)).toEqual([
      { field: "Value", before: "a", after: "b" },
      { field: "Description", before: "", after: "new" },
    ]);
    expect(labelledVersion("prod", all)).toBe(1);
    expect(labelledVersion("dev", all)).toBeUndefined();
  });

  it("never compare what is encrypted", () => {
    const secret = { ...first, Type: "SecureString" as const, Value: "AAAA" };
    const newer = { ...secret, Version: 2, Value: "BBBB" };
    expect(versionDifferences(secret, newer)).toEqual([]);
    expect(changesOf(newer, [newer, secret])).toBe("Value written");
  });
});
