// The versions of an association, and what lies between two of them.

import { CreateAssociationCommand, UpdateAssociationCommand } from "@aws-sdk/client-ssm";

import { expect, test } from "./person";
import { ssmClient } from "./server";

test("an association keeps its versions, which can be compared", async ({ person }) => {
  const { page } = person;
  const client = ssmClient();
  const said = { Name: "AWS-RunShellScript", Targets: [{ Key: "tag:Aisle", Values: ["nobody-has-this"] }] };
  const { AssociationDescription: made } = await client.send(
    new CreateAssociationCommand({
      ...said,
      AssociationName: "versioned",
      ScheduleExpression: "rate(1 day)",
      Parameters: { commands: ["echo one"] },
    }),
  );
  const AssociationId = made?.AssociationId ?? "";
  await client.send(
    new UpdateAssociationCommand({
      ...said,
      AssociationId,
      AssociationName: "versioned",
      ScheduleExpression: "rate(2 days)",
      Parameters: { commands: ["echo two"], executionTimeout: ["60"] },
    }),
  );
  await person.signIn();
  await person.open(`/associations/${AssociationId}?tab=versions`);
  await expect(
    page.getByRole("row", { name: /2 Schedule, Parameter commands, Parameter executionTimeout/ }),
  ).toBeVisible();
  await expect(page.getByRole("row", { name: /1 Created/ })).toBeVisible();
  for (const version of ["1", "2"])
    await page.getByRole("checkbox", { name: `Select ${version}`, exact: true }).check({ force: true });
  const table = page.getByRole("table", { name: "From version 1 to version 2" });
  await expect(table.getByRole("row", { name: "Schedule rate(1 day) rate(2 days)" })).toBeVisible();
  await expect(table.getByRole("row", { name: "Parameter commands echo one echo two" })).toBeVisible();
  await expect(table.getByRole("row", { name: "Parameter executionTimeout – 60" })).toBeVisible();
  await person.isAccessible();
  await page.getByRole("tab", { name: "Runs" }).click();
  await expect(page.getByRole("heading", { name: "Runs" })).toBeVisible();
});
