// Users as the tests make them, and how they sign in and out.

import { randomBytes } from "node:crypto";

import type { Page } from "@playwright/test";

import { expect, given } from "./person";
import type { Person } from "./person";

export interface Who {
  readonly name: string;
  password: string;
}

/** Made by root in the console; of this test alone, so that a second try begins anew. The form begins with looking. */
export async function newUser(person: Person, may: "everything" | "look" | "nothing" = "everything"): Promise<Who> {
  const who = { name: `ada-${randomBytes(4).toString("hex")}`, password: randomBytes(12).toString("hex") };
  const { page } = person;
  await person.open("/create/user");
  await page.getByRole("textbox", { name: "User name" }).fill(who.name);
  await page.getByRole("textbox", { name: "New password", exact: true }).fill(who.password);
  await page.getByRole("textbox", { name: "New password again" }).fill(who.password);
  if (may === "nothing") {
    await page.getByRole("button", { name: "Remove policy read" }).click();
    await expect(page.getByText("No policy: this user may do nothing.")).toBeVisible();
  }
  if (may === "everything") {
    await page.getByRole("button", { name: "Add a policy" }).click();
    await page.getByRole("menuitem", { name: /^Everything/ }).click();
  }
  await page.getByRole("button", { name: "Create user" }).click();
  await expect(page.getByRole("heading", { name: who.name, level: 1 })).toBeVisible();
  await expect(page.getByText("Active", { exact: true })).toBeVisible();
  return who;
}

export async function signIn(page: Page, who: Who, origin = given("FETTLE_TEST_ORIGIN")): Promise<void> {
  await page.goto(`${origin}/console/`);
  await page.getByLabel("User name").fill(who.name);
  await page.getByRole("textbox", { name: "Password" }).fill(who.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

export async function signOut(page: Page, who: Who, how: "Sign out" | "Sign out everywhere"): Promise<void> {
  await page.getByRole("button", { name: who.name }).click();
  await page.getByRole("menuitem", { name: how, exact: true }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
}
