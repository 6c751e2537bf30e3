// A day of the trend: chosen on Now, it opens the nodes that were counted.

import { expect, test } from "./person";
import { scan } from "./steps";

test("a day of the trend opens its nodes", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  await person.signIn();
  await scan(person);
  await person.open("/");
  const chart = page.getByRole("application", { name: "Nodes by compliance and day" });
  const today = new Date().toISOString().slice(0, 10);

  await test.step("by keyboard", async () => {
    await chart.focus();
    // The first day is before the last, which is today.
    await expect(async () => {
      await page.keyboard.press("ArrowLeft");
      await expect(page.getByText(today)).toBeVisible({ timeout: 1000 });
    }).toPass();
    await page.keyboard.press("Enter");
    const all = page.getByRole("link", { name: "All nodes of this day" });
    await expect(all).toBeVisible();
    await person.isAccessible();
    await all.focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: today, level: 1 })).toBeVisible();
    await expect(page.getByRole("row", { name: /web-1/ })).toBeVisible();
    await person.isAccessible();
  });

  await test.step("a day that cannot be told says why", async () => {
    await person.open("/days/2001-01-01");
    await expect(page.getByText(/2001-01-01 is before .*, the first day that is kept/).first()).toBeVisible();
    await person.open(`/days/${today}?status=STALE`);
    await expect(page.getByText(/^No node of this page was stale on this day/)).toBeVisible();
  });
  person.forgiveRefusals();
});
