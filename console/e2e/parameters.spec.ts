// Parameters from the form to their deletion: versions, labels, a secret that is shown when asked for, what somebody else does.

import { randomBytes } from "node:crypto";

import {
  AddTagsToResourceCommand,
  GetParameterCommand,
  LabelParameterVersionCommand,
  PutParameterCommand,
} from "@aws-sdk/client-ssm";

import { expect, test } from "./person";
import type { Person } from "./person";
import { ssmClient } from "./server";
import { newUser, signIn } from "./users";

const SECRET = "correct horse battery";

/** Below a path of this test alone, so that a second try begins anew. */
function folder(): string {
  return `/e2e-${randomBytes(4).toString("hex")}`;
}

async function fill(person: Person, name: string, value: string): Promise<void> {
  await person.page.getByRole("textbox", { name: "Name", exact: true }).fill(name);
  await person.page.getByRole("textbox", { name: "Value", exact: true }).fill(value);
}

test("a parameter: made, changed, compared, labelled, deleted", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  const name = `${folder()}/db/host`;
  await person.signIn();
  await person.open("/parameters");
  await page.getByRole("link", { name: "Create parameter" }).click();

  await test.step("the form says what is wrong as it is typed", async () => {
    await fill(person, "prod/db", "v");
    await expect(page.getByText("a name with a hierarchy begins with a slash")).toBeVisible();
    await page.getByRole("textbox", { name: "Allowed pattern" }).fill("^[a-z.]+$");
    await page.getByRole("textbox", { name: "Value", exact: true }).fill("Host 1");
    await expect(page.getByText("it does not match the allowed pattern")).toBeVisible();
    await page.getByRole("button", { name: "Add a policy" }).click();
    await page.getByRole("menuitem", { name: /^No-change notification/ }).click();
    await expect(page.getByText("only parameters of the advanced tier have policies")).toBeVisible();
    await page.getByRole("button", { name: "Make it advanced" }).click();
    await page.getByRole("textbox", { name: "Tells without a change for" }).fill("30");
    await expect(page.getByText("Tells when it was not changed for 30 days")).toBeVisible();
    await page.getByRole("button", { name: "Add a policy" }).click();
    await page.getByRole("menuitem", { name: "Expiration", exact: true }).click();
    await page.getByRole("textbox", { name: "Expires on" }).fill("2035-01-31");
    await expect(page.getByText(/^Deleted on 31 Jan 2035/)).toBeVisible();
    await page.getByRole("button", { name: "The policies as JSON" }).click();
    await expect(page.getByRole("textbox", { name: "Policies" })).toHaveValue(/"2035-01-31T00:00:00.000Z"/);
    await person.isAccessible();
  });

  await test.step("it is created", async () => {
    await fill(person, name, "db.one");
    await page.getByRole("button", { name: "Copy as aws command" }).click();
    await expect(page.getByText(new RegExp(`aws ssm put-parameter .*--name ${name} --value db.one`))).toBeVisible();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Create parameter" }).click();
    await expect(page.getByText(`${name} is created.`)).toBeVisible();
    await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
    await expect(page.getByRole("region", { name: "Value" })).toHaveText("db.one");
    await expect(page.getByText(`{{ssm:${name}}}`)).toBeVisible();
    await expect(page.getByText("Tells when it was not changed for 30 days")).toBeVisible();
    await person.isAccessible();
  });

  await test.step("a new version", async () => {
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await expect(page.getByText("It becomes version 2; those before it are kept")).toBeVisible();
    await expect(page.getByRole("textbox", { name: "Value", exact: true })).toHaveValue("db.one");
    await page.getByRole("textbox", { name: "Value", exact: true }).fill("db.two");
    await page.getByRole("textbox", { name: "Description" }).fill("moved");
    await page.getByRole("button", { name: "Save version 2" }).click();
    await expect(page.getByText(`${name} is saved as version 2.`)).toBeVisible();
    await expect(page.getByRole("region", { name: "Value" })).toHaveText("db.two");
  });

  await test.step("its versions, and a label that moves", async () => {
    await page.getByRole("tab", { name: "Versions" }).click();
    await expect(page.getByRole("row", { name: /db\.two.*Value, Description/ })).toBeVisible();
    await expect(page.getByRole("row", { name: /db\.one.*Created/ })).toBeVisible();
    await page.getByRole("button", { name: "Label version 1" }).click();
    await page.getByRole("textbox", { name: "Label" }).fill("1st");
    await expect(page.getByText("does not begin with a digit: numbers are versions")).toBeVisible();
    await page.getByRole("textbox", { name: "Label" }).fill("prod");
    await page.getByRole("button", { name: "Add label" }).click();
    await expect(page.getByText(`Version 1 of ${name} has the label prod.`)).toBeVisible();
    await page.getByRole("button", { name: "Label version 2" }).click();
    await page.getByRole("textbox", { name: "Label" }).fill("prod");
    await expect(page.getByText("Version 1 has it now: it moves here")).toBeVisible();
    await person.isAccessible();
    await page.getByRole("button", { name: "Add label" }).click();
    await expect(page.getByRole("row", { name: /prod.*db\.two/ })).toBeVisible();
    for (const version of ["1", "2"])
      await page.getByRole("checkbox", { name: `Select ${version}`, exact: true }).check({ force: true });
    await expect(page.getByRole("table", { name: "From version 1 to version 2" })).toContainText("db.onedb.two");
    await person.isAccessible();
    await person.open(`/parameters?Label=prod&Path=${encodeURIComponent(`^${name.replace(/\/db\/host$/, "")}`)}`);
    await expect(page.getByRole("row", { name: new RegExp(`${name} 2 db.two`) })).toBeVisible();
    await person.isAccessible();
    await page.getByRole("link", { name }).click();
    await page.getByRole("tab", { name: "Versions" }).click();
    await page.getByRole("button", { name: "Remove label prod" }).click();
    await expect(page.getByText(`Version 2 of ${name} has the label prod no more.`)).toBeVisible();
  });

  await test.step("its tags", async () => {
    await page.getByRole("tab", { name: "Tags" }).click();
    await page.getByRole("button", { name: "Add a tag" }).click();
    await page.getByRole("textbox", { name: "Key" }).fill("Env");
    await page.getByRole("textbox", { name: "Value" }).fill("prod");
    await page.getByRole("button", { name: "Save tags" }).click();
    await expect(page.getByText("The tags are set.")).toBeVisible();
  });

  await test.step("and its end", async () => {
    const address = new URL(page.url()).hash.slice(1);
    await page.getByRole("button", { name: "Delete" }).click();
    await expect(page.getByRole("dialog").getByText(name)).toBeVisible();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(`${name} deleted.`)).toBeVisible();
    await person.open(address);
    await expect(page.getByText(`Parameter ${name} is not here`)).toBeVisible();
  });
  // The page reads again what has just been deleted.
  person.forgiveRefusals();
});

test("a secret is read when somebody asks for it, and stands nowhere else", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  const name = `${folder()}/password`;
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.postData()?.includes("WithDecryption") === true) asked.push(request.postData() ?? "");
  });
  await person.signIn();
  await person.open("/create/parameter");
  await page.getByRole("radio", { name: /^SecureString/ }).check({ force: true });
  await fill(person, name, SECRET);
  await page.getByRole("button", { name: "Copy as aws command" }).click();
  await expect(page.getByText(/put-parameter .*--value file:\/\/value\.txt --type SecureString/)).toBeVisible();
  await expect(page.getByText(/put-parameter/)).not.toContainText(SECRET);
  await page.keyboard.press("Escape");
  await person.isAccessible();
  await page.getByRole("button", { name: "Create parameter" }).click();
  await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
  const { Parameter: kept } = await ssmClient().send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  expect(kept?.Value).toBe(SECRET);

  await person.settled();
  await page.getByRole("tab", { name: "Versions" }).click();
  await expect(page.getByRole("row", { name: /Created/ })).toBeVisible();
  await page.getByRole("tab", { name: "Overview" }).click();
  expect(asked).toEqual([]);
  await page.getByRole("button", { name: "Show value" }).click();
  await expect(page.getByRole("region", { name: "Value" })).toHaveText(SECRET);
  await person.isAccessible();
  expect(asked).toHaveLength(1);
  await page.getByRole("button", { name: "Hide value" }).click();
  await expect(page.getByText(SECRET)).toHaveCount(0);

  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await expect(page.getByRole("textbox", { name: "Value", exact: true })).toHaveValue("");
  await page.getByRole("button", { name: "Begin with the current value" }).click();
  await expect(page.getByRole("textbox", { name: "Value", exact: true })).toHaveValue(SECRET);
  const browser = await page.evaluate(() =>
    JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), window.location.href]),
  );
  expect(browser).not.toContain(SECRET);
});

test("what others do is seen, found and deleted together", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  const path = folder();
  const client = ssmClient();
  const put = (name: string, more: object = {}) =>
    client.send(new PutParameterCommand({ Name: `${path}/${name}`, Value: "v", Type: "String", ...more }));
  await person.signIn();
  // Live updates are for sessions that the server keeps.
  await signIn(page, await newUser(person));
  await expect(page.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
  await person.open(`/parameters?Path=${encodeURIComponent(`^${path}`)}`);
  await expect(page.getByText("No parameter matches this filter.")).toBeVisible();
  await put("one");
  await expect(page.getByRole("link", { name: `${path}/one` })).toBeVisible();
  await put("deep/two", { Tier: "Advanced", Type: "StringList", Value: "a,b" });
  await expect(page.getByRole("link", { name: `${path}/deep/two` })).toBeVisible();
  await client.send(
    new AddTagsToResourceCommand({
      ResourceType: "Parameter",
      ResourceId: `${path}/one`,
      Tags: [{ Key: "Env", Value: "prod" }],
    }),
  );

  await test.step("filters are the server's, and in the address", async () => {
    for (const [query, count] of [
      [`Path=${path}`, 1],
      [`Path=^${path}&Type=StringList`, 1],
      [`Path=^${path}&Tier=Advanced`, 1],
      [`Path=^${path}&tag:Env=prod`, 1],
      [`Name=~${path.slice(1)}/deep`, 1],
      [`Name=^${path}/`, 2],
      [`Path=^${path}&DataType=integer`, 0],
    ] as const) {
      await person.open(`/parameters?${query}`);
      await expect(page.getByRole("link", { name: new RegExp(`^${path}/`) }), query).toHaveCount(count);
    }
    await person.open(`/parameters?Name=~x&Name=^y`);
    await expect(page.getByText("DescribeParameters failed: InvalidFilterKey")).toBeVisible();
  });

  await test.step("an open page reads again what another changed, and a form says so", async () => {
    await person.open(`/parameters/${encodeURIComponent(`${path}/one`)}`);
    await put("one", { Value: "w", Overwrite: true });
    await expect(page.getByRole("region", { name: "Value" })).toHaveText("w");
    await page.getByRole("tab", { name: "Versions" }).click();
    await client.send(new LabelParameterVersionCommand({ Name: `${path}/one`, Labels: ["live"] }));
    await expect(page.getByRole("button", { name: "Remove label live" })).toBeVisible();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await expect(page.getByRole("button", { name: "Save version 3" })).toBeVisible();
    await put("one", { Value: "x", Overwrite: true });
    await expect(page.getByText("Version 3 was made since this form was opened")).toBeVisible();
    await expect(page.getByRole("button", { name: "Save version 4" })).toBeVisible();
  });

  await test.step("by its name in the palette", async () => {
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder(/A page, a node/).fill(`${path}/one`);
    await expect(page.getByRole("option", { name: `${path}/one Parameter`, exact: true })).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: `${path}/one`, level: 1 })).toBeVisible();
  });

  await test.step("several at once", async () => {
    await person.open(`/parameters?Path=${encodeURIComponent(`^${path}`)}`);
    for (const name of ["one", "deep/two"])
      await page.getByRole("checkbox", { name: `Select ${path}/${name}` }).check({ force: true });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("2 parameters deleted.")).toBeVisible();
    await expect(page.getByText("No parameter matches this filter.")).toBeVisible();
  });
  person.forgiveRefusals();
});

test("who may look may not decrypt, and is told so", async ({ person }) => {
  const { page } = person;
  const name = `${folder()}/secret`;
  await ssmClient().send(new PutParameterCommand({ Name: name, Value: SECRET, Type: "SecureString" }));
  await person.signIn();
  await signIn(page, await newUser(person, "look"));
  await expect(page.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
  await person.open(`/parameters/${encodeURIComponent(name)}`);
  await page.getByRole("button", { name: "Show value" }).click();
  await expect(page.getByText("You lack the permission kms:Decrypt, which GetParameter needs")).toBeVisible();
  await expect(page.getByText(/Your policy does not allow kms:Decrypt\./)).toBeVisible();
  await expect(page.getByText(SECRET)).toHaveCount(0);
  person.forgiveRefusals();
});
