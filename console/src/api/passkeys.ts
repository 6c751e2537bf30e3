// Passkeys of whoever is signed in. Operations of the `fettle` model.

import type { Call } from "./call";
import { fettle } from "./fettle";
import { makePasskey } from "./webauthn";
import type { AskedForNew, NewPasskey } from "./webauthn";

export interface Passkey {
  PasskeyId: string;
  Name: string;
  RelyingPartyId: string;
  CreatedAt: number;
  LastUsedAt?: number;
  /** When its counter did not go on, as that of a copy does not. */
  RefusedAt?: number;
}

const start = fettle<object, AskedForNew>("StartPasskeyRegistration");
const register = fettle<NewPasskey & { Name: string }, { Passkey: Passkey }>("RegisterPasskey");

export const listPasskeys = fettle<object, { Passkeys: Passkey[] }>("ListPasskeys");
export const updatePasskey = fettle<{ PasskeyId: string; Name: string }, { Passkey: Passkey }>("UpdatePasskey");
export const deletePasskey = fettle<{ PasskeyId: string }, object>("DeletePasskey");

/** Asks the server for a challenge, an authenticator for a passkey, and has the server keep it. */
export const addPasskey: Call<{ Name: string }, { Passkey: Passkey }> = {
  service: "fettle",
  operation: "RegisterPasskey",
  run: async ({ Name }, signal) => register.run({ Name, ...(await makePasskey(await start.run({}, signal))) }, signal),
};
