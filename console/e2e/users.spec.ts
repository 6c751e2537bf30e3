// Users whom somebody else looks after: a link that signs in once, and the end of a user.

import { expect, test } from "./person";
import { newUser, signIn } from "./users";

test("a sign-in link, and the end of its user", async ({ person, browser }) => {
  const { page } = person;
  await person.signIn();
  const who = await newUser(person);
  await page.getByRole("button", { name: "Make a sign-in link" }).click();
  const link = await page.getByRole("textbox", { name: "Sign-in link" }).inputValue();
  await expect(page.getByText("This link signs in once, within ten minutes")).toBeVisible();
  await person.isAccessible();

  const context = await browser.newContext();
  const guest = await context.newPage();
  const now = guest.getByRole("heading", { name: "Now", level: 1 });
  await test.step("the link opens the console, and is gone from the address", async () => {
    await guest.goto(link);
    await expect(now).toBeVisible();
    await expect(guest.getByRole("button", { name: who.name })).toBeVisible();
    expect(guest.url()).not.toContain("code");
  });

  await test.step("and does so once", async () => {
    const late = await (await browser.newContext()).newPage();
    await late.goto(link);
    await expect(late.getByText(/That was not accepted: it is wrong, was used before, or is too old/)).toBeVisible();
    await late.context().close();
  });

  await test.step("who is deleted is signed out, and does not come in again", async () => {
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(`${who.name} is deleted.`)).toBeVisible();
    await expect(page.getByRole("heading", { name: "Users", level: 2 })).toBeVisible();
    await expect(page.getByRole("link", { name: who.name })).toHaveCount(0);
    await guest.getByRole("link", { name: "Documents" }).click();
    await expect(guest.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await signIn(guest, who);
    await expect(guest.getByText(/That was not accepted/)).toBeVisible();
  });
  await context.close();
});
