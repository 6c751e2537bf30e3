// The server's object store, past the browser: what somebody has put there.

import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

import { given } from "./person";

/** A bucket, or an object in one: `/bucket/key`. */
export async function put(path: string, body: Uint8Array = new Uint8Array()): Promise<void> {
  const { protocol, host, hostname, port } = new URL(given("FETTLE_TEST_ORIGIN"));
  const signer = new SignatureV4({
    service: "s3",
    region: "us-east-1",
    credentials: { accessKeyId: given("FETTLE_TEST_KEY"), secretAccessKey: given("FETTLE_TEST_SECRET") },
    sha256: Sha256,
    uriEscapePath: false,
  });
  const request = { method: "PUT", protocol, hostname, port: Number(port), path, query: {}, headers: { host }, body };
  const { host: _, ...headers } = (await signer.sign(request)).headers;
  const address = `${given("FETTLE_TEST_ORIGIN")}${path}`;
  const answer = await fetch(address, { method: "PUT", headers, body: Buffer.from(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}
