// The browser's side of passkeys: asks an authenticator, and hands over what it answers as the server reads it.

import { CallError } from "./errors";

export interface Asked {
  Challenge: string;
  RelyingPartyId: string;
  TimeoutSeconds: number;
}

export interface AskedForNew extends Asked {
  UserHandle: string;
  UserName: string;
  PasskeyIds: string[];
}

export interface NewPasskey {
  PasskeyId: string;
  ClientData: string;
  AuthenticatorData: string;
  PublicKey: string;
  Algorithm: number;
}

export interface Assertion {
  PasskeyId: string;
  ClientData: string;
  AuthenticatorData: string;
  Signature: string;
  UserHandle: string;
}

/** ES256, EdDSA, RS256: what the server verifies. */
const ALGORITHMS = [-7, -8, -257];

export function toBase64Url(bytes: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const decoded = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(decoded, (letter) => letter.charCodeAt(0));
}

/** Browsers have passkeys over TLS and on localhost, and for names alone. */
export function hasPasskeys(): boolean {
  const { hostname } = window.location;
  const isAddress = /^[\d.]+$/.test(hostname) || hostname.startsWith("[");
  return window.isSecureContext && "PublicKeyCredential" in window && !isAddress;
}

async function asked(operation: string, ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let found: Credential | null;
  try {
    found = await ask();
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "InvalidStateError")
      throw new CallError(operation, name, "this authenticator has a passkey for you already", 400);
    if (name === "NotAllowedError")
      throw new CallError(
        operation,
        name,
        "no passkey: it was cancelled, took too long, or none is for this server",
        400,
      );
    throw new CallError(operation, name, error instanceof Error ? error.message : String(error), 400);
  }
  if (!(found instanceof PublicKeyCredential)) throw new CallError(operation, "NoPasskey", "no passkey was given", 400);
  return found;
}

export async function makePasskey(request: AskedForNew): Promise<NewPasskey> {
  const made = await asked("RegisterPasskey", () =>
    navigator.credentials.create({
      publicKey: {
        challenge: fromBase64Url(request.Challenge),
        rp: { id: request.RelyingPartyId, name: "Fettle" },
        user: { id: fromBase64Url(request.UserHandle), name: request.UserName, displayName: request.UserName },
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
        attestation: "none",
        excludeCredentials: request.PasskeyIds.map((id) => ({ type: "public-key", id: fromBase64Url(id) })),
        timeout: request.TimeoutSeconds * 1000,
      },
    }),
  );
  const answer = made.response as AuthenticatorAttestationResponse;
  const key = answer.getPublicKey();
  if (key === null)
    throw new CallError("RegisterPasskey", "NoPublicKey", "the browser does not hand over the passkey's key", 400);
  return {
    PasskeyId: toBase64Url(made.rawId),
    ClientData: toBase64Url(answer.clientDataJSON),
    AuthenticatorData: toBase64Url(answer.getAuthenticatorData()),
    PublicKey: toBase64Url(key),
    Algorithm: answer.getPublicKeyAlgorithm(),
  };
}

/** Whichever passkey for this server the person chooses. */
export async function askForPasskey(request: Asked): Promise<Assertion> {
  const found = await asked("CreateSession", () =>
    navigator.credentials.get({
      publicKey: {
        challenge: fromBase64Url(request.Challenge),
        rpId: request.RelyingPartyId,
        userVerification: "required",
        timeout: request.TimeoutSeconds * 1000,
      },
    }),
  );
  const answer = found.response as AuthenticatorAssertionResponse;
  if (answer.userHandle === null)
    throw new CallError("CreateSession", "NoUserHandle", "the passkey does not say whose it is", 400);
  return {
    PasskeyId: toBase64Url(found.rawId),
    ClientData: toBase64Url(answer.clientDataJSON),
    AuthenticatorData: toBase64Url(answer.authenticatorData),
    Signature: toBase64Url(answer.signature),
    UserHandle: toBase64Url(answer.userHandle),
  };
}
