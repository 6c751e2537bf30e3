// Host management from the form to its deletion, with what it did on the node in between.

import { expect, NODE, test } from "./person";

test("host management: made, seen at work, changed, deleted", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await person.signIn();
  await person.open("/host-management");
  await page.getByRole("link", { name: "Create host management" }).click();

  await test.step("the form says what is wrong", async () => {
    const chores = [/^Update the agent/, /^Collect inventory/, /^Scan for patches/];
    for (const chore of chores) await page.getByRole("checkbox", { name: chore }).uncheck();
    await page.getByRole("radio", { name: /^Nodes/ }).check({ force: true });
    await page.getByRole("button", { name: "Create host management" }).click();
    await expect(page.getByText("choose at least one")).toBeVisible();
    await expect(page.getByText(/1 to 120 letters/)).toBeVisible();
    await expect(page.getByText("name at least one node")).toBeVisible();
    await person.isAccessible();
    await page.getByLabel("Name", { exact: true }).fill("all-hosts");
    await page.getByRole("checkbox", { name: /^Collect inventory/ }).check();
    await page.getByRole("checkbox", { name: /^Scan for patches/ }).check();
    await page.getByLabel("Node ids").fill(NODE());
  });

  await test.step("it is deployed, and runs", async () => {
    await page.getByRole("button", { name: "Create host management" }).click();
    await expect(page.getByRole("heading", { name: "all-hosts", level: 1 })).toBeVisible();
    await expect(page.getByRole("link", { name: "association and runs" })).toHaveCount(2, { timeout: 30_000 });
    await expect(page.getByText(/^every 30 minutes, by/)).toBeVisible();
    // The scan and the inventory, by themselves, on the real node.
    await expect(page.getByRole("row").getByText("Success", { exact: true })).toHaveCount(2, { timeout: 60_000 });
    await person.isAccessible();
    await page.getByRole("link", { name: "association and runs" }).first().click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("AWS-QuickSetup-SSMHostMgmt-CollectInventory");
    await person.open("/host-management");
    await expect(page.getByRole("row", { name: /all-hosts.*Succeeded.*Named nodes/ })).toBeVisible();
    await page.getByRole("link", { name: "all-hosts" }).click();
  });

  await test.step("it is changed", async () => {
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await expect(page.getByRole("checkbox", { name: /^Update the agent/ })).not.toBeChecked();
    await page.getByRole("checkbox", { name: /^Collect inventory/ }).uncheck();
    await page.getByLabel("Description").fill("scans alone");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("all-hosts is saved.")).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("scans alone")).toBeVisible();
    await expect(page.getByRole("link", { name: "association and runs" })).toHaveCount(1, { timeout: 30_000 });
  });

  await test.step("and deleted", async () => {
    const address = page.url();
    await expect(page.getByRole("button", { name: "Delete" })).toBeEnabled({ timeout: 30_000 });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("all-hosts is being deleted.")).toBeVisible();
    await expect(page.getByText(/There is no host management/)).toBeVisible({ timeout: 30_000 });
    await person.open(new URL(address).hash.slice(1));
    await expect(page.getByText(/^GetConfigurationManager failed: ResourceNotFoundException/)).toBeVisible();
  });
  person.forgiveRefusals();
});
