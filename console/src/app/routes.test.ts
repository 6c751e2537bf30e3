import { expect, test } from "vitest";

import { findRoute, ROUTES } from "./routes";

test.each([
  ["/users/create", "User", { name: "create" }],
  ["/create/user", "Create user", {}],
  ["/documents/create", "Document", { name: "create" }],
  ["/create/document", "Create document", {}],
  ["/policies/arn%3Aaws%3Aa%2Fb", "Patch policy", { arn: "arn:aws:a/b" }],
  ["/policies/create", "Create patch policy", {}],
  ["/host-management/create", "Create host management", {}],
  ["/host-management/arn%3Aaws%3Aa%2Fb/edit", "Edit host management", { arn: "arn:aws:a/b" }],
])("%s is %s", (path, title, params) => {
  expect(findRoute(path)).toMatchObject({ route: { title }, params });
});

test("every page belongs to one that is there", () => {
  for (const route of ROUTES.filter(({ pattern }) => pattern !== "/account"))
    expect(findRoute(route.section)?.route.pattern, route.pattern).toBe(route.section);
});
