// The console in a headless browser against a running server: first contentful paint of home and of the node list, median of
// several loads of a signed-in reader, and on each page the rows that its calls were answered with against the rows it shows.
// Called by server.sh: console.mjs LINK RESULTS. Results: `paint`, page, ms; `rows`, page, answered, shown.
import { appendFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../../console/package.json", import.meta.url))("@playwright/test");

const LOADS = 9;
const SETTLE_MS = 400;
const DEADLINE_MS = 60_000;
const PAGES = [
  ["home", "/"],
  ["nodes", "/nodes"],
  ["compliance", "/compliance"],
  ["baselines", "/baselines"],
  ["patch now", "/patch-now"],
  ["rollouts", "/rollouts"],
  ["commands", "/commands"],
  ["documents", "/documents"],
  ["associations", "/associations"],
  ["automations", "/automations"],
  ["windows", "/windows"],
  ["users", "/users"],
];

const [link, results] = process.argv.slice(2);
const origin = new URL(link).origin;
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const browser = await chromium.launch({
  ...(executablePath === undefined ? {} : { executablePath }),
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"],
});

function tell(kind, name, ...numbers) {
  appendFileSync(results, `${[kind, name, ...numbers].join("\t")}\n`);
}

/** What an answer lists: its longest list. */
function listed(answer) {
  const lists = Object.values(answer ?? {}).filter(Array.isArray);
  return Math.max(0, ...lists.map((list) => list.length));
}

function isCall(request) {
  return request.method() === "POST" && request.headers()["x-amz-target"] !== undefined;
}

/** Until nothing is said to be loading and no call is under way. */
async function settled(page, calls) {
  const until = Date.now() + DEADLINE_MS;
  for (let quiet = 0; quiet < 2; ) {
    await page.waitForTimeout(SETTLE_MS);
    const loading = await page.getByText(/^(Loading |Counting nodes)/).count();
    quiet = loading === 0 && calls.size === 0 ? quiet + 1 : 0;
    if (Date.now() > until) throw new Error(`${page.url()} does not settle`);
  }
}

async function paint(context, path) {
  const page = await context.newPage();
  const begun = Date.now();
  await page.goto(`${origin}/console/#${path}`);
  const painted = await page.waitForFunction(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
    undefined,
    { polling: 20, timeout: DEADLINE_MS },
  );
  const first = await painted.jsonValue();
  // Of the whole fleet, from the server: what the reader came for.
  await page.getByText(/100,000|[0-9],000/).first().waitFor({ timeout: DEADLINE_MS });
  const shown = Date.now() - begun;
  await page.close();
  return { first, shown };
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** Of a load of its own, so that nothing is there from another page. */
async function rows(context, name, path) {
  const page = await context.newPage();
  let answered = 0;
  const pending = [];
  const calls = new Set();
  page.on("request", (request) => isCall(request) && calls.add(request));
  page.on("requestfinished", (request) => calls.delete(request));
  page.on("requestfailed", (request) => calls.delete(request));
  const count = (response) => {
    const request = response.request();
    if (!isCall(request)) return;
    const asked = JSON.parse(request.postData() ?? "{}").MaxResults;
    // One row asked for is a look at the total.
    if (asked === 1) return;
    pending.push(response.json().then((answer) => (answered += listed(answer))));
  };
  page.on("response", count);
  await page.goto(`${origin}/console/#${path}`);
  await page.locator("main h1, main h2").first().waitFor({ timeout: DEADLINE_MS });
  await settled(page, calls);
  page.off("response", count);
  await Promise.all(pending);
  const shown = await page.evaluate(
    () => [...document.querySelectorAll("main tbody tr, main li")].filter((row) => row.closest("nav") === null).length,
  );
  tell("rows", name, answered, shown);
  await page.close();
}

try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const first = await context.newPage();
  await first.goto(link);
  await first.getByRole("heading", { name: "Now", level: 1 }).waitFor({ timeout: DEADLINE_MS });
  for (const [name, path] of PAGES.slice(0, 2)) {
    const loads = [];
    for (let load = 0; load < LOADS; load += 1) loads.push(await paint(context, path));
    tell("paint", name, Math.round(median(loads.map((load) => load.first))), Math.round(median(loads.map((load) => load.shown))));
  }
  for (const [name, path] of PAGES) await rows(context, name, path);
} finally {
  await browser.close();
}
