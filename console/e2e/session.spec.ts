// A session in the browser: signing in by password, a reload, what others change meanwhile, and its end.

import { randomBytes } from "node:crypto";

import { CreateMaintenanceWindowCommand } from "@aws-sdk/client-ssm";
import { expect, NODE, test } from "./person";
import { ssmClient } from "./server";
import { newUser, signIn, signOut } from "./users";

test("a session by password, to its end", async ({ person, browser }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await person.signIn();
  const who = await newUser(person);
  await person.isAccessible();
  const now = page.getByRole("heading", { name: "Now", level: 1 });

  await test.step("a wrong password is refused", async () => {
    await signIn(page, { ...who, password: "something else entirely" });
    await expect(page.getByText(/That was not accepted/)).toBeVisible();
  });

  await test.step("the right one opens, and a reload asks for nothing", async () => {
    const listening = page.waitForResponse(/\/_fettle\/events$/);
    await signIn(page, who);
    await expect(now).toBeVisible();
    await page.reload();
    await expect(now).toBeVisible();
    expect((await listening).status()).toBe(200);
  });

  await test.step("the node list, filtered by the server", async () => {
    const node = page.getByRole("link", { name: "web-1" });
    await person.open("/nodes?PlatformType=Linux&PingStatus=Online");
    await expect(node).toBeVisible();
    await person.open("/nodes?ScanAge=>30d");
    await expect(page.getByText("No node matches this filter.")).toBeVisible();
    await page.getByRole("button", { name: "Clear the filter" }).click();
    const filter = page.getByRole("combobox", { name: "Filter nodes" });
    await filter.fill("EB-");
    await filter.press("Enter");
    await expect(page).toHaveURL(/AnyName=EB-/);
    await expect(node).toBeVisible();
    await page.getByRole("button", { name: "Views" }).click();
    await page.getByRole("menuitem", { name: "Save this view" }).click();
    await page.getByRole("textbox", { name: "Name of the view" }).fill("the web");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await person.open("/nodes");
    await page.getByRole("button", { name: "Views" }).click();
    await page.getByRole("menuitem", { name: "the web" }).click();
    await expect(page).toHaveURL(/AnyName=EB-/);
    await person.open(`/nodes?NodeId=!${NODE()}`);
    await expect(page.getByText("No node matches this filter.")).toBeVisible();
  });

  await test.step("what others make appears by itself", async () => {
    await person.open("/windows");
    const name = `made-by-others-${who.name}`;
    await expect(page.getByRole("heading", { name: "Maintenance windows" })).toBeVisible();
    await ssmClient().send(
      new CreateMaintenanceWindowCommand({
        Name: name,
        Schedule: "rate(7 days)",
        Duration: 2,
        Cutoff: 0,
        AllowUnassociatedTargets: false,
      }),
    );
    await expect(page.getByRole("link", { name }).first()).toBeVisible();
  });

  await test.step("another region is looked at, and remembered by the browser", async () => {
    const link = page.getByRole("link", { name: "web-1" });
    await page.getByRole("button", { name: "Region us-east-1" }).click();
    const field = page.getByRole("dialog").getByRole("textbox", { name: "Region" });
    await field.fill("EU");
    await expect(page.getByText(/^2 to 32 lower-case letters/)).toBeVisible();
    await person.isAccessible();
    await field.fill("eu-west-3");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("button", { name: "Region eu-west-3" })).toBeVisible();
    await expect(page.getByText("No nodes yet")).toBeVisible();
    await page.reload();
    await expect(page.getByRole("button", { name: "Region eu-west-3" })).toBeVisible();
    await signOut(page, who, "Sign out");
    await signIn(page, who);
    await page.getByRole("button", { name: "Region eu-west-3" }).click();
    await field.fill("us-east-1");
    await page.getByRole("button", { name: "Go to this region" }).click();
    await person.open("/nodes");
    await expect(link).toBeVisible();
  });

  await test.step("a password of one's own", async () => {
    await page.getByRole("button", { name: who.name }).click();
    await page.getByRole("menuitem", { name: "Change password" }).click();
    const next = randomBytes(12).toString("hex");
    await page.getByRole("textbox", { name: "Password now" }).fill(who.password);
    await page.getByRole("textbox", { name: "New password", exact: true }).fill(next);
    await page.getByRole("textbox", { name: "New password again" }).fill(next);
    await page.getByRole("button", { name: "Change password" }).last().click();
    await expect(page.getByText(/The password is changed/)).toBeVisible();
    who.password = next;
  });

  await test.step("signing out ends this session", async () => {
    await signOut(page, who, "Sign out");
    await page.reload();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await expect(now).toHaveCount(0);
  });

  await test.step("signing out everywhere ends all of them", async () => {
    const elsewhere = await (await browser.newContext()).newPage();
    await signIn(elsewhere, who);
    await expect(elsewhere.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
    await signIn(page, who);
    await expect(now).toBeVisible();
    await signOut(page, who, "Sign out everywhere");
    await elsewhere.getByRole("link", { name: "Documents" }).click();
    await expect(elsewhere.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await elsewhere.context().close();
  });

  await test.step("who is disabled does not come in again", async () => {
    await person.signIn();
    await person.open(`/users/${who.name}`);
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
    await expect(page.getByText("Disabled", { exact: true })).toBeVisible();
    await signIn(page, who);
    await expect(page.getByText(/That was not accepted/)).toBeVisible();
  });

  person.forgiveRefusals();
});
