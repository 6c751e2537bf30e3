import { expect, test } from "vitest";

import { findRoute, ROUTES, trailOf } from "./routes";

test.each([
  ["/users/create", "User", { name: "create" }],
  ["/create/user", "Create user", {}],
  ["/documents/create", "Document", { name: "create" }],
  ["/create/document", "Create document", {}],
  ["/calendars/create", "Change calendar", { name: "create" }],
  ["/create/calendar", "Create change calendar", {}],
  ["/packages/create", "Package", { name: "create" }],
  ["/create/package", "Create package", {}],
  ["/groups/create", "Resource group", { name: "create" }],
  ["/create/group", "Create resource group", {}],
  ["/activations/create", "Create activation", {}],
  ["/activations/0b5c", "Activation", { id: "0b5c" }],
  ["/policies/arn%3Aaws%3Aa%2Fb", "Patch policy", { arn: "arn:aws:a/b" }],
  ["/policies/create", "Create patch policy", {}],
  ["/host-management/create", "Create host management", {}],
  ["/host-management/arn%3Aaws%3Aa%2Fb/edit", "Edit host management", { arn: "arn:aws:a/b" }],
  ["/parameters/%2Fprod%2Fdb", "Parameter", { name: "/prod/db" }],
  ["/parameters/create", "Parameter", { name: "create" }],
  ["/create/parameter", "Create parameter", {}],
])("%s is %s", (path, title, params) => {
  expect(findRoute(path)).toMatchObject({ route: { title }, params });
});

test("every page belongs to one that is there", () => {
  for (const route of ROUTES.filter(({ pattern }) => pattern !== "/account"))
    expect(findRoute(route.section)?.route.pattern, route.pattern).toBe(route.section);
});

test.each([
  ["/", []],
  ["/nodes", ["Nodes"]],
  ["/create/user", ["Users", "Create user"]],
  ["/windows/mw-1/tasks/create", ["Maintenance windows", "mw-1", "Add a task"]],
  ["/windows/mw-1/executions/e-1", ["Maintenance windows", "mw-1", "e-1"]],
  ["/commands/c-1/mi-1", ["Run Command", "c-1", "mi-1"]],
  ["/policies/arn%3Aaws%3Aa%2Fb/edit", ["Patch policies", "b", "Edit patch policy"]],
  ["/parameters/%2Fprod%2Fdb/edit", ["Parameter Store", "/prod/db", "New version"]],
  ["/no/such/page", []],
])("the way to %s", (path, texts) => expect(trailOf(path, new Map()).map(({ text }) => text)).toEqual(texts));

test.each([
  ["/windows/mw-1", ["Maintenance windows", "sundays"]],
  ["/windows/mw-1/targets/t-1", ["Maintenance windows", "sundays", "t-1"]],
  ["/windows/mw-1/edit", ["Maintenance windows", "sundays", "Edit maintenance window"]],
  ["/windows/mw-2", ["Maintenance windows", "mw-2"]],
  ["/policies/arn%3Aaws%3Aa%2Fb", ["Patch policies", "nightly"]],
  // Only what goes by an id has another name.
  ["/windows", ["Maintenance windows"]],
])("the way to %s says the names that are known", (path, texts) => {
  const names = new Map([
    ["/windows", "not shown"],
    ["/windows/mw-1", "sundays"],
    ["/windows/mw-1/edit", "not shown"],
    ["/policies/arn%3Aaws%3Aa%2Fb", "nightly"],
  ]);
  expect(trailOf(path, names).map(({ text }) => text)).toEqual(texts);
});
