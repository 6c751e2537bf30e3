// What a runbook would do, seen before it is started.

import { randomBytes } from "node:crypto";

import { CreateDocumentCommand, DescribeAutomationExecutionsCommand } from "@aws-sdk/client-ssm";

import { expect, test } from "./person";
import { ssmClient } from "./server";

const RUNBOOK = {
  schemaVersion: "0.3",
  parameters: { Node: { type: "String" } },
  mainSteps: [
    { name: "rest", action: "aws:sleep", inputs: { Duration: "PT1S" } },
    {
      name: "mark",
      action: "aws:executeAwsApi",
      inputs: {
        Service: "ssm",
        Api: "AddTagsToResource",
        ResourceType: "ManagedInstance",
        ResourceId: "{{ Node }}",
        Tags: [{ Key: "Seen", Value: "yes" }],
      },
    },
    {
      name: "greet",
      action: "aws:runCommand",
      inputs: { DocumentName: "AWS-RunShellScript", InstanceIds: ["{{ Node }}"], Parameters: { commands: ["id"] } },
    },
  ],
};

test("a runbook is previewed, and nothing is started by that", async ({ person }) => {
  const { page } = person;
  const name = `look-first-${randomBytes(4).toString("hex")}`;
  const document = { Name: name, DocumentType: "Automation" as const, DocumentFormat: "JSON" as const };
  await ssmClient().send(new CreateDocumentCommand({ ...document, Content: JSON.stringify(RUNBOOK) }));
  await person.signIn();
  await person.open(`/automations/start?document=${name}`);
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.getByText("this parameter has no value of its own")).toBeVisible();
  await page.getByLabel("Node", { exact: true }).fill("mi-0123456789abcdef0");
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.getByText("1 step: they create, change or delete")).toBeVisible();
  await expect(page.getByText(/^1 step: they run commands/)).toBeVisible();
  await expect(page.getByText("1 step: they read, wait, ask or decide")).toBeVisible();
  await expect(page.getByText("none: it runs once, with its parameters alone")).toBeVisible();
  await expect(page.getByText("us-east-1", { exact: true }).last()).toBeVisible();
  await person.isAccessible();
  // With other values it is another look.
  await page.getByLabel("Node", { exact: true }).fill("mi-0123456789abcdef1");
  await expect(page.getByText("Not looked at yet, or not with these values.")).toBeVisible();
  const { AutomationExecutionMetadataList: started = [] } = await ssmClient().send(
    new DescribeAutomationExecutionsCommand({ Filters: [{ Key: "DocumentNamePrefix", Values: [name] }] }),
  );
  expect(started).toEqual([]);
});
