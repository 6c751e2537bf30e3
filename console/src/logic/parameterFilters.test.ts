import { describe, expect, it, test } from "vitest";

import {
  hasLabel,
  labelledRequest,
  parameterProperties,
  parameterQuery,
  parametersRequest,
  parameterTokens,
} from "./parameterFilters";

function request(query: string) {
  return parametersRequest(parameterTokens(new URLSearchParams(query)));
}

describe("the filter of parameters", () => {
  test.each([
    ["", undefined],
    ["other=1", undefined],
    ["Name=~db", [{ Key: "Name", Option: "Contains", Values: ["db"] }]],
    ["Name=^/prod", [{ Key: "Name", Option: "BeginsWith", Values: ["/prod"] }]],
    ["Name=/prod/x", [{ Key: "Name", Option: "Equals", Values: ["/prod/x"] }]],
    ["Path=^/prod", [{ Key: "Path", Option: "Recursive", Values: ["/prod"] }]],
    ["Path=/prod", [{ Key: "Path", Option: "OneLevel", Values: ["/prod"] }]],
    ["Type=String&Type=StringList", [{ Key: "Type", Option: "Equals", Values: ["String", "StringList"] }]],
    [
      "Tier=Advanced&DataType=^aws:&tag:Env=prod",
      [
        { Key: "Tier", Option: "Equals", Values: ["Advanced"] },
        { Key: "DataType", Option: "BeginsWith", Values: ["aws:"] },
        { Key: "tag:Env", Option: "Equals", Values: ["prod"] },
      ],
    ],
    // Asked in two ways, which the server refuses and names.
    [
      "Name=~db&Name=^/prod",
      [
        { Key: "Name", Option: "Contains", Values: ["db"] },
        { Key: "Name", Option: "BeginsWith", Values: ["/prod"] },
      ],
    ],
  ])("%s", (query, ParameterFilters) =>
    expect(request(query)).toEqual(ParameterFilters === undefined ? {} : { ParameterFilters }),
  );

  it("is in the address as it was typed, whatever values begin with", () => {
    const tokens = [
      { propertyKey: "Name", operator: ":", value: "db" },
      { propertyKey: "Path", operator: "^", value: "/prod" },
      { propertyKey: "tag:Env", operator: "=", value: "^~=" },
      { propertyKey: "tag:Env", operator: "^", value: "=x" },
    ];
    const query = parameterQuery(tokens, new URLSearchParams("tab=x&Name=gone"));
    expect(parameterTokens(query)).toEqual(tokens);
    expect(query.get("tab")).toBe("x");
  });

  it("looks for a text without a key in names", () =>
    expect(parameterQuery([{ operator: ":", value: "db" }], new URLSearchParams()).toString()).toBe("Name=%7Edb"));

  it("offers the tags that the address names", () =>
    expect(parameterProperties(new URLSearchParams("tag:Owner=me&tag:=x")).map(({ key }) => key)).toEqual(
      expect.arrayContaining(["Name", "Label", "tag:Env", "tag:Owner"]),
    ));
});

describe("a label", () => {
  const tokens = (query: string) => parameterTokens(new URLSearchParams(query));

  it("is looked for below a path", () => {
    expect(hasLabel(tokens("Name=x"))).toBe(false);
    expect(hasLabel(tokens("Label=prod"))).toBe(true);
    const label = { Key: "Label", Option: "Equals", Values: ["prod"] };
    expect(labelledRequest(tokens("Label=prod"))).toEqual({ Path: "/", Recursive: true, ParameterFilters: [label] });
    expect(labelledRequest(tokens("Label=prod&Path=/a&Type=String"))).toEqual({
      Path: "/a",
      Recursive: false,
      ParameterFilters: [label, { Key: "Type", Option: "Equals", Values: ["String"] }],
    });
  });

  it("leaves nothing out that is asked beside it", () =>
    expect(labelledRequest(tokens("Label=prod&Path=^/a&Path=/b&Name=~x")).ParameterFilters).toHaveLength(3));
});
