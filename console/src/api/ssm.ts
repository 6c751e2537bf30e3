// The `ssm` service through the AWS SDK for JavaScript, sent to the origin of the page.

import { SSMClient } from "@aws-sdk/client-ssm";
import type { ServiceInputTypes, ServiceOutputTypes, SSMClientResolvedConfig } from "@aws-sdk/client-ssm";
import type { Command } from "@smithy/types";

import type { Call } from "./call";
import { toCallError } from "./errors";
import { credentials, onSession, session } from "./session";

const clients = new Map<string, SSMClient>();

// A client remembers the credentials that it was given: whoever signs in next gets a new one.
onSession(() => {
  if (session() === undefined) clients.clear();
});

/** One client per region: the region is part of every signature. */
function client(region: string): SSMClient {
  let known = clients.get(region);
  if (known === undefined) {
    known = new SSMClient({
      region,
      endpoint: window.location.origin,
      credentials,
      maxAttempts: 2,
    });
    clients.set(region, known);
  }
  return known;
}

type CommandClass<I extends ServiceInputTypes, O extends ServiceOutputTypes> = new (
  input: I,
) => Command<ServiceInputTypes, I, ServiceOutputTypes, O, SSMClientResolvedConfig>;

export function ssm<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  operation: string,
  CommandOf: CommandClass<I, O>,
): Call<I, O> {
  return {
    service: "ssm",
    operation,
    run: async (input, signal) => {
      try {
        const { region } = await credentials();
        const options = signal === undefined ? {} : { abortSignal: signal };
        return await client(region).send(new CommandOf(input), options);
      } catch (error) {
        if (signal?.aborted === true) throw error;
        throw toCallError(operation, error);
      }
    },
  };
}
