// Every view: with a node and without any, when the server refuses and when it fails; readable to everybody.

import { expect, NODE, test } from "./person";
import { VIEWS } from "./views";

const TABS = ["overview", "why", "patches", "compliance", "inventory", "associations", "commands", "timeline", "tags"];

test("every view opens, and no serious fault is in it", async ({ person }) => {
  test.setTimeout(300_000);
  await person.signIn();
  await person.settled();
  await person.isAccessible();
  for (const [name, path, shows] of VIEWS) {
    await test.step(name, async () => {
      await person.open(path);
      await expect(person.page.getByText(shows, { exact: true }).first()).toBeVisible();
      await person.isAccessible();
    });
  }
  for (const tab of TABS) {
    await test.step(`node, ${tab}`, async () => {
      await person.open(`/nodes/${NODE()}?tab=${tab}`);
      await expect(person.page.getByRole("heading", { name: "web-1", level: 1 })).toBeVisible();
      await person.isAccessible();
    });
  }
});

test("a fleet without nodes says what to do first", async ({ person }) => {
  const { page } = person;
  await person.signIn("eu-west-1");
  await page.getByRole("button", { name: "Create an activation for 100 nodes" }).click();
  await expect(page.getByText(/fettle-agent enroll --endpoint/).first()).toBeVisible();
  const empty: [string, string][] = [
    ["/nodes", "No nodes yet"],
    ["/patch-now", "Nothing has been patched on demand yet."],
    ["/rollouts", "There are no rollouts."],
    ["/policies", "There are no patch policies."],
    ["/commands", "No command has been sent yet."],
    ["/associations", "There are no associations."],
    ["/windows", "There are no maintenance windows."],
    ["/automations", "No runbook has been started yet."],
  ];
  for (const [path, words] of empty) {
    await person.open(path);
    await expect(page.getByText(words).first()).toBeVisible();
  }
});

for (const [code, status, words] of [
  ["AccessDeniedException", 400, /^You may not call /],
  ["InternalServerError", 500, / failed: InternalServerError$/],
] as const) {
  test(`every list says so when it is answered with ${code}`, async ({ person }) => {
    const { page } = person;
    await person.signIn();
    await page.route(
      (url) => url.pathname === "/" || url.pathname === "/listConfigurationManagers",
      (route) =>
        route.request().method() === "POST"
          ? route.fulfill({
              status,
              contentType: "application/x-amz-json-1.1",
              body: JSON.stringify({ __type: code, message: "as the test has it" }),
            })
          : route.continue(),
    );
    for (const path of [
      "/nodes",
      "/baselines",
      "/patch-now",
      "/commands",
      "/documents",
      "/associations",
      "/windows",
      "/rollouts",
      "/policies",
      "/baselines/create",
      "/users",
      "/automations",
      `/nodes/${NODE()}`,
    ]) {
      await person.open(path);
      await expect(page.getByText(words).first()).toBeVisible({ timeout: 15_000 });
    }
    // The browser itself notes each refused request; nothing else may be noted.
    const others = person.complaints.filter((complaint) => !complaint.includes("Failed to load resource"));
    person.complaints.splice(0, person.complaints.length, ...others);
  });
}

test("nothing secret is kept in the browser or the address", async ({ person }) => {
  await person.signIn();
  const kept = await person.page.evaluate(() =>
    JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), window.location.href]),
  );
  expect(kept).not.toContain(process.env["FETTLE_TEST_SECRET"]);
  expect(kept).not.toContain(process.env["FETTLE_TEST_KEY"]);
});
