// A person's whole path on one real node: look, understand, make a rule, scan, install, and see that it helped.

import { expect, NODE, test } from "./person";
import { ended, patchNow, scan } from "./steps";

test("from the first look to a patched node", async ({ person }) => {
  test.setTimeout(240_000);
  const { page } = person;
  await person.signIn();
  await person.settled();

  await test.step("what was never scanned is unknown", async () => {
    await person.open("/nodes");
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
  });

  await test.step("a scan, watched to its end", async () => {
    await scan(person);
    await page.getByRole("link", { name: "Output" }).first().click();
    await expect(page.getByRole("region", { name: "Output" }).first()).toContainText("tb-conf");
  });

  await test.step("why it is not compliant, with the proof", async () => {
    await person.open(`/nodes/${NODE()}?tab=why`);
    await expect(page.getByText(/approved patches are missing/)).toBeVisible();
    await expect(page.getByText(/comes from bookworm-security/).first()).toBeVisible();
    await expect(page.getByRole("link", { name: "Install what is missing" })).toBeVisible();
  });

  await test.step("numbers open what they count", async () => {
    await person.open("/nodes");
    const missing = page.locator(`a[href="#/nodes/${NODE()}?tab=patches&state=Missing"]`);
    const count = Number(await missing.innerText());
    await missing.click();
    await expect(page.getByRole("row")).toHaveCount(count + 1);
    await person.open("/compliance");
    await page.getByRole("link", { name: "1 non-compliant" }).first().click();
    await expect(page).toHaveURL(/tab=resources&type=Patch&status=NON_COMPLIANT/);
    await page.getByRole("table", { name: "Resources" }).getByRole("link", { name: "web-1" }).click();
    await expect(page.getByRole("heading", { name: "Compliance items" })).toBeVisible();
  });

  await test.step("a baseline of one's own", async () => {
    await person.open("/baselines/create");
    await page.getByLabel("Name", { exact: true }).fill("a");
    await expect(page.getByText(/3 to 128 letters/)).toBeVisible();
    await page.getByLabel("Name", { exact: true }).fill("web-servers");
    // No rule: what is named, and nothing else.
    await page.getByRole("button", { name: "Remove rule 1" }).click();
    await page.getByLabel("Approved patches", { exact: true }).fill("tb-conf\ntb-epoch");
    // What that would do, before it is saved.
    await expect(page.getByText("From what 1 node reported.")).toBeVisible();
    await expect(page.getByRole("tab", { name: "Approved (2)" })).toBeVisible();
    await expect(page.getByRole("cell", { name: "the entry tb-epoch" })).toBeVisible();
    await page.getByLabel("Rejected patches", { exact: true }).fill("tb-ssl");
    await page.getByRole("tab", { name: /^Rejected \([1-9]/ }).click();
    await expect(page.getByRole("cell", { name: "the entry tb-ssl" }).first()).toBeVisible();
    await page.getByLabel("Rejected patches", { exact: true }).fill("");
    await expect(page.getByText("Of this form as it stands")).toBeVisible();
    await person.isAccessible();
    await page.getByRole("button", { name: "Create patch baseline" }).click();
    await expect(page.getByRole("heading", { name: "web-servers", level: 1 })).toBeVisible();
  });

  await test.step("a patch group on it, and the node in it", async () => {
    await page.getByRole("tab", { name: "Patch groups" }).click();
    await page.getByRole("textbox", { name: "Patch group" }).fill("web");
    await page.getByRole("button", { name: "Add patch group" }).click();
    await expect(page.getByText("web", { exact: true })).toBeVisible();
    await person.open(`/nodes/${NODE()}?tab=tags`);
    await page.getByRole("button", { name: "Add a tag" }).click();
    await page.getByRole("textbox", { name: "Key" }).last().fill("PatchGroup");
    await page.getByRole("textbox", { name: "Value" }).last().fill("web");
    await page.getByRole("button", { name: "Save tags" }).click();
    await expect(page.getByText("The tags are set.")).toBeVisible();
  });

  await test.step("what a change of it would change", async () => {
    await person.open("/baselines");
    await page.getByRole("link", { name: "web-servers" }).click();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await expect(page.getByText(/Approves the same patches as what is saved/)).toBeVisible();
    await page.getByLabel("Approved patches", { exact: true }).fill("tb-conf");
    await expect(page.getByText(/0 newly approved, 1 no longer. Nodes that it changes: 1 of the 1/)).toBeVisible();
    await page.getByLabel("Approved patches", { exact: true }).fill("tb-conf\n" + "x".repeat(101));
    await expect(page.getByText("The form has errors: what is shown is older")).toBeVisible();
    await page.getByRole("link", { name: "Cancel" }).click();
  });

  await test.step("an installation, and the node is compliant", async () => {
    await patchNow(person, "Scan and install", true);
    await ended(person);
    await expect(page.getByText("Compliant", { exact: true }).first()).toBeVisible();
    await person.open(`/nodes/${NODE()}`);
    await expect(page.getByText("Compliant", { exact: true }).first()).toBeVisible();
    await expect(page.getByRole("link", { name: /^pb-/ })).toBeVisible();
  });

  await test.step("once more in rings, the first of which somebody lets on", async () => {
    const canary = { Name: "canary", Percent: 100, RequireApproval: true };
    await patchNow(person, "Scan and install", true, { Rings: [canary, { Name: "rest" }] });
    await page.getByRole("link", { name: /^ring canary/ }).click();
    await expect(page.getByText("Awaiting approval", { exact: true })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByRole("heading", { name: "Ring 1: canary (now)" })).toBeVisible();
    await person.isAccessible();
    await page.getByRole("button", { name: "Approve" }).click();
    await expect(page.getByText("Succeeded", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
    await person.open("/rollouts");
    await page.getByRole("link", { name: "canary → rest" }).click();
    await expect(page.getByRole("heading", { name: "Rollout", level: 1 })).toBeVisible();
  });

  await test.step("the difference between the two reports", async () => {
    await person.open(`/nodes/${NODE()}?tab=timeline`);
    const boxes = page.getByRole("checkbox");
    await expect(boxes).toHaveCount(4);
    // Before and after the installation; the newest is that of the rings.
    await boxes.nth(2).check({ force: true });
    await boxes.nth(3).check({ force: true });
    await expect(page.getByRole("heading", { name: "What changed" })).toBeVisible();
    await expect(page.getByText("Settled").first()).toBeVisible();
    await expect(page.getByRole("table", { name: "Installations" }).getByText("2 packages")).toBeVisible();
    await person.isAccessible();
  });
});

test("a command, its output, and the line for the AWS CLI", async ({ person }) => {
  const { page } = person;
  await person.signIn();
  await person.open(`/commands/send?nodes=${NODE()}`);
  await page.getByLabel("commands", { exact: true }).fill("echo hello from the console");
  await page.getByRole("button", { name: "Copy as aws command" }).click();
  await expect(page.getByText(/^aws ssm send-command .*hello from the console/)).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Send command" }).last().click();
  await page.getByRole("link", { name: "Output" }).first().click();
  await expect(page.getByRole("region", { name: "Output" }).first()).toContainText("hello from the console");
  await person.isAccessible();
});

test("an association, a window and a runbook with an approval", async ({ person }) => {
  test.setTimeout(240_000);
  const { page } = person;
  await person.signIn();

  await person.open("/associations/create");
  await page.getByLabel("Name of the association").fill("daily-scan");
  await page.getByRole("button", { name: "Create association" }).last().click();
  await expect(page.getByRole("heading", { name: "daily-scan", level: 1 })).toBeVisible();
  await expect(page.getByText("Success", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await person.isAccessible();
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByRole("textbox", { name: "Schedule" }).fill("rate(2 days)");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("rate(2 days)", { exact: true })).toBeVisible();
  await expect(page.getByText("daily-scan").first()).toBeVisible();

  await person.open("/windows/create");
  await page.getByLabel("Name", { exact: true }).fill("sundays");
  await page.getByRole("button", { name: "Create maintenance window" }).last().click();
  await expect(page.getByRole("heading", { name: "sundays", level: 1 })).toBeVisible();
  await page.getByRole("tab", { name: "Add patching" }).click();
  await page.getByLabel("Tag", { exact: true }).last().fill("Env");
  await page.getByLabel("Values").fill("prod");
  await page.getByRole("button", { name: "Add target and task" }).click();
  await expect(page.getByText("The window patches these nodes from now on.")).toBeVisible();
  await person.open("/windows");
  await expect(page.getByRole("heading", { name: "Next occurrences" })).toBeVisible();
  await person.isAccessible();

  // The window with a task of another kind, moved to a moment from now, and what it did then.
  await page.getByRole("link", { name: "sundays" }).first().click();
  await page.getByRole("tab", { name: "Tasks" }).click();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("The window does not run this task any more.")).toBeVisible();
  await page.getByRole("tab", { name: "Targets" }).click();
  await page.getByRole("row").nth(1).getByRole("link").click();
  await page.getByLabel("Name of the target").fill("the-node");
  await page.getByRole("radio", { name: /^Nodes/ }).check({ force: true });
  await page.getByLabel("Node ids").fill(NODE());
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The target is saved.")).toBeVisible();
  await page.getByRole("tab", { name: "Tasks" }).click();
  await page.getByRole("link", { name: "Add a task" }).click();
  await page.getByRole("button", { name: "Document" }).click();
  await page.getByRole("option", { name: "AWS-RunShellScript" }).click();
  await page.getByLabel("commands", { exact: true }).fill("echo in the window");
  await page.getByRole("button", { name: "Targets of the window" }).click();
  await page.getByRole("option", { name: /the-node/ }).click();
  await page.keyboard.press("Escape");
  await person.isAccessible();
  await page.getByRole("button", { name: "Add task" }).click();
  await expect(page.getByText("The window runs AWS-RunShellScript from now on.")).toBeVisible();
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  const soon = new Date(Date.now() + 4000).toISOString().slice(0, 19);
  await page.getByRole("textbox", { name: "Schedule" }).fill(`at(${soon})`);
  await page.getByRole("textbox", { name: "Time zone" }).fill("UTC");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("sundays is saved.")).toBeVisible();
  await page.getByRole("row").nth(1).getByRole("link").click();
  await expect(page.getByRole("heading", { name: "Task AWS-RunShellScript" })).toBeVisible();
  await person.isAccessible();
  await page.getByRole("row").nth(1).getByRole("link").click();
  await page.getByRole("link", { name: "Output" }).first().click();
  await expect(page.getByRole("region", { name: "Output" }).first()).toContainText("in the window");

  await person.open("/create/document");
  await page.getByLabel("Name", { exact: true }).fill("careful");
  await page.getByRole("button", { name: "Type" }).click();
  await page.getByRole("option", { name: "Automation" }).click();
  await page.getByRole("button", { name: "Create document" }).last().click();
  await page.getByRole("link", { name: "Start automation" }).click();
  await page.getByLabel("Node", { exact: true }).fill(NODE());
  await page.getByRole("button", { name: "Start automation" }).last().click();
  await expect(page.getByText("ask waits for an approval")).toBeVisible();
  await person.isAccessible();
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("Success", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
});

test("the keyboard leads everywhere, in the dark as well", async ({ person }) => {
  const { page } = person;
  await person.signIn();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: /Page, node/ })).toBeFocused();
  await page.keyboard.type("mainten");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Maintenance windows" })).toBeVisible();
  await page.getByRole("button", { name: "Dark mode" }).first().click();
  await person.open("/nodes");
  await person.isAccessible();
  await person.open("/");
  await person.isAccessible();
});
