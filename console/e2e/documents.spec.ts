// A document's versions under review, and whom it is shared with.

import { randomBytes } from "node:crypto";

import { CreateDocumentCommand, DescribeDocumentPermissionCommand, UpdateDocumentCommand } from "@aws-sdk/client-ssm";

import { expect, test } from "./person";
import { ssmClient } from "./server";

const OTHER = "111122223333";

function content(said: string): string {
  return JSON.stringify({
    schemaVersion: "2.2",
    mainSteps: [{ name: "say", action: "aws:runShellScript", inputs: { runCommand: [`echo ${said}`] } }],
  });
}

/** Of this test alone, so that a second try begins anew; with two versions. */
async function newDocument(): Promise<string> {
  const name = `greet-${randomBytes(4).toString("hex")}`;
  const client = ssmClient();
  await client.send(new CreateDocumentCommand({ Name: name, DocumentType: "Command", Content: content("one") }));
  await client.send(new UpdateDocumentCommand({ Name: name, DocumentVersion: "$LATEST", Content: content("two") }));
  return name;
}

test("a document is shared, made public once that is confirmed, and not any more", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  const name = await newDocument();
  const shares = async () => {
    const request = new DescribeDocumentPermissionCommand({ Name: name, PermissionType: "Share" });
    return (await ssmClient().send(request)).AccountSharingInfoList;
  };
  await person.signIn();
  await person.open(`/documents/${name}?tab=sharing`);
  await expect(page.getByText("Only this account has it.")).toBeVisible();
  await expect(page.getByText(new RegExp(`arn:aws:ssm:us-east-1:\\d{12}:document/${name}$`))).toBeVisible();
  await person.isAccessible();

  await test.step("with an account, and what may be wrong with one", async () => {
    const accounts = page.getByRole("textbox", { name: "Account ids" });
    await accounts.fill("12345");
    await page.getByRole("button", { name: "Share", exact: true }).click();
    await expect(page.getByText("12345 is no account id: 12 digits")).toBeVisible();
    await accounts.fill(OTHER);
    await page.getByRole("button", { name: /^Versions/ }).click();
    await page.getByRole("option", { name: "All versions" }).click();
    await page.getByRole("button", { name: "Share", exact: true }).click();
    await expect(page.getByText(`${name} is shared.`)).toBeVisible();
    await expect(page.getByRole("row", { name: new RegExp(`${OTHER} All versions`) })).toBeVisible();
    expect(await shares()).toEqual([{ AccountId: OTHER, SharedDocumentVersion: "$ALL" }]);
  });

  await test.step("with everybody, which is asked once more", async () => {
    await page.getByRole("radio", { name: /^Everybody/ }).check({ force: true });
    await page.getByRole("button", { name: "Make public" }).click();
    await expect(page.getByRole("dialog").getByText(/Every account of this server can read and run it/)).toBeVisible();
    await person.isAccessible();
    await page.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    expect(await shares()).toHaveLength(1);
    await page.getByRole("button", { name: "Make public" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Make public" }).click();
    await expect(page.getByText(`${name} is public.`)).toBeVisible();
    await expect(page.getByRole("row", { name: /Everybody The default version/ })).toBeVisible();
  });

  await test.step("with nobody", async () => {
    for (const who of ["Everybody", OTHER]) {
      const row = page.getByRole("row", { name: new RegExp(`^${who}`) });
      await row.getByRole("button", { name: "Stop sharing" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Stop sharing" }).click();
      await expect(row).toHaveCount(0);
    }
    await expect(page.getByText("Only this account has it.")).toBeVisible();
    expect(await shares()).toEqual([]);
  });
});

test("a version is sent for review, approved, and the next one rejected", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  const name = await newDocument();
  await person.signIn();
  await person.open(`/documents/${name}?tab=reviews&version=1`);
  await expect(page.getByText("This version was not sent for review.")).toBeVisible();
  await expect(page.getByText("Not reviewed", { exact: true }).first()).toBeVisible();

  await page.getByRole("textbox", { name: "Comment" }).fill("please look");
  await page.getByRole("button", { name: "Send for review" }).click();
  await expect(page.getByText(`Version 1 of ${name} is sent for review.`)).toBeVisible();
  await expect(page.getByRole("row", { name: /Pending please look/ })).toBeVisible();
  await page.getByRole("button", { name: "Change the comment" }).click();
  await expect(page.getByText("write the comment", { exact: true })).toBeVisible();
  await page.getByRole("textbox", { name: "Comment" }).fill("please look at step one");
  await page.getByRole("button", { name: "Change the comment" }).click();
  await expect(page.getByRole("row", { name: /Pending please look at step one/ })).toBeVisible();
  await person.isAccessible();
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText(`Version 1 of ${name} is approved.`)).toBeVisible();
  await expect(page.getByRole("row", { name: /^Approved/ })).toBeVisible();

  await page.getByRole("button", { name: /^Version/ }).click();
  await page.getByRole("option", { name: /^2/ }).click();
  await expect(page.getByText("This version was not sent for review.")).toBeVisible();
  await page.getByRole("button", { name: "Send for review" }).click();
  await page.getByRole("button", { name: "Reject" }).click();
  await expect(page.getByRole("row", { name: /^Rejected/ })).toBeVisible();
  await page.getByRole("tab", { name: "Overview" }).click();
  await expect(page.getByText("Review of the default version")).toBeVisible();
  await person.isAccessible();
});

test("what comes with the server is nobody's to share", async ({ person }) => {
  await person.signIn();
  for (const name of ["AWS-RunPatchBaseline", "Fettle-PlanPatches"]) {
    await person.open(`/documents/${name}`);
    await expect(person.page.getByRole("tab", { name: "Versions" })).toBeVisible();
    await expect(person.page.getByRole("tab", { name: "Sharing" })).toHaveCount(0);
    await expect(person.page.getByRole("button", { name: "Delete" })).toHaveCount(0);
  }
});
