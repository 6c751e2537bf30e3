// A rollout as somebody watches it: the page follows what happens, without a reload and without asking again and again.

import {
  AddTagsToResourceCommand,
  CreatePatchBaselineCommand,
  RegisterPatchBaselineForPatchGroupCommand,
} from "@aws-sdk/client-ssm";

import { expect, NODE, test } from "./person";
import { ssmClient } from "./server";
import { patchNow } from "./steps";
import { newUser, signIn } from "./users";

/** One of the made-up packages cannot be installed: the node gets a baseline that does not ask for it. */
test.beforeAll(async () => {
  const client = ssmClient();
  const PatchGroup = `rollouts-${Date.now()}`;
  const { BaselineId } = await client.send(
    new CreatePatchBaselineCommand({
      Name: "one-package",
      OperatingSystem: "DEBIAN",
      ApprovedPatches: ["tb-conf"],
    }),
  );
  await client.send(new RegisterPatchBaselineForPatchGroupCommand({ BaselineId, PatchGroup }));
  await client.send(
    new AddTagsToResourceCommand({
      ResourceType: "ManagedInstance",
      ResourceId: NODE(),
      Tags: [{ Key: "PatchGroup", Value: PatchGroup }],
    }),
  );
});

test("a rollout is watched, paused, resumed and stopped", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await person.signIn();
  const who = await newUser(person);
  // A session with an event stream, for which no page asks by itself.
  await signIn(page, who);
  await expect(page.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
  await page.evaluate(() => document.body.setAttribute("data-opened", "once"));

  const canary = { Name: "canary", Percent: 100, RequireApproval: true };
  await patchNow(person, "Scan and install", true, { Rings: [canary, { Name: "rest" }] });
  await page.getByRole("link", { name: /^ring canary/ }).click();
  await expect(page.getByRole("heading", { name: "Ring 1: canary (now)" })).toBeVisible();

  await test.step("it reaches the word that it needs by itself", async () => {
    await expect(page.getByText("Awaiting approval", { exact: true })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("1 of 1 nodes").first()).toBeVisible();
    await expect(page.getByRole("button", { name: "Approve" })).toBeVisible();
  });

  await test.step("paused, resumed", async () => {
    await page.getByRole("button", { name: "Pause" }).click();
    await expect(page.getByText("The rollout is paused: nodes that have begun finish what they do.")).toBeVisible();
    await expect(page.getByText("This rollout waits for somebody")).toBeVisible();
    await expect(page.getByText("Paused", { exact: true })).toBeVisible();
    await person.isAccessible();
    await page.getByRole("button", { name: "Resume" }).click();
    await expect(page.getByText("This rollout waits for somebody")).toHaveCount(0);
  });

  await test.step("stopped, which cannot be taken back", async () => {
    await page.getByRole("button", { name: "Stop" }).click();
    await expect(page.getByRole("dialog")).toContainText("A rollout that was stopped cannot go on.");
    await page.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await expect(page.getByText("Stopped", { exact: true }).first()).toBeVisible();
    for (const name of ["Approve", "Pause", "Resume", "Stop"])
      await expect(page.getByRole("button", { name, exact: true })).toHaveCount(0);
  });

  await test.step("the list has it, and the page was never loaded anew", async () => {
    await person.open("/rollouts");
    await expect(page.getByRole("row", { name: /canary → rest.*Stopped/ }).first()).toBeVisible();
    expect(await page.evaluate(() => document.body.getAttribute("data-opened"))).toBe("once");
  });
});

test("what somebody else does to a rollout appears by itself", async ({ person, browser }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await person.signIn();
  const who = await newUser(person);
  const canary = { Name: "first", Percent: 100, RequireApproval: true };
  await patchNow(person, "Scan and install", true, { Rings: [canary, { Name: "last" }] });
  await page.getByRole("link", { name: /^ring first/ }).click();
  await expect(page.getByRole("button", { name: "Approve" })).toBeVisible({ timeout: 60_000 });
  const watching = await (await browser.newContext()).newPage();
  await signIn(watching, who);
  await expect(watching.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
  await watching.evaluate((hash) => (window.location.hash = hash), new URL(page.url()).hash);
  await expect(watching.getByText("Awaiting approval", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(watching.getByText("Awaiting approval", { exact: true })).toHaveCount(0);
  await expect(watching.getByText("Succeeded", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await watching.context().close();
});
