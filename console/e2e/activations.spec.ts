// Adding nodes: an activation made in the console lets a machine in by the lines that the page shows, and is deleted.

import { expect, test } from "./person";
import { register } from "./server";

// Of its own, and behind theirs by name: other tests count the nodes of theirs, and whoever signs in comes to the first.
const REGION = "us-west-2";

/** A machine registers as the lines say. */
function registerBy(lines: string): void {
  const [, code = ""] = /FETTLE_ACTIVATION_CODE=(\S+)/.exec(lines) ?? [];
  const [, id = ""] = /--activation-id (\S+)/.exec(lines) ?? [];
  register(REGION, { id, code: code.replaceAll("'", "") });
}

test("nodes are added: an activation made, used up, found and deleted", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  await person.signIn(REGION);
  await person.open("/activations");
  await expect(page.getByText(/^There are no activations/)).toBeVisible();
  await person.isAccessible();
  await person.open("/nodes");
  await page.getByRole("link", { name: "Add nodes" }).click();

  await test.step("the form says what is wrong", async () => {
    await page.getByLabel("Number of machines").fill("0");
    await page.getByLabel("Role").fill("");
    await page.getByRole("button", { name: "Add a tag" }).click();
    await page.getByRole("button", { name: "Create activation" }).click();
    await expect(page.getByText("1 to 1000").first()).toBeVisible();
    await expect(page.getByText(/^a role's name/)).toBeVisible();
    await expect(page.getByText("each tag needs a key")).toBeVisible();
    await person.isAccessible();
    await page.getByLabel("Number of machines").fill("1");
    await page.getByLabel("Role").fill("fettle-node");
    await page.getByLabel("Default name").fill("front-door");
    await page.getByRole("textbox", { name: "Key" }).fill("Env");
    await page.getByRole("textbox", { name: "Value" }).fill("prod");
    await page.getByRole("button", { name: /^Lets machines in for/ }).click();
    await page.getByRole("option", { name: "7 days" }).click();
  });

  await test.step("a machine joins by the lines that are shown, and is counted", async () => {
    await page.getByRole("button", { name: "Create activation" }).click();
    await expect(page.getByRole("heading", { name: "Add nodes", level: 1 })).toBeVisible();
    await expect(page.getByText("0 of 1", { exact: true })).toBeVisible();
    await expect(page.getByText(/in 7 days|in 6 days/)).toBeVisible();
    await person.isAccessible();
    const lines = page.locator("pre.output:visible");
    const linux = await lines.innerText();
    await page.getByRole("tab", { name: "Windows" }).click();
    await expect(lines).toContainText("fettle-agent.exe enroll");
    registerBy(linux);
    await expect(page.getByText("1 of 1", { exact: true })).toBeVisible();
    await expect(page.getByText("Used up", { exact: true })).toBeVisible();
    await page.getByRole("link", { name: "To the nodes" }).click();
    await page.getByRole("link", { name: "front-door" }).click();
    await page.getByRole("tab", { name: "Tags" }).click();
    await expect(page.getByRole("textbox", { name: "Value" })).toHaveValue("prod");
  });

  await test.step("the list finds it, and its code is nowhere any more", async () => {
    await person.open("/activations?DefaultInstanceName=nobody");
    await expect(page.getByText("No activation matches this filter.")).toBeVisible();
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await expect(page.getByRole("row", { name: /Used up 1 of 1 front-door fettle-node/ })).toBeVisible();
    await person.open("/activations?DefaultInstanceName=front-door");
    await expect(page.getByRole("row", { name: /front-door/ })).toHaveCount(1);
    await person.isAccessible();
  });

  await test.step("its page has what it was good for, and its nodes", async () => {
    await page
      .getByRole("row", { name: /front-door/ })
      .getByRole("link")
      .click();
    await expect(page.getByRole("heading", { name: "front-door", level: 1 })).toBeVisible();
    await expect(page.getByText("1 of 1", { exact: true })).toBeVisible();
    await expect(page.getByText("Env=prod", { exact: true })).toBeVisible();
    await person.isAccessible();
    await page
      .getByRole("row", { name: /front-door/ })
      .getByRole("link")
      .click();
    await expect(page.getByRole("heading", { name: "front-door", level: 1 })).toBeVisible();
    await page.getByRole("link", { name: /^[0-9a-f]{8}-/ }).click();
    await expect(page.getByText("Env=prod", { exact: true })).toBeVisible();
    await person.open("/activations/00000000-0000-0000-0000-000000000000");
    await expect(page.getByText(/^Activation 0{8}-\S+ is not here$/)).toBeVisible();
    await person.open("/activations?DefaultInstanceName=front-door");
  });

  await test.step("it is deleted once that is confirmed, and its node stays", async () => {
    await page
      .getByRole("row", { name: /front-door/ })
      .getByRole("button", { name: "Delete" })
      .click();
    await page.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    await expect(page.getByRole("row", { name: /front-door/ })).toHaveCount(1);
    await page
      .getByRole("row", { name: /front-door/ })
      .getByRole("button", { name: "Delete" })
      .click();
    await person.isAccessible();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(/^The activation \S+ is deleted\.$/)).toBeVisible();
    await expect(page.getByText("No activation matches this filter.")).toBeVisible();
    await person.open("/nodes");
    await expect(page.getByRole("link", { name: "front-door" })).toBeVisible();
  });
});
