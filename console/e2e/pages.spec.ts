// Every view: with a node and without any, when the server refuses and when it fails; readable to everybody.

import { expect, NODE, test } from "./person";
import { newUser, signIn } from "./users";
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
    ["/host-management", "There is no host management."],
    ["/groups", "There are no resource groups."],
    ["/commands", "No command has been sent yet."],
    ["/packages", "There are no packages."],
    ["/calendars", "There are no change calendars."],
    ["/associations", "There are no associations."],
    ["/windows", "There are no maintenance windows."],
    ["/automations", "No runbook has been started yet."],
    ["/parameters", "There are no parameters."],
  ];
  for (const [path, words] of empty) {
    await person.open(path);
    await expect(page.getByText(words).first()).toBeVisible();
  }
});

const LISTS = [
  "/nodes",
  "/inventory",
  "/inventory?tab=types",
  "/inventory?tab=nodes",
  "/activations",
  "/groups",
  "/feeds",
  "/baselines",
  "/patch-now",
  "/commands",
  "/documents",
  "/packages",
  "/calendars",
  "/associations",
  "/windows",
  "/rollouts",
  "/policies",
  "/host-management",
  "/users",
  "/automations",
  "/parameters",
];

test("every list says so when the server fails", async ({ person }) => {
  const { page } = person;
  await person.signIn();
  await page.route(
    (url) => url.pathname === "/" || url.pathname === "/listConfigurationManagers" || url.pathname === "/groups-list",
    (route) =>
      route.request().method() === "POST"
        ? route.fulfill({
            status: 500,
            contentType: "application/x-amz-json-1.1",
            body: JSON.stringify({ __type: "InternalServerError", message: "as the test has it" }),
          })
        : route.continue(),
  );
  for (const path of [...LISTS, "/baselines/create", `/nodes/${NODE()}`, "/parameters/x", "/parameters?Label=x"]) {
    await person.open(path);
    await expect(page.getByText(/ failed: InternalServerError$/).first()).toBeVisible({ timeout: 15_000 });
  }
  person.forgiveRefusals();
});

test("who may do nothing is told on every page which call it was", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await person.signIn();
  const who = await newUser(person, "nothing");
  await signIn(page, who);
  await expect(page.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
  const policy = encodeURIComponent("arn:aws:ssm-quicksetup:us-east-1:000000000000:configuration-manager/none");
  for (const path of [
    "/",
    ...LISTS,
    "/compliance",
    "/compliance?tab=resources",
    "/compliance?tab=patches",
    "/baselines/create",
    `/baselines/pb-0123456789abcdef0`,
    "/documents/AWS-RunPatchBaseline",
    "/packages/none",
    "/packages/none/edit",
    "/calendars/none",
    "/calendars/none/edit",
    "/commands/00000000-0000-0000-0000-000000000000",
    "/patch-now/00000000-0000-0000-0000-000000000000",
    "/rollouts/00000000-0000-0000-0000-000000000000",
    "/associations/00000000-0000-0000-0000-000000000000",
    "/automations/00000000-0000-0000-0000-000000000000",
    "/windows/mw-0123456789abcdef0",
    `/policies/${policy}`,
    `/host-management/${policy}`,
    "/activations/00000000-0000-0000-0000-000000000000",
    "/groups/none",
    "/groups/none/edit",
    `/host-management/${policy}/edit`,
    "/parameters/%2Fprod%2Fdb",
    "/parameters/%2Fprod%2Fdb/edit",
    "/parameters?Label=prod",
    `/users/${who.name}`,
    `/nodes/${NODE()}`,
    `/days/${new Date().toISOString().slice(0, 10)}`,
  ]) {
    await test.step(path, async () => {
      await person.open(path);
      await expect(page.getByText(/^You may not call [A-Z]/).first()).toBeVisible();
      await expect(page.getByText(/Your policy does not allow/).first()).toBeVisible();
    });
  }
  await person.isAccessible();
  person.forgiveRefusals();
});

test("who may look sees every list, and is refused where something changes", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  await person.signIn();
  const who = await newUser(person, "look");
  await signIn(page, who);
  await expect(page.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
  for (const path of ["/", ...LISTS, "/compliance", `/nodes/${NODE()}`]) {
    await person.open(path);
    await expect(page.getByText(/^You may not call|InternalServerError/), path).toHaveCount(0);
  }
  await person.open("/windows/create");
  await page.getByLabel("Name", { exact: true }).fill("not-mine");
  await page.getByRole("button", { name: "Create maintenance window" }).last().click();
  await expect(page.getByText("CreateMaintenanceWindow failed: AccessDeniedException")).toBeVisible();
  // The form is as it was, for whoever gets the permission meanwhile.
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("not-mine");
  person.forgiveRefusals();
});

test("the palette knows an update by its number", async ({ person }) => {
  const { page } = person;
  await person.signIn();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: /Page, node, parameter/ })).toBeFocused();
  await page.keyboard.type("kb5034441");
  await expect(page.getByRole("option", { name: /KB5034441 This update, as nodes are offered it/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/tab=patches&patch=KB5034441$/);
  await expect(page.getByLabel("Package or KB number")).toHaveValue("KB5034441");
  await expect(page.getByText(/^No node was seen to be offered this/)).toBeVisible();
});

test("nothing secret is kept in the browser or the address", async ({ person }) => {
  await person.signIn();
  const kept = await person.page.evaluate(() =>
    JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), window.location.href]),
  );
  expect(kept).not.toContain(process.env["FETTLE_TEST_SECRET"]);
  expect(kept).not.toContain(process.env["FETTLE_TEST_KEY"]);
});
