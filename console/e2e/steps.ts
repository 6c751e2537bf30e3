// What more than one test does.

import { expect, NODE } from "./person";
import type { Person } from "./person";

/** Goes through the wizard for the one node; with `start` it begins. */
export async function patchNow(
  person: Person,
  operation: "Scan" | "Scan and install",
  start: boolean,
  rings?: object,
): Promise<void> {
  const { page } = person;
  await person.open(`/patch-now/start?nodes=${NODE()}`);
  await page.getByRole("radio", { name: operation, exact: true }).check({ force: true });
  if (operation === "Scan and install")
    await page.getByRole("radio", { name: "Do not restart" }).check({ force: true });
  const next = page.getByRole("button", { name: "Next", exact: true });
  await next.click();
  await expect(page.getByText("1 node matches at this moment")).toBeVisible();
  await next.click();
  if (rings !== undefined) {
    await page.getByRole("button", { name: "Add rings" }).click();
    await page.getByRole("button", { name: "The plan as JSON" }).click();
    await page.getByRole("textbox", { name: "Plan" }).fill(JSON.stringify(rings));
  }
  await next.click();
  if (start) await page.getByRole("button", { name: operation === "Scan" ? "Scan now" : "Install now" }).click();
}

export async function scan(person: Person): Promise<void> {
  await patchNow(person, "Scan", true);
  await ended(person);
}

/** The run that is shown has come to its end on its node. */
export async function ended(person: Person): Promise<void> {
  await expect(person.page.getByText("1 of 1 nodes").first()).toBeVisible({ timeout: 60_000 });
  await expect(person.page.getByText("Success", { exact: true }).first()).toBeVisible({ timeout: 30_000 });
}
