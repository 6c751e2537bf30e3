// What the tests look at: a server of its own with an empty data folder, and a node: an agent over a made-up
// Debian whose packages real apt can update. Everything is in one temporary folder and ends with the tests.

import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { CreateActivationCommand, DescribeInstanceInformationCommand, SSMClient } from "@aws-sdk/client-ssm";

const ROOT = resolve(import.meta.dirname, "../..");
const PROGRAMS = process.env["FETTLE_PROGRAMS"] ?? join(ROOT, "target/debug");
const REGION = "us-east-1";
const DEADLINE_MS = 60_000;

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) found(address.port);
        else failed(new Error("no port"));
      });
    });
  });
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const until = Date.now() + DEADLINE_MS;
  let last: unknown;
  while (Date.now() < until) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((next) => setTimeout(next, 200));
  }
  throw new Error(`${what} did not come to pass: ${String(last)}`);
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((ended) => {
    if (child.exitCode !== null) {
      ended();
      return;
    }
    child.once("exit", () => ended());
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), 10_000).unref();
  });
}

/** Starts it all; what it returns ends it. */
export default async function world(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "fettle-console-"));
  const running: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of running.reverse()) await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const start = (name: string, args: readonly string[], env: NodeJS.ProcessEnv): void => {
    const log = openSync(join(folder, `${name}.log`), "a");
    running.push(spawn(join(PROGRAMS, name), args, { env: { ...process.env, ...env }, stdio: ["ignore", log, log] }));
  };
  try {
    const data = join(folder, "data");
    const address = process.env["FETTLE_LISTEN_CONSOLE"] ?? `127.0.0.1:${await freePort()}`;
    const endpoint = `http://${address}`;
    start("fettle", ["server", "--data", data, "--listen", address], {});
    await eventually("the server answers", async () => ((await fetch(`${endpoint}/healthz`)).ok ? true : undefined));
    const key = JSON.parse(
      execFileSync(join(PROGRAMS, "fettle"), ["credentials", "--data", data, "--json"], { encoding: "utf8" }),
    ) as { AccessKeyId: string; SecretAccessKey: string };
    const client = new SSMClient({
      endpoint,
      region: REGION,
      credentials: { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey },
    });
    const node = await enrol(folder, endpoint, client, start);
    Object.assign(process.env, {
      FETTLE_TEST_ORIGIN: process.env["FETTLE_CONSOLE_ORIGIN"] ?? endpoint,
      FETTLE_TEST_KEY: key.AccessKeyId,
      FETTLE_TEST_SECRET: key.SecretAccessKey,
      FETTLE_TEST_NODE: node,
      FETTLE_TEST_CLI: join(PROGRAMS, "fettle"),
      FETTLE_TEST_AGENT: join(PROGRAMS, "fettle-agent"),
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

async function enrol(
  folder: string,
  endpoint: string,
  client: SSMClient,
  start: (name: string, args: readonly string[], env: NodeJS.ProcessEnv) => void,
): Promise<string> {
  const bed = join(folder, "bed");
  execFileSync(join(ROOT, "testbeds/apt-local-repo.sh"), [bed], {
    env: { ...process.env, BED_UNSIGNED: "1" },
    stdio: "ignore",
  });
  // The made-up machine must not restart the one that it runs on.
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/shutdown"), "#!/bin/sh\nexit 0\n");
  chmodSync(join(folder, "bin/shutdown"), 0o755);
  writeFileSync(join(bed, "root/etc/hostname"), "web-1\n");
  const environment = {
    FETTLE_AGENT_DATA: join(folder, "agent"),
    FETTLE_AGENT_ROOT: join(bed, "root"),
    FETTLE_AGENT_CHECK_EVERY: "0",
    PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
    TB_SLOW: "1",
  };
  const activation = await client.send(
    new CreateActivationCommand({ IamRole: "fettle-node", RegistrationLimit: 5, DefaultInstanceName: "web-1" }),
  );
  execFileSync(
    join(PROGRAMS, "fettle-agent"),
    ["enroll", "--endpoint", endpoint, "--region", REGION, "--activation-id", activation.ActivationId ?? ""],
    { env: { ...process.env, ...environment, FETTLE_ACTIVATION_CODE: activation.ActivationCode ?? "" }, stdio: "pipe" },
  );
  start("fettle-agent", ["run"], environment);
  return eventually("the node is online", async () => {
    const { InstanceInformationList: [node] = [] } = await client.send(new DescribeInstanceInformationCommand({}));
    return node?.PingStatus === "Online" ? node.InstanceId : undefined;
  });
}
