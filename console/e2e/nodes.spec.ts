// Nodes that leave: one from its page, several from the list; what the server refuses is named and tried again.

import { expect, NODE, test } from "./person";
import { registerNamed } from "./server";

// Of its own, and behind theirs by name: other tests count the nodes of theirs.
const REGION = "us-west-1";
const DEREGISTER = "DeregisterManagedInstance";

test("nodes are deregistered, and a node's role is changed", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  // Of this try alone.
  const names = ["desk", "shelf", "stool", "table"].map((name) => `${name}-${Date.now().toString(36)}`);
  const [desk = "", shelf = "", stool = "", table = ""] = names;
  await registerNamed(REGION, names);
  await person.signIn(REGION);
  await person.open("/nodes");
  const dialog = page.getByRole("dialog");

  await test.step("its role is another from now on", async () => {
    await page.getByRole("link", { name: desk }).click();
    await expect(page.getByText("fettle-node", { exact: true })).toBeVisible();
    await page.getByRole("button", { name: "Change the role" }).click();
    await page.getByRole("textbox", { name: "Role" }).fill("no role");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText(/^a role's name/)).toBeVisible();
    await person.isAccessible();
    await page.getByRole("textbox", { name: "Role" }).fill("service-role/kitchen");
    await page.keyboard.press("Enter");
    await expect(page.getByText("The role is service-role/kitchen from the node's next credentials on.")).toBeVisible();
    await expect(page.getByText("service-role/kitchen", { exact: true })).toBeVisible();
  });

  await test.step("one goes from its page, once that is confirmed", async () => {
    await page.getByRole("button", { name: "Deregister" }).click();
    await expect(dialog.getByText(/^Its agent is refused from then on/)).toBeVisible();
    await person.isAccessible();
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await expect(page.getByRole("heading", { name: desk, level: 1 })).toBeVisible();
    await page.getByRole("button", { name: "Deregister" }).click();
    await dialog.getByRole("button", { name: "Deregister" }).click();
    await expect(page.getByText(`${desk} is deregistered.`)).toBeVisible();
    await expect(page.getByRole("heading", { name: "Nodes", level: 2 })).toBeVisible();
    await expect(page.getByRole("link", { name: desk })).toHaveCount(0);
  });

  await test.step("several go from the list; those that are refused are named, and tried again", async () => {
    let refusals = 2;
    await page.route(
      (url) => url.pathname === "/",
      (route) => {
        const isOne = route.request().headers()["x-amz-target"]?.endsWith(DEREGISTER) === true;
        if (!isOne || refusals === 0) return route.continue();
        refusals -= 1;
        return route.fulfill({
          status: 400,
          contentType: "application/x-amz-json-1.1",
          body: JSON.stringify({ __type: "AccessDeniedException", message: "as the test has it" }),
        });
      },
    );
    for (const name of [shelf, stool, table])
      await page
        .getByRole("row", { name: new RegExp(name) })
        .getByRole("checkbox")
        .check({ force: true });
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: "Deregister" }).click();
    await expect(dialog.getByText(/^Their agent is refused from then on/)).toBeVisible();
    await expect(dialog.getByText(new RegExp(`^${stool} \\(mi-`))).toBeVisible();
    await dialog.getByRole("button", { name: "Deregister", exact: true }).click();
    await expect(dialog.getByText("2 nodes could not be deregistered")).toBeVisible();
    await expect(dialog.getByText(/Your policy does not allow DeregisterManagedInstance/)).toHaveCount(2);
    await expect(page.getByText(/^(shelf|stool|table)-\S+ is deregistered\.$/)).toBeVisible();
    await person.isAccessible();
    await dialog.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByText("2 nodes are deregistered.")).toBeVisible();
    await expect(dialog).toHaveCount(0);
    for (const name of names) await expect(page.getByRole("link", { name })).toHaveCount(0);
    // Nothing is chosen any more.
    await expect(page.getByRole("button", { name: "Actions" })).toBeDisabled();
  });
  person.forgiveRefusals();
});

test("a remedy opens the page that does it", async ({ person }) => {
  const { page } = person;
  await person.signIn();
  const cause = (id: string, action: string, items: object[]) => ({
    Id: id,
    Severity: "ERROR",
    Headline: `cause ${id}`,
    Items: items,
    Evidence: [],
    Remedy: { Text: `as ${id} has it`, Action: action },
  });
  await page.route(
    (url) => url.pathname === "/",
    (route) =>
      route.request().headers()["x-amz-target"]?.endsWith("ExplainNodeCompliance") === true
        ? route.fulfill({
            contentType: "application/x-amz-json-1.1",
            body: JSON.stringify({
              InstanceId: NODE(),
              Status: "NON_COMPLIANT",
              Causes: [
                cause("P1", "RESTART", []),
                cause("N7", "RUN_ON_NODE", [{ Name: "held", Remedy: "apt-mark unhold held" }]),
                cause("X1", "OF_THE_FUTURE", []),
              ],
              LastRuns: [],
            }),
          })
        : route.continue(),
  );
  const why = `/nodes/${NODE()}?tab=why`;
  await person.open(why);
  await page.getByRole("link", { name: "Restart the node" }).click();
  await expect(page.getByRole("heading", { name: "Send command", level: 1 })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Document Fettle-RestartNode/ })).toBeVisible();
  await expect(page.getByText("This document takes no parameters.")).toBeVisible();
  await expect(page.getByRole("textbox", { name: /^Node ids/ })).toHaveValue(NODE());
  await person.open(why);
  await page.getByRole("link", { name: "Run the commands on the node" }).click();
  await expect(page.getByRole("textbox", { name: /^commands/ })).toHaveValue("apt-mark unhold held");
  await person.open(why);
  await expect(page.getByText("as X1 has it")).toBeVisible();
});
