// The fleet's inventory: counted, opened down to the nodes, and from there to what a node has.

import { PutInventoryCommand } from "@aws-sdk/client-ssm";

import { expect, NODE, test } from "./person";
import { ssmClient } from "./server";

test("what the fleet has, on how many nodes, and on which", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  const content = ["1.0", "2.0"].map((version) => ({ Name: "made-up", Version: version, Publisher: "tests" }));
  await ssmClient().send(
    new PutInventoryCommand({
      InstanceId: NODE(),
      Items: [
        {
          TypeName: "AWS:Application",
          SchemaVersion: "1.1",
          CaptureTime: new Date().toISOString().replace(/\.\d+/, ""),
          Content: [...content, { Name: "other-thing", Version: "7" }],
        },
      ],
    }),
  );
  await person.signIn();
  await page.getByRole("link", { name: "Inventory", exact: true }).click();

  await test.step("systems lead to their nodes", async () => {
    await page
      .getByRole("row", { name: /^Debian/ })
      .getByRole("link", { name: "1" })
      .click();
    await expect(page).toHaveURL(/tab=nodes&AWS%3AInstanceInformation\.PlatformName=Debian/);
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
    await person.isAccessible();
  });

  await test.step("applications by version", async () => {
    await page.getByRole("tab", { name: "Applications" }).click();
    await expect(page.getByRole("row", { name: /^made-up 1\.0 1/ })).toBeVisible();
    await expect(page.getByRole("row", { name: /^made-up 2\.0 1/ })).toBeVisible();
    await person.isAccessible();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    expect((await download).suggestedFilename()).toBe("inventory-applications.csv");
  });

  await test.step("the nodes that have one, and what they have", async () => {
    await page.getByRole("searchbox", { name: "The beginning of a name" }).fill("made");
    await page.getByRole("button", { name: "Find nodes that have it" }).click();
    await expect(page).toHaveURL(/AWS%3AApplication\.Name=%5Emade/);
    await page.getByRole("link", { name: "web-1" }).click();
    await expect(page).toHaveURL(/tab=inventory&type=AWS%3AApplication/);
    await expect(page.getByRole("row", { name: /made-up/ })).toHaveCount(2);
    await person.open("/inventory?tab=nodes&AWS:Application.Name=^nowhere");
    await expect(page.getByText("No node of this page has that in its inventory.")).toBeVisible();
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
  });

  await test.step("types, and the nodes that have anything of them", async () => {
    await page.getByRole("tab", { name: "Types" }).click();
    await page
      .getByRole("row", { name: /^AWS:Application / })
      .getByRole("link", { name: "1" })
      .click();
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
    await person.isAccessible();
  });

  await test.step("what the server refuses is said", async () => {
    await person.open("/inventory?tab=nodes&AWS:Application.Colour=red");
    await expect(page.getByText("GetInventory failed: InvalidFilter")).toBeVisible();
  });
  person.forgiveRefusals();
});
