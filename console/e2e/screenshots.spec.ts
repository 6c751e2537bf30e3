// A picture of every view, light, and of some in the dark: `console/screenshots`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { NODE, test } from "./person";
import { patchNow, scan } from "./steps";
import { VIEWS } from "./views";

const FOLDER = join(import.meta.dirname, "../screenshots");

test("pictures", async ({ person }) => {
  test.setTimeout(300_000);
  mkdirSync(FOLDER, { recursive: true });
  const { page } = person;
  const picture = async (name: string): Promise<void> => {
    await person.settled();
    await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled" });
  };
  await page.goto(`${process.env["FETTLE_TEST_ORIGIN"] ?? ""}/console/`);
  await picture("sign-in");
  await person.signIn();
  await scan(person);
  await picture("patch-now-run");
  await page.getByRole("link", { name: "Output" }).first().click();
  await page.getByRole("region", { name: "Output" }).first().waitFor();
  await picture("output");
  await person.open("/");
  await picture("now");
  for (const [name, path] of VIEWS) {
    await person.open(path);
    await picture(name);
  }
  for (const tab of ["overview", "why", "patches", "compliance", "inventory", "commands", "timeline", "tags"]) {
    await person.open(`/nodes/${NODE()}?tab=${tab}`);
    await picture(`node-${tab}`);
  }
  await patchNow(person, "Scan and install", false);
  await picture("patch-now-review");
  await page.getByRole("button", { name: "Dark mode" }).first().click();
  for (const [name, path] of [
    ["now", "/"],
    ["nodes", "/nodes"],
    ["node-why", `/nodes/${NODE()}?tab=why`],
  ] as const) {
    await person.open(path);
    await picture(`dark-${name}`);
  }
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder(/A page, a node/).fill("base");
  await page.screenshot({ path: join(FOLDER, "palette.png"), animations: "disabled" });
});
