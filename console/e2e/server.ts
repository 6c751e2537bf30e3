// The tests' own way to the server, past the browser: what somebody else does meanwhile.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CreateActivationCommand, SSMClient } from "@aws-sdk/client-ssm";

import { given } from "./person";

export function ssmClient(region = "us-east-1"): SSMClient {
  return new SSMClient({
    endpoint: given("FETTLE_TEST_ORIGIN"),
    region,
    credentials: { accessKeyId: given("FETTLE_TEST_KEY"), secretAccessKey: given("FETTLE_TEST_SECRET") },
  });
}

/** A machine of which nothing but its keys is made. */
export function register(region: string, activation: { readonly id: string; readonly code: string }): void {
  const folder = mkdtempSync(join(tmpdir(), "fettle-joins-"));
  try {
    execFileSync(
      given("FETTLE_TEST_AGENT"),
      ["enroll", "--endpoint", given("FETTLE_TEST_ORIGIN"), "--region", region, "--activation-id", activation.id],
      {
        env: { ...process.env, FETTLE_AGENT_DATA: folder, FETTLE_ACTIVATION_CODE: activation.code },
        stdio: "pipe",
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Machines of these names. */
export async function registerNamed(region: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const made = await ssmClient(region).send(
      new CreateActivationCommand({ IamRole: "fettle-node", RegistrationLimit: 1, DefaultInstanceName: name }),
    );
    register(region, { id: made.ActivationId ?? "", code: made.ActivationCode ?? "" });
  }
}
