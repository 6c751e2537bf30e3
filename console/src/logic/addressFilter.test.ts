import { describe, expect, it } from "vitest";

import { filterQuery, filterTokens, filterValues } from "./addressFilter";

const KEYS = [
  { key: "ActivationIds", label: "Activation id" },
  { key: "DefaultInstanceName", label: "Default name" },
  { key: "IamRole", label: "Role" },
] as const;

describe("the filter of a list in the address", () => {
  const query = new URLSearchParams("IamRole=fettle-node&IamRole=other&else=1&DefaultInstanceName=web");

  it("is asked of the server", () => {
    expect(filterValues(KEYS, query)).toEqual([
      { key: "DefaultInstanceName", values: ["web"] },
      { key: "IamRole", values: ["fettle-node", "other"] },
    ]);
    expect(filterValues(KEYS, new URLSearchParams())).toEqual([]);
  });

  it("goes there and back", () => {
    const tokens = filterTokens(KEYS, query);
    expect(tokens.map(({ propertyKey }) => propertyKey)).toEqual(["IamRole", "IamRole", "DefaultInstanceName"]);
    expect(filterTokens(KEYS, filterQuery(KEYS, tokens))).toEqual(tokens);
    expect(filterQuery(KEYS, [{ value: " 1b2c " }]).toString()).toBe("ActivationIds=1b2c");
  });
});
