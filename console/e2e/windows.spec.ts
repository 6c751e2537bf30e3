// A maintenance window whose task is a runbook, from the form to what the runbook did.

import { CreateDocumentCommand } from "@aws-sdk/client-ssm";

import { expect, test } from "./person";
import { ssmClient } from "./server";

const RUNBOOK = {
  schemaVersion: "0.3",
  parameters: { For: { type: "String", default: "PT1S" } },
  mainSteps: [{ name: "rest", action: "aws:sleep", inputs: { Duration: "{{ For }}" }, isEnd: true }],
};

test("a window runs a runbook", async ({ person }, { retry }) => {
  test.setTimeout(120_000);
  const { page } = person;
  // A second try finds what the first one made.
  const name = `rest-a-while-${retry}`;
  await ssmClient().send(
    new CreateDocumentCommand({
      Name: name,
      DocumentType: "Automation",
      DocumentFormat: "JSON",
      Content: JSON.stringify(RUNBOOK),
    }),
  );
  await person.signIn();
  await person.open("/windows/create");
  await page.getByLabel("Name", { exact: true }).fill(`runbooks-${retry}`);
  await page.getByRole("button", { name: "Create maintenance window" }).last().click();
  await expect(page.getByRole("heading", { name: `runbooks-${retry}`, level: 1 })).toBeVisible();

  const trail = page.getByRole("navigation", { name: "Where you are" });

  await test.step("a task of the type AUTOMATION", async () => {
    await page.getByRole("tab", { name: "Tasks" }).click();
    await page.getByRole("link", { name: "Add a task" }).click();
    await expect(trail.getByRole("link", { name: `runbooks-${retry}` })).toBeVisible();
    await page.getByRole("radio", { name: /^Automation/ }).check({ force: true });
    await page.getByRole("button", { name: "Document" }).click();
    await page.getByRole("option", { name }).click();
    await page.getByLabel("For", { exact: true }).fill("PT2S");
    await expect(page.getByText("None: the runbook runs once, with its parameters alone")).toBeVisible();
    await person.isAccessible();
    await page.getByRole("button", { name: "Add task" }).click();
    await expect(page.getByText(`The window runs ${name} from now on.`)).toBeVisible();
    await expect(page.getByRole("row", { name: new RegExp(`${name}.*AUTOMATION`) })).toBeVisible();
  });

  await test.step("it opens in a moment", async () => {
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    const soon = new Date(Date.now() + 4000).toISOString().slice(0, 19);
    await page.getByRole("textbox", { name: "Schedule" }).fill(`at(${soon})`);
    await page.getByRole("textbox", { name: "Time zone" }).fill("UTC");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText(`runbooks-${retry} is saved.`)).toBeVisible();
    // A run goes by when it began.
    await page
      .getByRole("row")
      .nth(1)
      .getByRole("link", { name: /20\d\d, \d\d:\d\d:\d\d$/ })
      .click();
    await expect(page.getByRole("heading", { name: `Task ${name}` })).toBeVisible();
    await expect(page.getByRole("heading", { name: `Run of runbooks-${retry}`, level: 1 })).toBeVisible();
    await expect(trail.getByRole("link", { name: `runbooks-${retry}` })).toBeVisible();
    await expect(trail.getByText(/20\d\d, \d\d:\d\d:\d\d$/).first()).toBeVisible();
  });

  await test.step("what the runbook did is one link away", async () => {
    await page.getByRole("row").nth(1).getByRole("link", { name }).click();
    await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
    await expect(trail.getByText(name, { exact: true }).first()).toBeVisible();
    await expect(page.getByText("Success", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText("PT2S").first()).toBeVisible();
    await person.isAccessible();
  });
});
