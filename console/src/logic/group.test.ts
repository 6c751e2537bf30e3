import { describe, expect, it, test } from "vitest";

import { membersChanges } from "../api/groups";
import {
  filtersText,
  formOf,
  groupProblems,
  kindText,
  NEW_GROUP,
  nodeArn,
  nodeFilters,
  nodeIdOf,
  queryOfForm,
  readQuery,
  toChange,
  toNewGroup,
} from "./group";

const FORM = {
  ...NEW_GROUP,
  name: "web-prod",
  types: "AWS::SSM::ManagedInstance",
  filters: [
    { key: " Env ", values: "prod, test ,prod" },
    { key: "Rack", values: "" },
    { key: "", values: "" },
  ],
};
const QUERY = {
  types: ["AWS::SSM::ManagedInstance"],
  filters: [
    { key: "Env", values: ["prod", "test"] },
    { key: "Rack", values: [] },
  ],
};

describe("the form of a group", () => {
  it("says what it selects", () => expect(queryOfForm(FORM)).toEqual(QUERY));

  it("makes a group with what was typed alone", () => {
    const made = toNewGroup({ ...FORM, owner: "ada", criticality: "3" });
    expect(made).toMatchObject({ Name: "web-prod", Owner: "ada", Criticality: 3 });
    expect(Object.keys(made).sort()).toEqual(["Criticality", "Name", "Owner", "ResourceQuery"]);
    expect(made.ResourceQuery?.Type).toBe("TAG_FILTERS_1_0");
    expect(made.ResourceQuery && readQuery(made.ResourceQuery)).toEqual(QUERY);
  });

  it("makes a group without a query, whose members are to be listed", () => {
    const form = { ...FORM, isListed: true, filters: [{ key: "", values: "left over" }] };
    expect(groupProblems(form)).toEqual({});
    expect(toNewGroup(form)).toEqual({ Name: "web-prod", Configuration: [{ Type: "AWS::ResourceGroups::Generic" }] });
  });

  it("comes back from a group as it was", () => {
    const group = { Name: "web-prod", GroupArn: "arn", Criticality: 3, Owner: "ada" };
    const form = formOf(group, QUERY);
    expect(form).toMatchObject({ owner: "ada", criticality: "3", description: "" });
    expect(queryOfForm(form)).toEqual(QUERY);
  });

  it("changes the query where it is another, and takes texts away", () => {
    const form = formOf({ Name: "web-prod", GroupArn: "arn" }, QUERY);
    expect(toChange(form, QUERY)).toEqual({ Group: "web-prod", Description: "", DisplayName: "", Owner: "" });
    const changed = toChange({ ...form, types: "AWS::AllSupported" }, QUERY);
    expect(changed.ResourceQuery?.Query).toContain("AWS::AllSupported");
    // One that lists its members keeps to that.
    expect(toChange(formOf({ Name: "n", GroupArn: "arn" }, undefined), undefined)).not.toHaveProperty("ResourceQuery");
  });

  test.each([
    ["name", { name: "" }],
    ["name", { name: "a b" }],
    ["name", { name: "AwsThings" }],
    ["description", { description: "what?" }],
    ["owner", { owner: "a;b" }],
    ["displayName", { displayName: "x".repeat(301) }],
    ["filters", { filters: [{ key: "", values: "prod" }] }],
    ["filters", { filters: [{ key: "k".repeat(129), values: "" }] }],
    ["filters", { filters: [{ key: "Env", values: Array.from({ length: 21 }, (_, at) => at).join(",") }] }],
  ])("says what is wrong with %s: %j", (field, change) => {
    expect(groupProblems(FORM)).toEqual({});
    expect(Object.keys(groupProblems({ ...FORM, ...change }))).toEqual([field]);
  });
});

describe("a query", () => {
  it("is read as words", () => {
    expect(kindText(QUERY)).toBe("Managed instances");
    expect(kindText({ types: ["AWS::EC2::Volume", "AWS::EC2::Instance"], filters: [] })).toBe(
      "AWS::EC2::Volume, AWS::EC2::Instance",
    );
    expect(filtersText(QUERY)).toBe("Env is prod or test, and has the tag Rack");
    expect(filtersText({ types: [], filters: [] })).toBe("");
  });

  const tags = [
    { Key: "tag:Env", Values: ["prod", "test"] },
    { Key: "TagKey", Values: ["Rack"] },
  ];
  test.each([
    [["AWS::SSM::ManagedInstance"], [{ Key: "NodeId", Operator: "BeginWith", Values: ["mi-"] }, ...tags]],
    [["AWS::EC2::Instance"], [{ Key: "NodeId", Operator: "BeginWith", Values: ["i-"] }, ...tags]],
    [["AWS::EC2::Instance", "AWS::SSM::ManagedInstance"], tags],
    [["AWS::AllSupported"], tags],
    [["AWS::EC2::Volume"], undefined],
  ])("of %j finds the same nodes in the fleet", (types, filters) =>
    expect(nodeFilters({ ...QUERY, types })).toEqual(filters),
  );
});

test.each([
  ["arn:aws:ssm:us-east-1:000000000000:managed-instance/mi-0123456789abcdef0", "mi-0123456789abcdef0"],
  ["arn:aws:ec2:us-east-1:000000000000:instance/i-01234567", "i-01234567"],
])("%s is a node", (ResourceArn, id) => {
  expect(nodeIdOf({ ResourceArn, ResourceType: "" })).toBe(id);
  const GroupArn = "arn:aws:resource-groups:us-east-1:000000000000:group/web";
  expect(nodeArn(id, { Name: "web", GroupArn })).toBe(ResourceArn);
});

test("members are changed ten at a time", () => {
  const arns = Array.from({ length: 21 }, (_, at) => `arn-${at}`);
  const changes = membersChanges({ Group: "web", ResourceArns: arns });
  expect(changes.map(({ ResourceArns }) => ResourceArns.length)).toEqual([10, 10, 1]);
  expect(changes.flatMap(({ ResourceArns }) => ResourceArns)).toEqual(arns);
  expect(membersChanges({ Group: "web", ResourceArns: [] })).toEqual([]);
});
