import { describe, expect, it, test } from "vitest";

import { NEW_ASSOCIATION, toAssociation } from "./association";
import { fromTargets, limitProblem, NO_TARGETS, targetsProblem, targetsText, toTargets } from "./targets";

describe("targets", () => {
  const node = "mi-0123456789abcdef0";
  it("are named, tagged, grouped or all", () => {
    expect(toTargets({ ...NO_TARGETS, nodes: `${node}, i-01234567` })).toEqual([
      { Key: "InstanceIds", Values: [node, "i-01234567"] },
    ]);
    expect(toTargets({ ...NO_TARGETS, by: "tag", key: "Env", values: "prod, test" })).toEqual([
      { Key: "tag:Env", Values: ["prod", "test"] },
    ]);
    expect(toTargets({ ...NO_TARGETS, by: "group", group: "web" })).toEqual([
      { Key: "tag:PatchGroup", Values: ["web"] },
    ]);
    expect(toTargets({ ...NO_TARGETS, by: "all" })).toEqual([{ Key: "InstanceIds", Values: ["*"] }]);
  });

  test.each([
    { ...NO_TARGETS, nodes: node },
    { ...NO_TARGETS, by: "tag" as const, key: "Env", values: "prod, test" },
    { ...NO_TARGETS, by: "resource-group" as const, resourceGroup: "web" },
    { ...NO_TARGETS, by: "all" as const },
  ])("come back as the form had them: by $by", (form) => expect(fromTargets(toTargets(form))).toEqual(form));

  it("of a kind that the form does not know stay as they are", () => {
    const types = [{ Key: "resource-groups:ResourceTypeFilters", Values: ["AWS::EC2::Instance"] }];
    expect(fromTargets([{ Key: "resource-groups:Name", Values: ["web"] }, ...types])).toBeUndefined();
    expect(fromTargets([])).toBeUndefined();
    expect(fromTargets([...toTargets({ ...NO_TARGETS, by: "all" }), ...types])).toBeUndefined();
    expect(fromTargets([{ Key: "tag:Env", Values: ["a,b"] }])).toBeUndefined();
    expect(targetsText([{ Key: "tag-key", Values: ["Env"] }])).toBe("tag-key = Env");
    expect(targetsText([{ Key: "InstanceIds", Values: ["*"] }])).toBe("All nodes");
  });

  it("are the members of a resource group, under the key of whoever is asked", () => {
    const form = { ...NO_TARGETS, by: "resource-group" as const, resourceGroup: " web " };
    expect(toTargets(form)).toEqual([{ Key: "resource-groups:Name", Values: ["web"] }]);
    const association = toAssociation({ ...NEW_ASSOCIATION, targets: form }, "doc", {});
    expect(association.Targets).toEqual([{ Key: "ResourceGroup", Values: ["web"] }]);
    for (const targets of [toTargets(form), association.Targets ?? []]) {
      expect(fromTargets(targets)).toEqual({ ...form, resourceGroup: "web" });
      expect(targetsText(targets)).toBe("The resource group web");
    }
    expect(targetsProblem({ ...form, resourceGroup: " " })).toBe("name a resource group");
  });

  it("says what is wrong", () => {
    expect(targetsProblem({ ...NO_TARGETS, nodes: "web-1" })).toContain("web-1");
    expect(targetsProblem({ ...NO_TARGETS, nodes: Array(51).fill(node).join(" ") })).toContain("50");
    expect(targetsProblem({ ...NO_TARGETS, by: "tag", key: "Env" })).toBeDefined();
    expect(targetsProblem({ ...NO_TARGETS, nodes: node })).toBeUndefined();
  });

  test.each([
    ["", false, true],
    ["10", false, true],
    ["10%", false, true],
    ["0", false, false],
    ["0", true, true],
    ["101%", true, false],
    ["many", true, false],
  ])("limit %j (none allowed: %s)", (text, none, good) => expect(limitProblem(text, none) === undefined).toBe(good));
});
