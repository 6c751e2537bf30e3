// A resource group from the form to its deletion; its members are those that have the tag meanwhile, or those that are listed.

import { AddTagsToResourceCommand } from "@aws-sdk/client-ssm";

import { expect, NODE, test } from "./person";
import { ssmClient } from "./server";

test("a resource group: made, followed, changed, tagged, deleted", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  await person.signIn();
  await person.open("/groups");
  await page.getByRole("link", { name: "Create resource group" }).click();

  await test.step("the form says what is wrong, and counts", async () => {
    await expect(page.getByText("1 node matches at this moment")).toBeVisible();
    await page.getByRole("textbox", { name: "Values" }).fill("cellar, attic");
    await page.getByRole("button", { name: "Create resource group" }).click();
    await expect(page.getByText("1 to 300 letters, digits or _ . -")).toBeVisible();
    await expect(page.getByText("the values cellar, attic need the key of a tag")).toBeVisible();
    await person.isAccessible();
    await page.getByLabel("Name", { exact: true }).fill("below-and-above");
    await page.getByRole("textbox", { name: "Key" }).fill("Room");
    await expect(page.getByText("No node matches at this moment")).toBeVisible();
  });

  await test.step("who gets the tag is in it", async () => {
    await page.getByRole("button", { name: "Create resource group" }).click();
    await expect(page.getByRole("heading", { name: "below-and-above", level: 1 })).toBeVisible();
    await expect(page.getByText("No node is in this group at this moment.")).toBeVisible();
    await expect(page.getByText("Room is cellar or attic")).toBeVisible();
    await ssmClient().send(
      new AddTagsToResourceCommand({
        ResourceType: "ManagedInstance",
        ResourceId: NODE(),
        Tags: [{ Key: "Room", Value: "attic" }],
      }),
    );
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
    await expect(page.getByText("1 node matches at this moment")).toBeVisible();
    await person.isAccessible();
  });

  await test.step("it is changed", async () => {
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.getByRole("button", { name: /^Nodes/ }).click();
    await page.getByRole("option", { name: /^Instances of a cloud/ }).click();
    await expect(page.getByText("No node matches at this moment")).toBeVisible();
    await page.getByRole("button", { name: /^Nodes/ }).click();
    await page.getByRole("option", { name: /^Managed instances/ }).click();
    await expect(page.getByText("1 node matches at this moment")).toBeVisible();
    await page.getByRole("textbox", { name: "Values" }).fill("");
    await page.getByLabel("Description").fill("Wherever it may stand");
    await page.getByRole("button", { name: /^Criticality/ }).click();
    await page.getByRole("option", { name: "3", exact: true }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("The resource group below-and-above is saved.")).toBeVisible();
    await expect(page.getByText("Wherever it may stand")).toBeVisible();
    await expect(page.getByText("has the tag Room")).toBeVisible();
    await expect(page.getByText("Managed instances", { exact: true })).toBeVisible();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.getByLabel("Description").fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
    await expect(page.getByText("Wherever it may stand")).toHaveCount(0);
  });

  await test.step("it is tagged, and not any more", async () => {
    await page.getByRole("button", { name: "Add a tag" }).click();
    await page.getByRole("textbox", { name: "Key" }).fill("Team");
    await page.getByRole("textbox", { name: "Value" }).fill("field/4");
    await page.getByRole("button", { name: "Save tags" }).click();
    await expect(page.getByText("The tags are set.")).toBeVisible();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("button", { name: "Save tags" }).click();
    await expect(page.getByText("The tags are removed.")).toBeVisible();
    await expect(page.getByText("This group has no tags.")).toBeVisible();
  });

  await test.step("the list has it, and it is deleted once that is confirmed", async () => {
    await person.open("/groups");
    await expect(page.getByRole("row", { name: /below-and-above.*3/ })).toBeVisible();
    await page.getByRole("link", { name: "below-and-above" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await person.isAccessible();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("The resource group below-and-above is deleted.")).toBeVisible();
    await expect(page.getByText(/^There are no resource groups\./)).toBeVisible();
    await person.open("/groups/below-and-above");
    await expect(page.getByText(/^GetGroup failed: NotFoundException/)).toBeVisible();
  });
  person.forgiveRefusals();
});

test("a resource group whose nodes are listed: made, found, filled, emptied, deleted", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  await person.signIn();
  await person.open("/create/group");
  await page.getByRole("radio", { name: /^By hand/ }).check({ force: true });
  await expect(page.getByText(/^Its members are listed one by one/)).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("by-hand");
  await page.getByLabel("Owner").fill("ada");
  await person.isAccessible();
  await page.getByRole("button", { name: "Create resource group" }).click();
  await expect(page.getByRole("heading", { name: "by-hand", level: 1 })).toBeVisible();

  await test.step("a node is found by a part of its name, and added", async () => {
    await expect(page.getByText("No node is in this group at this moment.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Add to the group" })).toBeDisabled();
    await page.getByRole("button", { name: /^Nodes/ }).click();
    await page.getByRole("combobox", { name: "Find nodes" }).fill("nobody");
    await expect(page.getByText("No node is called so")).toBeVisible();
    await page.getByRole("combobox", { name: "Find nodes" }).fill("eb-1");
    await page.getByRole("option", { name: /web-1/ }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Add to the group" }).click();
    await expect(page.getByText("1 node added to by-hand.")).toBeVisible();
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
    await person.isAccessible();
  });

  await test.step("the list is filtered by the server", async () => {
    await person.open("/groups?owner=nobody");
    await expect(page.getByText("No resource group matches this filter.")).toBeVisible();
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await expect(page.getByRole("link", { name: "by-hand" })).toBeVisible();
    await person.open("/groups?owner=ada&configuration-type=AWS%3A%3AResourceGroups%3A%3AGeneric");
    await expect(page.getByRole("row", { name: /by-hand.*ada/ })).toHaveCount(1);
    await person.isAccessible();
    await page.getByRole("link", { name: "by-hand" }).click();
  });

  await test.step("the node is taken off the list, and the group deleted", async () => {
    await page.getByRole("checkbox", { name: /^Select arn:/ }).check({ force: true });
    await page.getByRole("button", { name: "Take off the list" }).click();
    await person.isAccessible();
    await page.getByRole("dialog").getByRole("button", { name: "Take off the list" }).click();
    await expect(page.getByText("1 node taken off the list of by-hand.")).toBeVisible();
    await expect(page.getByText("No node is in this group at this moment.")).toBeVisible();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("The resource group by-hand is deleted.")).toBeVisible();
  });
});
