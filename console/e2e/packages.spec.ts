// A package from its manifest to a node that has it.

import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, NODE, test } from "./person";
import { put } from "./objects";

/** A zip whose scripts say what they do. */
function archive(version: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "fettle-package-"));
  try {
    for (const script of ["install", "uninstall"])
      writeFileSync(join(folder, `${script}.sh`), `echo ${script} of ${version}\n`);
    execFileSync("python3", ["-m", "zipfile", "-c", "tool.zip", "install.sh", "uninstall.sh"], { cwd: folder });
    return readFileSync(join(folder, "tool.zip"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function manifest(version: string, zip: Buffer): string {
  const sha256 = createHash("sha256").update(zip).digest("hex");
  return JSON.stringify({
    schemaVersion: "2.0",
    version,
    publisher: "Ada",
    packages: { _any: { _any: { _any: { file: "tool.zip" } } } },
    files: { "tool.zip": { checksums: { sha256 }, size: zip.length } },
  });
}

test("a package: made, installed, given another version, deleted", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  const name = `tool-${randomBytes(4).toString("hex")}`;
  const [first, second] = [archive("1.0"), archive("1.1")];
  await put(`/${name}`);
  await put(`/${name}/1.0/tool.zip`, first);
  await put(`/${name}/1.1.zip`, second);
  await person.signIn();
  await person.open("/packages");
  await page.getByRole("link", { name: "Create package" }).click();

  await test.step("the form says what is wrong", async () => {
    await page.getByRole("button", { name: "Create package" }).click();
    await expect(page.getByText(/^files\.tool\.zip\.checksums\.sha256 has 64/)).toBeVisible();
    await expect(page.getByText("an address such as s3://packages/tool/1.0")).toBeVisible();
    await person.isAccessible();
  });

  await test.step("it is created from a folder of the object store", async () => {
    await page.getByRole("textbox", { name: "Name", exact: true }).fill(name);
    await page.getByRole("textbox", { name: "Manifest" }).fill(manifest("1.0", first));
    await expect(page.getByRole("row", { name: "any any any tool.zip" })).toBeVisible();
    await page.getByRole("textbox", { name: "Folder" }).fill(`s3://${name}/1.0`);
    await page.getByRole("button", { name: "Create package" }).click();
    await expect(page.getByText(`The package ${name} is created.`)).toBeVisible();
    await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
    await expect(page.getByText("Version 1.0", { exact: true })).toBeVisible();
    await expect(page.getByRole("table", { name: "Files" }).getByRole("link", { name: "tool.zip" })).toBeVisible();
    await person.isAccessible();
  });

  await test.step("it is installed on a node, with the form filled in", async () => {
    await page.getByRole("link", { name: "Install", exact: true }).click();
    await expect(page.getByLabel("action", { exact: true })).toHaveValue("Install");
    await expect(page.getByLabel("name", { exact: true })).toHaveValue(name);
    await page.getByLabel("Node ids").fill(NODE());
    await page.getByRole("button", { name: "Send command" }).last().click();
    await page.getByRole("link", { name: "Output" }).first().click();
    await expect(page.getByRole("region", { name: "Output" }).first()).toContainText(`${name} 1.0 is installed`, {
      timeout: 60_000,
    });
    await person.open(`/packages/${name}?tab=runs`);
    await expect(page.getByRole("row", { name: /Install default Success web-1/ })).toBeVisible();
    await person.isAccessible();
  });

  await test.step("a new version, of a single file", async () => {
    await page.getByRole("link", { name: "New version" }).click();
    await page.getByRole("textbox", { name: "Manifest" }).fill(manifest("1.1", second));
    await page.getByRole("radio", { name: /^Single files/ }).check({ force: true });
    await page.getByRole("button", { name: "Save version" }).click();
    await expect(page.getByText("s3://BUCKET/KEY, or DOCUMENT/VERSION/FILE")).toBeVisible();
    await page.getByRole("textbox", { name: "tool.zip" }).fill(`s3://${name}/1.1.zip`);
    await page.getByRole("button", { name: "Save version" }).click();
    await expect(page.getByRole("row", { name: /^2 1\.1.*Make default/ })).toBeVisible();
    await page.getByRole("button", { name: "Make default" }).first().click();
    await expect(page.getByText("Version 1.1", { exact: true })).toBeVisible();
  });

  await test.step("the list has it, and it is deleted once that is confirmed", async () => {
    await person.open("/packages");
    await expect(page.getByRole("row", { name: new RegExp(`${name} 1\\.1 2`) })).toBeVisible();
    await page.getByRole("link", { name }).click();
    await expect(page.getByRole("link", { name: "Uninstall" })).toBeVisible();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(`The package ${name} is deleted.`)).toBeVisible();
  });
  person.forgiveRefusals();
});
