// A picture of every view, light, and of some in the dark: `console/screenshots`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import {
  CreateDocumentCommand,
  CreateMaintenanceWindowCommand,
  LabelParameterVersionCommand,
  PutParameterCommand,
  RegisterTargetWithMaintenanceWindowCommand,
  RegisterTaskWithMaintenanceWindowCommand,
  StartAutomationExecutionCommand,
} from "@aws-sdk/client-ssm";

import { expect, NODE, test } from "./person";
import type { Person } from "./person";
import { ssmClient } from "./server";
import { patchNow, scan } from "./steps";
import { VIEWS } from "./views";

const [WIDTH, HEIGHT] = [1440, 900];
const FOLDER = join(import.meta.dirname, "../screenshots");

const CHOOSING = {
  schemaVersion: "0.3",
  description: "Scans, then installs where somebody agrees",
  parameters: { Node: { type: "String" }, Install: { type: "String", default: "yes" } },
  mainSteps: [
    {
      name: "choose",
      action: "aws:branch",
      inputs: {
        Choices: [{ NextStep: "ask", Variable: "{{ Install }}", StringEquals: "yes" }],
        Default: "scan",
      },
    },
    {
      name: "ask",
      action: "aws:approve",
      inputs: { Approvers: ["root"], Message: "Install on this node?" },
      nextStep: "end",
    },
    { name: "scan", action: "aws:sleep", inputs: { Duration: "PT1S" }, nextStep: "end" },
    { name: "end", action: "aws:sleep", inputs: { Duration: "PT1S" }, isEnd: true },
  ],
};

/** Things whose pages need one: a window that opens in a moment, and a runbook that waits for somebody. */
async function makeThings(): Promise<{ window: string; execution: string }> {
  const client = ssmClient();
  const soon = new Date(Date.now() + 5000).toISOString().slice(0, 19);
  const { WindowId = "" } = await client.send(
    new CreateMaintenanceWindowCommand({
      Name: "sundays",
      Schedule: `at(${soon})`,
      ScheduleTimezone: "UTC",
      Duration: 2,
      Cutoff: 1,
      AllowUnassociatedTargets: false,
    }),
  );
  await client.send(
    new CreateMaintenanceWindowCommand({
      Name: "every-week",
      Schedule: "cron(0 3 ? * SUN *)",
      Duration: 4,
      Cutoff: 1,
      AllowUnassociatedTargets: true,
    }),
  );
  const { WindowTargetId = "" } = await client.send(
    new RegisterTargetWithMaintenanceWindowCommand({
      WindowId,
      ResourceType: "INSTANCE",
      Name: "the-node",
      Targets: [{ Key: "InstanceIds", Values: [NODE()] }],
    }),
  );
  await client.send(
    new RegisterTaskWithMaintenanceWindowCommand({
      WindowId,
      Name: "greeting",
      TaskType: "RUN_COMMAND",
      TaskArn: "AWS-RunShellScript",
      Targets: [{ Key: "WindowTargetIds", Values: [WindowTargetId] }],
      MaxConcurrency: "1",
      MaxErrors: "0",
      TaskInvocationParameters: { RunCommand: { Parameters: { commands: ["echo in the window"] } } },
    }),
  );
  const document = { Name: "careful-patching", DocumentType: "Automation" as const, DocumentFormat: "JSON" as const };
  await client.send(new CreateDocumentCommand({ ...document, Content: JSON.stringify(CHOOSING) }));
  const { AutomationExecutionId: execution = "" } = await client.send(
    new StartAutomationExecutionCommand({ DocumentName: document.Name, Parameters: { Node: [NODE()] } }),
  );
  return { window: WindowId, execution };
}

type Picture = (name: string) => Promise<void>;

async function parameters({ page, ...person }: Pick<Person, "page" | "open">, picture: Picture): Promise<void> {
  const client = ssmClient();
  const put = (name: string, value: string, more: object = {}) =>
    client.send(new PutParameterCommand({ Name: name, Value: value, Type: "String", Overwrite: true, ...more }));
  await put("/prod/db/host", "db-1.example.com", { Description: "Where the shop's database is" });
  await client.send(new LabelParameterVersionCommand({ Name: "/prod/db/host", Labels: ["live", "prod"] }));
  await put("/prod/db/host", "db-2.example.com", { AllowedPattern: "^[a-z0-9.-]+$" });
  await put("/prod/db/password", "correct horse battery", { Type: "SecureString" });
  await put("/prod/web/hosts", "web-1.example.com,web-2.example.com", { Type: "StringList", Tier: "Advanced" });
  await put("/prod/web/certificate-mail", "ops@example.com", {
    DataType: "email",
    Tier: "Advanced",
    Policies: JSON.stringify([
      { Type: "Expiration", Version: "1.0", Attributes: { Timestamp: "2035-01-31T12:00:00.000Z" } },
      { Type: "ExpirationNotification", Version: "1.0", Attributes: { Before: "15", Unit: "Days" } },
      { Type: "NoChangeNotification", Version: "1.0", Attributes: { After: "90", Unit: "Days" } },
    ]),
  });
  const at = (name: string, more = ""): Promise<void> => person.open(`/parameters/${encodeURIComponent(name)}${more}`);
  await at("/prod/db/host");
  await picture("parameter");
  await at("/prod/db/host", "?tab=versions");
  for (const version of ["1", "2"])
    await page.getByRole("checkbox", { name: `Select ${version}`, exact: true }).check({ force: true });
  await picture("parameter-versions");
  await at("/prod/web/certificate-mail");
  await picture("parameter-policies");
  await at("/prod/web/certificate-mail", "/edit");
  await picture("parameter-edit");
  await page.getByRole("heading", { name: "Policies" }).scrollIntoViewIfNeeded();
  await page.evaluate(() => window.scrollBy(0, 400));
  await picture("parameter-edit-policies");
  await at("/prod/db/password");
  await page.getByRole("button", { name: "Show value" }).click();
  await picture("parameter-secret");
  await person.open("/parameters?Label=live");
  await picture("parameters-labelled");
  await person.open("/parameters?Path=%5E/prod&Type=String");
  await picture("parameters-filtered");
}

async function forms({ page, ...person }: Pick<Person, "page" | "open">, picture: Picture): Promise<void> {
  await person.open("/baselines/create");
  await page.getByLabel("Name", { exact: true }).fill("web-servers");
  await page.getByLabel("Approved patches", { exact: true }).fill("tb-conf\ntb-epoch");
  await page.getByLabel("Rejected patches", { exact: true }).fill("tb-ssl");
  await expect(page.getByText(/^(Of this form as it stands|Nothing is known of this form)$/)).toBeVisible();
  await picture("baseline-preview");
  await page.getByRole("button", { name: "Create patch baseline" }).click();
  await expect(page.getByRole("heading", { name: "web-servers", level: 1 })).toBeVisible();
  await picture("baseline");
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByLabel("Rejected patches", { exact: true }).fill("");
  await expect(page.getByText(/^(Of this form as it stands|Nothing is known of this form)$/)).toBeVisible();
  await picture("baseline-edit");

  await person.open("/policies/create");
  await page.getByLabel("Name", { exact: true }).fill("nightly");
  await page.getByRole("radio", { name: /^Scan and install/ }).check({ force: true });
  await page.getByRole("button", { name: "Patch baselines" }).click();
  await page.getByRole("option", { name: /AWS-DebianDefaultPatchBaseline/ }).click();
  await page.keyboard.press("Escape");
  // A node of a policy is left to it: this one is for others.
  await page.getByRole("radio", { name: /^Tag/ }).check({ force: true });
  await page.getByRole("textbox", { name: "Tag" }).first().fill("Env");
  await page.getByRole("textbox", { name: "Values" }).first().fill("prod");
  await page.getByRole("button", { name: "Begin with an example" }).click();
  await picture("policy-form");
  await page.getByRole("button", { name: "Create patch policy" }).click();
  await expect(page.getByRole("link", { name: "association and runs" })).toHaveCount(2, { timeout: 60_000 });
  await picture("policy");

  await person.open("/host-management/create");
  await page.getByLabel("Name", { exact: true }).fill("all-hosts");
  await page.getByRole("checkbox", { name: /^Update the agent/ }).uncheck();
  await page.getByRole("radio", { name: /^Nodes/ }).check({ force: true });
  await page.getByLabel("Node ids").fill(NODE());
  await picture("host-management-form");
  await page.getByRole("button", { name: "Create host management" }).click();
  await expect(page.getByRole("link", { name: "association and runs" })).toHaveCount(2, { timeout: 60_000 });
  await expect(page.getByRole("row").getByText("Success", { exact: true })).toHaveCount(2, { timeout: 60_000 });
  await picture("host-management-one");

  await person.open("/create/user");
  await page.getByRole("textbox", { name: "User name" }).fill("ada");
  await page.getByRole("button", { name: "Add a policy" }).click();
  await page.getByRole("menuitem", { name: /^Everything/ }).click();
  await page.getByRole("button", { name: "Create user" }).click();
  await expect(page.getByRole("heading", { name: "ada", level: 1 })).toBeVisible();
  await picture("user");
  await person.open("/create/group");
  await page.getByLabel("Name", { exact: true }).fill("web-prod");
  await page.getByRole("textbox", { name: "Key" }).fill("Env");
  await page.getByRole("textbox", { name: "Values" }).fill("prod, test");
  await picture("group-form");
  await page.getByRole("textbox", { name: "Key" }).fill("");
  await page.getByRole("textbox", { name: "Values" }).fill("");
  await page.getByRole("button", { name: "Create resource group" }).click();
  await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
  await picture("group");
  await person.open("/activations/create");
  await page.getByLabel("Default name").fill("web");
  await page.getByRole("button", { name: "Create activation" }).click();
  await expect(page.getByText("0 of 10", { exact: true })).toBeVisible();
  await picture("activation-lines");
  await page.getByRole("link", { name: "Done" }).click();
  await page.getByRole("row", { name: /web/ }).getByRole("link").first().click();
  await expect(page.getByRole("heading", { name: "web", level: 1 })).toBeVisible();
  await picture("activation");
  await person.open("/associations/create");
  await page.getByLabel("Name of the association").fill("daily-scan");
  await page.getByRole("button", { name: "Create association" }).last().click();
  await expect(page.getByRole("heading", { name: "daily-scan", level: 1 })).toBeVisible();
  await picture("association");
}

test("pictures", async ({ person }) => {
  test.setTimeout(600_000);
  mkdirSync(FOLDER, { recursive: true });
  const { page } = person;
  // What was said of the steps before is in the way.
  const dismiss = async (): Promise<void> => {
    const buttons = page.getByRole("button", { name: "Dismiss", exact: true });
    while ((await buttons.count()) > 0) await buttons.first().click();
  };
  /** As much as a window shows, for the README. */
  const glance = async (name: string): Promise<void> => {
    await person.settled();
    await dismiss();
    await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled" });
  };
  /** The whole page: in a window that is as high as it, since what stays in view would be in the midst of it. */
  const picture = async (name: string): Promise<void> => {
    await person.settled();
    await dismiss();
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width: WIDTH, height: Math.max(HEIGHT, height) });
    await glance(name);
    await page.setViewportSize({ width: WIDTH, height: HEIGHT });
  };
  await page.goto(`${process.env["FETTLE_TEST_ORIGIN"] ?? ""}/console/`);
  await picture("sign-in");
  await person.signIn();
  const made = await makeThings();
  await scan(person);
  await glance("patch-now-run");
  await page.getByRole("link", { name: "Output" }).first().click();
  await page.getByRole("region", { name: "Output" }).first().waitFor();
  await picture("output");
  await person.open("/");
  await picture("now");
  await person.open(`/nodes/${NODE()}?tab=why`);
  await glance("why");
  await forms({ page, open: (path) => person.open(path) }, picture);
  await parameters({ page, open: (path) => person.open(path) }, picture);

  // One that waits for somebody, and one that is through.
  const canary = { Name: "canary", Percent: 100, RequireApproval: true, Gates: { MaxFailures: 0 } };
  await patchNow(person, "Scan and install", true, { Rings: [canary, { Name: "rest" }] });
  await page.getByRole("link", { name: /^ring canary/ }).click();
  // The gate may hold it as well: after other tests one of the made-up packages fails.
  await expect(page.getByRole("button", { name: "Approve" })).toBeVisible({ timeout: 60_000 });
  await glance("rollout-waits");
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("Ended", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await picture("rollout");
  await page.getByRole("link", { name: "Command and output" }).click();
  await picture("command");

  await person.open(`/windows/${made.window}`);
  await picture("window");
  for (const tab of ["Tasks", "Targets"]) {
    await page.getByRole("tab", { name: tab, exact: true }).click();
    await picture(`window-${tab.toLowerCase()}`);
  }
  await page.getByRole("tab", { name: "Runs" }).click();
  await page.getByRole("row").nth(1).getByRole("link").click();
  await expect(page.getByRole("heading", { name: "Task AWS-RunShellScript" })).toBeVisible();
  await picture("window-run");
  await person.open(`/windows/${made.window}/tasks/create`);
  await picture("window-task");
  await person.open(`/windows/${made.window}/targets/create`);
  await picture("window-target");
  await person.open(`/windows/${made.window}/edit`);
  await picture("window-edit");
  await person.open(`/automations/${made.execution}`);
  await expect(page.getByText("ask waits for an approval")).toBeVisible();
  await picture("automation");
  await person.open("/create/document");
  await picture("document-create");
  await person.open("/documents/careful-patching");
  await picture("document-own");

  for (const [name, path] of VIEWS) {
    await person.open(path);
    await picture(name);
  }
  for (const tab of [
    "overview",
    "why",
    "patches",
    "compliance",
    "inventory",
    "associations",
    "commands",
    "timeline",
    "tags",
  ]) {
    await person.open(`/nodes/${NODE()}?tab=${tab}`);
    await picture(`node-${tab}`);
  }
  await patchNow(person, "Scan and install", false, { Rings: [canary, { Name: "rest" }] });
  await picture("patch-now-review");
  await page.getByRole("button", { name: "Previous" }).click();
  await picture("patch-now-rings");
  await page.getByRole("button", { name: "Dark mode" }).first().click();
  for (const [name, path] of [
    ["now", "/"],
    ["nodes", "/nodes"],
    ["node-why", `/nodes/${NODE()}?tab=why`],
    ["baseline-create", "/baselines/create"],
    ["automation", `/automations/${made.execution}`],
    ["policies", "/policies"],
    ["compliance", "/compliance"],
    ["parameter", "/parameters/%2Fprod%2Fweb%2Fcertificate-mail"],
    ["parameter-edit", "/parameters/%2Fprod%2Fdb%2Fpassword/edit"],
  ] as const) {
    await person.open(path);
    await picture(`dark-${name}`);
  }
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder(/A page, a node/).fill("base");
  await page.screenshot({ path: join(FOLDER, "palette.png"), animations: "disabled" });
});
