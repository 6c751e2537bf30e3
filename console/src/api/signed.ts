// A request of any service, signed with the user's own credentials.

import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

import { credentials } from "./session";

interface Unsigned {
  readonly service: string;
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The headers to send. */
export async function signedHeaders(request: Unsigned): Promise<Record<string, string>> {
  const who = await credentials();
  const { service, method, path, query = {}, headers, body } = request;
  const signer = new SignatureV4({ service, region: who.region, credentials: who, sha256: Sha256 });
  const { protocol, host, hostname, port } = window.location;
  const signed = await signer.sign({
    method,
    protocol,
    hostname,
    ...(port === "" ? {} : { port: Number(port) }),
    path,
    query,
    headers: { ...headers, host },
    body,
  });
  // The browser writes this one itself, and refuses to have it written.
  const { host: _, ...sent } = signed.headers;
  return sent;
}
