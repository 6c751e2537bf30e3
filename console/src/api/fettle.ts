// The `fettle` service: what AWS has no operation for, signed like every other call.

import type { Call } from "./call";
import { signedHeaders } from "./signed";
import { exchange, outgoing } from "./wire";

async function signed<O>(operation: string, input: object, signal?: AbortSignal): Promise<O> {
  const { headers, body } = outgoing(operation, input);
  const sent = await signedHeaders({ service: "fettle", method: "POST", path: "/", headers, body });
  return exchange<O>(operation, { headers: sent, body }, signal);
}

export function fettle<I extends object, O>(operation: string): Call<I, O> {
  return { service: "fettle", operation, run: (input, signal) => signed<O>(operation, input, signal) };
}
