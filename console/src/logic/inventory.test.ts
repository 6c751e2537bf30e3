import { describe, expect, it, test } from "vitest";

import { countedBy, countsOfTypes, matchingIn, rowsOf } from "../api/inventory";
import { anyOf, filtersOf, filtersProblem, queryOf, tokensOf, typeOf } from "./inventoryFilters";

const NAME = "AWS:Application.Name";
const VERSION = "AWS:Application.Version";

describe("filters of inventory", () => {
  test.each([
    [NAME, "=", "bash", "bash"],
    [NAME, "=", "", ""],
    [NAME, "!=", "", "!"],
    [NAME, "^", "lib", "^lib"],
    [VERSION, ">", "9", ">9"],
    [VERSION, "<", "9", "<9"],
    // What looks like an operator is none.
    [NAME, "=", "^odd", "=^odd"],
    [NAME, "=", "=odd", "==odd"],
    ["Custom:Rack.Row", "!=", "=x", "!=x"],
  ])("%s %s %j is %j in the address, and comes back", (propertyKey, operator, value, text) => {
    const token = { propertyKey, operator, value };
    const query = queryOf([token], new URLSearchParams(`tab=nodes&${NAME}=old`));
    expect([...query]).toEqual([
      ["tab", "nodes"],
      [propertyKey, text],
    ]);
    expect(tokensOf(query)).toEqual([token]);
  });

  it("asks for any of several values, and for all attributes", () => {
    const tokens = tokensOf(new URLSearchParams(`${NAME}=a&${NAME}=b&${VERSION}=^1&tab=nodes`));
    expect(filtersOf(tokens)).toEqual([
      { Key: NAME, Type: "Equal", Values: ["a", "b"] },
      { Key: VERSION, Type: "BeginWith", Values: ["1"] },
    ]);
    expect(typeOf(tokens)).toBe("AWS:Application");
    expect([typeOf([]), filtersProblem(tokens)]).toEqual([undefined, undefined]);
    const many = ["A", "B", "C", "D", "E", "F"].map((name) => ({
      propertyKey: `Custom:Rack.${name}`,
      operator: "=",
      value: "1",
    }));
    expect(filtersProblem(many)).toBe("at most 5 attributes at once");
  });

  it("finds what has anything of a type", () => {
    const attributes = (...names: string[]) => names.map((Name) => ({ Name, DataType: "string" as const }));
    expect(anyOf({ TypeName: "AWS:Application", Attributes: attributes("ApplicationType", "Name") })).toEqual([
      { propertyKey: NAME, operator: "!=", value: "" },
    ]);
    expect(anyOf({ TypeName: "Custom:Rack", Attributes: attributes("Row") })[0]?.propertyKey).toBe("Custom:Rack.Row");
    expect(anyOf({ TypeName: "Custom:Rack", Attributes: [] })).toEqual([]);
  });
});

describe("counts of inventory", () => {
  it("counts by one attribute within another", () =>
    expect(countedBy("AWS:Application", ["Name", "Version"])).toEqual({
      Expression: NAME,
      Aggregators: [{ Expression: VERSION }],
    }));

  it("asks for as many types as groups hold", () => {
    const schemas = Array.from({ length: 17 }, (_, index) => ({ TypeName: `Custom:T${index}`, Attributes: [] }));
    const groups = countsOfTypes(schemas).Aggregators?.map(({ Groups }) => Groups?.length);
    expect(groups).toEqual([15, 2]);
  });

  it("reads rows and groups", () => {
    const item = (rows: Record<string, string>[]) => ({ TypeName: "x", SchemaVersion: "1.0", Content: rows });
    const output = {
      $metadata: {},
      Entities: [
        {
          Data: {
            "AWS:Application": item([{ Name: "bash", Count: "2" }]),
            "Custom:Rack": item([{ notMatchingCount: "3" }, { matchingCount: "1" }]),
          },
        },
      ],
    };
    expect(rowsOf(output, "AWS:Application")).toEqual([{ Name: "bash", Count: "2" }]);
    expect([matchingIn(output, "Custom:Rack"), matchingIn(output, "Custom:None")]).toEqual([1, undefined]);
    expect([rowsOf({ $metadata: {} }, "x"), matchingIn(undefined, "x")]).toEqual([[], undefined]);
  });
});
