// Resource groups among the targets of whatever takes any: chosen, counted, sent, and read again.

import { randomBytes } from "node:crypto";

import { AddTagsToResourceCommand } from "@aws-sdk/client-ssm";

import { expect, NODE, test } from "./person";
import type { Person } from "./person";
import { ssmClient } from "./server";

/** One of this test alone, whose only member is the node. */
async function newGroup({ page, ...person }: Pick<Person, "page" | "open">): Promise<string> {
  const name = `aisle-${randomBytes(4).toString("hex")}`;
  await ssmClient().send(
    new AddTagsToResourceCommand({
      ResourceType: "ManagedInstance",
      ResourceId: NODE(),
      Tags: [{ Key: "Aisle", Value: name }],
    }),
  );
  await person.open("/create/group");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("textbox", { name: "Key" }).fill("Aisle");
  await page.getByRole("textbox", { name: "Values" }).fill(name);
  await page.getByRole("button", { name: "Create resource group" }).click();
  await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
  return name;
}

async function chooseGroup({ page }: Pick<Person, "page">, name: string): Promise<void> {
  await page.getByRole("radio", { name: /^Resource group/ }).check({ force: true });
  await page.getByRole("combobox", { name: "Name of the resource group" }).click();
  await page.getByRole("option", { name, exact: true }).click();
  await expect(page.getByText("1 node matches at this moment")).toBeVisible();
}

test("a resource group is the target of a command, a window, an association and a scan", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await person.signIn();
  const name = await newGroup({ page, open: (path) => person.open(path) });

  await test.step("a command", async () => {
    await person.open("/commands/send");
    await page.getByLabel("commands", { exact: true }).fill("echo hello to the aisle");
    await page.getByRole("radio", { name: /^Resource group/ }).check({ force: true });
    await page.getByRole("button", { name: "Send command" }).last().click();
    await expect(page.getByText("name a resource group")).toBeVisible();
    await page.getByRole("combobox", { name: "Name of the resource group" }).fill("no-such-group");
    await expect(page.getByText("There is no resource group no-such-group")).toBeVisible();
    await person.isAccessible();
    await page.getByRole("combobox", { name: "Name of the resource group" }).fill("");
    await chooseGroup(person, name);
    await page.getByRole("button", { name: "Copy as aws command" }).click();
    await expect(page.getByText(`"resource-groups:Name","Values":["${name}"]`)).toBeVisible();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Send command" }).last().click();
    await expect(page.getByRole("link", { name: `The resource group ${name}` })).toBeVisible();
    await page.getByRole("link", { name: "Output" }).first().click();
    await expect(page.getByRole("region", { name: "Output" }).first()).toContainText("hello to the aisle");
  });

  await test.step("a scan", async () => {
    await person.open("/patch-now/start");
    const next = page.getByRole("button", { name: "Next", exact: true });
    await next.click();
    await chooseGroup(person, name);
    await next.click();
    await next.click();
    await expect(page.getByRole("link", { name: `The resource group ${name}` })).toBeVisible();
    await page.getByRole("button", { name: "Scan now" }).click();
    await expect(page.getByText("1 of 1 nodes").first()).toBeVisible({ timeout: 60_000 });
  });

  await test.step("a window", async () => {
    await person.open("/windows/create");
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("button", { name: "Create maintenance window" }).last().click();
    await page.getByRole("tab", { name: "Targets" }).click();
    await page.getByRole("link", { name: "Add targets" }).click();
    await chooseGroup(person, name);
    await page.getByRole("button", { name: "Add targets" }).last().click();
    await expect(page.getByText("The target is registered.")).toBeVisible();
    await page.getByRole("row").nth(1).getByRole("link").first().click();
    await expect(page.getByRole("combobox", { name: "Name of the resource group" })).toHaveValue(name);
    // What is registered as a group stays one.
    await expect(page.getByRole("radio", { name: /^Tag/ })).toHaveCount(0);
  });

  await test.step("an association, under the key that State Manager has for groups", async () => {
    await person.open("/associations/create");
    await page.getByLabel("Name of the association").fill(name);
    await chooseGroup(person, name);
    await page.getByRole("button", { name: "Copy as aws command" }).click();
    await expect(page.getByText(`"ResourceGroup","Values":["${name}"]`)).toBeVisible();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Create association" }).last().click();
    await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
    await expect(page.getByRole("link", { name: `The resource group ${name}` }).first()).toBeVisible();
    await expect(page.getByText("Success", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await expect(page.getByRole("combobox", { name: "Name of the resource group" })).toHaveValue(name);
    await person.isAccessible();
  });
  // A group that is not there was asked for.
  person.forgiveRefusals();
});
