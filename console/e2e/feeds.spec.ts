// A feed of advisories: imported by the line that the page shows, listed, deleted.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, given, test } from "./person";

// Of its own: other tests look for CVEs of theirs.
const REGION = "eu-north-1";
const FEED = {
  openssl: {
    "CVE-2026-0001": {
      releases: {
        bookworm: {
          status: "resolved",
          repositories: { bookworm: "3.0.0-1" },
          fixed_version: "3.0.11-1",
          urgency: "high",
        },
      },
    },
  },
};

test("a feed is imported, seen and deleted", async ({ person }) => {
  const { page } = person;
  const folder = mkdtempSync(join(tmpdir(), "fettle-feed-"));
  const file = join(folder, "tracker.json");
  writeFileSync(file, JSON.stringify(FEED));
  try {
    await person.signIn(REGION);
    await person.open("/feeds");
    await expect(page.getByText(/^No feed is imported/)).toBeVisible();
    await person.isAccessible();

    await page.getByLabel("File, folder or address").fill(file);
    await page.getByLabel("Name of the feed").fill("debian");
    const [, ...words] = (await page.locator("pre.output").innerText()).split(" ");
    execFileSync(given("FETTLE_TEST_CLI"), words, {
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: given("FETTLE_TEST_KEY"),
        AWS_SECRET_ACCESS_KEY: given("FETTLE_TEST_SECRET"),
      },
      stdio: "pipe",
    });
    await page.getByRole("button", { name: "Refresh advisory feeds" }).click();
    const row = page.getByRole("row", { name: /debian Debian's security tracker .*tracker\.json .* debian:bookworm/ });
    await expect(row).toBeVisible();
    await person.isAccessible();

    await row.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("The feed debian is deleted.")).toBeVisible();
    await expect(page.getByText(/^No feed is imported/)).toBeVisible();

    await page.getByRole("link", { name: "Search by CVE" }).click();
    await page.getByLabel("CVE id").fill("CVE-2026-0001");
    await page.getByRole("link", { name: "feeds are imported" }).click();
    await expect(page.getByRole("heading", { name: "Import a feed" })).toBeVisible();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
