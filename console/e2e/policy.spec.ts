// A patch policy from the form to its deletion, with rings that are typed and not pasted.

import { expect, NODE, test } from "./person";

test("a patch policy with rings: made, seen, changed, deleted", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await person.signIn();
  await person.open("/policies");
  await page.getByRole("link", { name: "Create patch policy" }).click();

  await test.step("the form says what is wrong", async () => {
    await page.getByRole("button", { name: "Create patch policy" }).click();
    await expect(page.getByText("choose at least one patch baseline")).toBeVisible();
    await page.getByLabel("Name", { exact: true }).fill("nightly");
    await page.getByRole("radio", { name: /^Scan and install/ }).check({ force: true });
    await page.getByLabel("Installs", { exact: true }).fill("every night");
    await expect(page.getByText(/cron\(0 2 \? \* SUN \*\) or at/)).toBeVisible();
    await page.getByLabel("Installs", { exact: true }).fill("cron(0 2 ? * SUN *)");
    await page.getByRole("button", { name: "Patch baselines" }).click();
    await page.getByRole("option", { name: /AWS-DebianDefaultPatchBaseline/ }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("radio", { name: /^Nodes/ }).check({ force: true });
    await page.getByLabel("Node ids").fill(NODE());
  });

  await test.step("rings", async () => {
    await page.getByRole("button", { name: "Add rings" }).click();
    await page.getByRole("button", { name: "Add ring", exact: true }).click();
    const canary = page.getByLabel("Name", { exact: true }).nth(1);
    await canary.fill("canary ring");
    await expect(page.getByText(/1 to 64 letters/)).toBeVisible();
    await canary.fill("canary");
    await page.getByLabel("Share of all nodes (%)").fill("500");
    await expect(page.getByText(/a share from 1 to 100/)).toBeVisible();
    await page.getByLabel("Share of all nodes (%)").fill("5");
    await page.getByLabel("Nodes that may fail").first().fill("0");
    await page
      .getByLabel(/^Every node that succeeded/)
      .first()
      .check();
    await page.getByLabel("Somebody must approve it").first().check();
    // The same plan as JSON, either way.
    await page.getByRole("button", { name: "The plan as JSON" }).click();
    const plan = page.getByRole("textbox", { name: "Plan" });
    await expect(plan).toHaveValue(/"Percent": 5/);
    const text = await plan.inputValue();
    await plan.fill("{");
    await expect(page.getByText(/JSON at position|Expected property name/)).toBeVisible();
    await plan.fill(text.replace('"Percent": 5', '"Percent": 10'));
    await expect(page.getByLabel("Share of all nodes (%)")).toHaveValue("10");
    await person.isAccessible();
  });

  await test.step("it is deployed, with its rings", async () => {
    await page.getByRole("button", { name: "Create patch policy" }).click();
    await expect(page.getByRole("heading", { name: "nightly", level: 1 })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("10% of all")).toBeVisible();
    await expect(page.getByText(/an approval/)).toBeVisible();
    await expect(page.getByRole("link", { name: "association and runs" })).toHaveCount(2, { timeout: 30_000 });
    await person.isAccessible();
    await person.open("/policies");
    await expect(page.getByRole("link", { name: "nightly" })).toBeVisible();
    await page.getByRole("link", { name: "nightly" }).click();
  });

  await test.step("it is changed", async () => {
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.getByLabel("Scans", { exact: true }).fill("rate(12 hours)");
    await page.getByRole("button", { name: "No rings" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("nightly is saved.")).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("rate(12 hours), and when it is changed")).toBeVisible();
    await expect(page.getByText(/None: an installation goes to all of its nodes/)).toBeVisible();
  });

  await test.step("and deleted", async () => {
    await expect(page.getByRole("button", { name: "Delete" })).toBeEnabled({ timeout: 30_000 });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("nightly is being deleted.")).toBeVisible();
    await expect(page.getByText(/There are no patch policies/)).toBeVisible({ timeout: 30_000 });
  });
});
