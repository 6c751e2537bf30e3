// The `fettle` service: what AWS has no operation for, signed like every other call.

import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

import type { Call } from "./call";
import { credentials } from "./session";
import { exchange, outgoing } from "./wire";

async function signed<O>(operation: string, input: object, signal?: AbortSignal): Promise<O> {
  const who = await credentials();
  const { headers, body } = outgoing(operation, input);
  const signer = new SignatureV4({ service: "fettle", region: who.region, credentials: who, sha256: Sha256 });
  const { protocol, host, hostname, port } = window.location;
  const request = await signer.sign({
    method: "POST",
    protocol,
    hostname,
    ...(port === "" ? {} : { port: Number(port) }),
    path: "/",
    query: {},
    headers: { ...headers, host },
    body,
  });
  // The browser writes this one itself, and refuses to have it written.
  const { host: _, ...sent } = request.headers;
  return exchange<O>(operation, { headers: sent, body }, signal);
}

export function fettle<I extends object, O>(operation: string): Call<I, O> {
  return { service: "fettle", operation, run: (input, signal) => signed<O>(operation, input, signal) };
}
