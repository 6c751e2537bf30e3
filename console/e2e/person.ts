// A person at the browser: signs in, walks, and notices whatever goes wrong on the way.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { expect, test as base } from "@playwright/test";
import type { Page } from "@playwright/test";

export function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is set by world.ts`);
  return value;
}

export const NODE = (): string => given("FETTLE_TEST_NODE");
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface Violation {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary?: string }[];
}

export class Person {
  /** What the browser complained of, and what left this server. */
  readonly complaints: string[] = [];

  constructor(readonly page: Page) {
    const origin = given("FETTLE_TEST_ORIGIN");
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning")
        this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`page error: ${error.message}`));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith("data:") && !url.startsWith("blob:"))
        this.complaints.push(`leaves the server: ${url}`);
    });
  }

  async signIn(region = "us-east-1"): Promise<void> {
    const { page } = this;
    await page.goto(`${given("FETTLE_TEST_ORIGIN")}/console/`);
    await page.getByRole("tab", { name: "Access key" }).click();
    await page.getByLabel("Access key id").fill(given("FETTLE_TEST_KEY"));
    await page.getByLabel("Secret access key").fill(given("FETTLE_TEST_SECRET"));
    await page.getByLabel("Region").fill(region);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(page.getByRole("heading", { name: "Now", level: 1 })).toBeVisible();
  }

  /** Opens a view without a reload, which would end a session by access key. */
  async open(path: string): Promise<void> {
    await this.page.evaluate((hash) => {
      window.location.hash = hash;
    }, `#${path}`);
    await this.settled();
  }

  /** Nothing is loading any more, at two looks: between a page and its data there is a moment in which nothing is. */
  async settled(): Promise<void> {
    for (let look = 0; look < 2; look += 1) {
      await this.page.evaluate(() => new Promise((next) => setTimeout(next, 250)));
      await expect(this.page.getByText(/^(Loading |Counting nodes)/)).toHaveCount(0);
    }
  }

  /** The browser itself notes each refused request; whatever else was noted stays. */
  forgiveRefusals(): void {
    const others = this.complaints.filter((complaint) => !complaint.includes("Failed to load resource"));
    this.complaints.splice(0, this.complaints.length, ...others);
  }

  /** No serious fault for whoever uses a keyboard or a screen reader. */
  async isAccessible(): Promise<void> {
    // Evaluated by the browser's own tools, since the page lets no foreign script in. It stays until the page is loaded anew.
    if (await this.page.evaluate(() => !("axe" in window))) await this.page.evaluate(readFileSync(AXE, "utf8"));
    const violations = await this.page.evaluate(async () => {
      const axe = (
        window as unknown as {
          axe: { run: (context: Document, options: object) => Promise<{ violations: Violation[] }> };
        }
      ).axe;
      return (await axe.run(document, { resultTypes: ["violations"] })).violations;
    });
    const serious = violations.filter((violation) => violation.impact === "serious" || violation.impact === "critical");
    const words = serious.map(
      (violation) => `${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`,
    );
    expect(words, "axe").toEqual([]);
  }
}

/** A test whose person must have nothing to complain of at its end. */
export const test = base.extend<{ person: Person }>({
  person: async ({ page }, give) => {
    const person = new Person(page);
    await give(person);
    expect(person.complaints).toEqual([]);
  },
});

export { expect };
