// Who is signed in. Credentials live in this module's memory and nowhere else; after a reload the
// server's cookie (which no script can read) brings new ones. The browser keeps one bit, whether
// asking for that is worth a call, and the region that was chosen last.

import { CallError } from "./errors";
import { askForPasskey } from "./webauthn";
import type { Asked } from "./webauthn";
import { unsigned } from "./wire";

export interface Session {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
  readonly userName: string;
  readonly accountId: string;
  readonly region: string;
  /** Whether the server keeps this session and a cookie says so; a session by access key ends with the page. */
  readonly kept: boolean;
}

/** What CreateSession and RefreshSession answer. */
interface SessionAnswer {
  Credentials: { AccessKeyId: string; SecretAccessKey: string; SessionToken?: string; Expiration?: number };
  UserName?: string;
  AccountId?: string;
  Region?: string;
}

/** New credentials are fetched so long before the old ones end. */
const RENEW_BEFORE_MS = 2 * 60_000;
const KEPT = "fettle.session-kept";
const REGION = "fettle.region";

let current: Session | undefined;
let renewal: Promise<Session> | undefined;
const listeners = new Set<() => void>();

export function session(): Session | undefined {
  return current;
}

export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function become(next: Session | undefined): void {
  current = next;
  if (next?.kept === true) localStorage.setItem(KEPT, "1");
  if (next === undefined) localStorage.removeItem(KEPT);
  for (const listener of listeners) listener();
}

/** The server says where to look first; what the person chose in this browser comes before it. */
function fromAnswer(answer: SessionAnswer): Session {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials;
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
    ...(Expiration === undefined ? {} : { expiration: new Date(Expiration * 1000) }),
    userName: answer.UserName ?? "",
    accountId: answer.AccountId ?? "",
    region: localStorage.getItem(REGION) ?? answer.Region ?? "us-east-1",
    kept: true,
  };
}

/** A code is made in a region, and leads there. */
export async function signInWithCode(code: string): Promise<void> {
  const answer = await unsigned<SessionAnswer>("CreateSession", { SignInCode: code });
  if (answer.Region !== undefined) localStorage.setItem(REGION, answer.Region);
  become(fromAnswer(answer));
}

export async function signInWithPassword(userName: string, password: string): Promise<void> {
  become(fromAnswer(await unsigned<SessionAnswer>("CreateSession", { UserName: userName, Password: password })));
}

/** With whichever passkey for this server the person chooses. */
export async function signInWithPasskey(): Promise<void> {
  const answer = await askForPasskey(await unsigned<Asked>("StartPasskeySignIn", {}));
  become(fromAnswer(await unsigned<SessionAnswer>("CreateSession", { Passkey: answer })));
}

/** For whoever has an access key and no user: nothing is asked of the server until the first call. */
export function signInWithAccessKey(accessKeyId: string, secretAccessKey: string, region: string): void {
  localStorage.setItem(REGION, region);
  become({ accessKeyId, secretAccessKey, region, userName: accessKeyId, accountId: "", kept: false });
}

/** Credentials are good for all regions: another one takes no new sign-in. */
export function chooseRegion(region: string): void {
  if (current === undefined) return;
  localStorage.setItem(REGION, region);
  become({ ...current, region });
}

/** After a reload: the session that the cookie stands for, if there is one. */
export async function resume(): Promise<void> {
  if (localStorage.getItem(KEPT) === null) return;
  try {
    await renew();
  } catch (error) {
    // No answer is not a no: the bit stays, so that the next reload asks again.
    if (!(error instanceof CallError) || error.kind !== "unreachable") become(undefined);
  }
}

function renew(): Promise<Session> {
  renewal ??= unsigned<SessionAnswer>("RefreshSession", {})
    .then((answer) => {
      const next = fromAnswer(answer);
      become(next);
      return next;
    })
    .finally(() => {
      renewal = undefined;
    });
  return renewal;
}

/** The credentials to sign with now. */
export async function credentials(): Promise<Session> {
  const now = current;
  if (now === undefined) throw new CallError("credentials", "ExpiredTokenException", "nobody is signed in", 403);
  const ends = now.expiration?.getTime();
  if (!now.kept || ends === undefined || ends - Date.now() > RENEW_BEFORE_MS) return now;
  return renew();
}

/** Ends the session here; with `everywhere` all sessions of this user. */
export async function signOut(everywhere: boolean): Promise<void> {
  const kept = current?.kept === true;
  try {
    if (kept) await unsigned("EndSession", { Everywhere: everywhere });
  } finally {
    become(undefined);
  }
}

/** The server does not accept these credentials any more. */
export function sessionLost(): void {
  if (current !== undefined) become(undefined);
}
