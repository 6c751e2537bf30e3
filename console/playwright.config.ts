// Tests in a real browser against a real server with a real node. `npm run e2e`; pictures of every page: `npm run screenshots`.
import { existsSync } from "node:fs";

import { defineConfig } from "@playwright/test";

const CHROMIUM = [
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  globalSetup: "./e2e/world.ts",
  timeout: 90_000,
  expect: { timeout: 20_000 },
  // One server and one node for all: what one test does, another would see.
  workers: 1,
  forbidOnly: true,
  // As the other end-to-end tests have it: a second try, which the closing lines name.
  retries: 1,
  reporter: [["list"]],
  use: {
    viewport: { width: 1440, height: 900 },
    actionTimeout: 15_000,
    // A button that is still fading in has too little contrast.
    contextOptions: { reducedMotion: "reduce" },
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
    launchOptions: {
      ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
      args: [
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "console", testMatch: /\.spec\.ts$/, testIgnore: /screenshots/ },
    { name: "screenshots", testMatch: /screenshots\.spec\.ts$/ },
  ],
});
