// Passkeys in the browser, with an authenticator that the browser itself plays: made, used, named, refused and deleted.

import type { Page } from "@playwright/test";

import { expect, given, test } from "./person";
import { newUser, signIn, signOut } from "./users";

/** Browsers have no passkeys for an address; by this name the same server is one. */
function named(): string {
  const url = new URL(given("FETTLE_TEST_ORIGIN"));
  url.hostname = "localhost";
  return url.origin;
}

async function authenticator(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

/** The next answer that is sent to CreateSession, changed on its way. */
async function changeNext(page: Page, change: (body: string) => string): Promise<void> {
  await page.route(
    "**/",
    async (route) => {
      const request = route.request();
      if (request.headers()["x-amz-target"] !== "Fettle.CreateSession") return route.fallback();
      return route.continue({ postData: change(request.postData() ?? "") });
    },
    { times: 4 },
  );
}

test("a passkey, from its making to its end", async ({ person, browser }) => {
  await person.signIn();
  const who = await newUser(person);
  const context = await browser.newContext();
  const page = await context.newPage();
  await authenticator(page);
  const now = page.getByRole("heading", { name: "Now", level: 1 });
  const button = page.getByRole("button", { name: "Sign in with a passkey" });
  let answered = "";
  page.on("request", (request) => {
    const body = request.postData() ?? "";
    if (body.includes("AuthenticatorData") && body.includes("Signature")) answered = body;
  });

  await test.step("made by who is signed in", async () => {
    await signIn(page, who, named());
    await expect(now).toBeVisible();
    await page.evaluate(() => (window.location.hash = "#/account"));
    await page.getByRole("textbox", { name: "Name of the passkey" }).fill("laptop");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await expect(page.getByText("The passkey laptop is added.")).toBeVisible();
    await expect(page.getByRole("row", { name: /laptop.*localhost.*Never/ })).toBeVisible();
    await page.getByRole("button", { name: "Rename laptop" }).click();
    await page.getByRole("textbox", { name: "New name" }).fill("work laptop");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("row", { name: /work laptop/ })).toBeVisible();
  });

  await test.step("signs in without a name, also after signing out everywhere", async () => {
    await signOut(page, who, "Sign out everywhere");
    await button.click();
    // Where the person was.
    await expect(page.getByRole("heading", { name: "Passkeys (1)" })).toBeVisible();
    await expect(page.getByRole("button", { name: who.name })).toBeVisible();
  });

  await test.step("an answer is good once", async () => {
    await signOut(page, who, "Sign out");
    const first = answered;
    await changeNext(page, () => first);
    await button.click();
    await expect(
      page.getByText(/The passkey was not accepted: the challenge is not known, was used before/),
    ).toBeVisible();
    await page.unrouteAll();
  });

  await test.step("and for this origin", async () => {
    await changeNext(page, (body) => {
      const sent = JSON.parse(body) as { Passkey: { ClientData: string } };
      const said = Buffer.from(sent.Passkey.ClientData, "base64url")
        .toString()
        .replace(named(), "https://evil.example");
      sent.Passkey.ClientData = Buffer.from(said).toString("base64url");
      return JSON.stringify(sent);
    });
    await button.click();
    await expect(
      page.getByText(/asked for by `https:\/\/evil\.example`, which is not this server's origin/),
    ).toBeVisible();
    await page.unrouteAll();
  });

  await test.step("deleted, it signs nobody in", async () => {
    await button.click();
    await page
      .getByRole("row", { name: /work laptop/ })
      .getByRole("button", { name: "Delete" })
      .click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("No passkeys.")).toBeVisible();
    await signOut(page, who, "Sign out");
    await button.click();
    await expect(page.getByText(/it may have been deleted/)).toBeVisible();
  });
  await context.close();
});
