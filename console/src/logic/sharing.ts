// With whom a document is shared, and of which of its versions: as a form, and what is wrong with it.

import { words } from "./targets";

export interface SharingForm {
  readonly with: "accounts" | "everybody";
  readonly accounts: string;
  readonly versions: string;
}

export const EVERYBODY = "all";
const MOST_ACCOUNTS = 20;

export const NOT_SHARED: SharingForm = { with: "accounts", accounts: "", versions: "$DEFAULT" };

/** What others may use beside the version that is the default one. */
export const SHARED_VERSIONS: readonly (readonly [value: string, words: string])[] = [
  ["$DEFAULT", "The default version"],
  ["$LATEST", "The default and the latest version"],
  ["$ALL", "All versions"],
];

/** One that was shared without saying so has the default version. */
export function sharedVersionWords(value: string | undefined): string {
  const known = SHARED_VERSIONS.find(([version]) => version === value);
  return known?.[1] ?? SHARED_VERSIONS[0]?.[1] ?? "";
}

export function accountWords(account: string | undefined): string {
  return account === EVERYBODY ? "Everybody" : (account ?? "–");
}

/** `owner` is the document's own account, which needs no sharing. */
export function sharingProblem(form: SharingForm, owner: string | undefined): string | undefined {
  if (form.with === "everybody") return undefined;
  const accounts = words(form.accounts);
  if (accounts.length === 0) return "name at least one account";
  const wrong = accounts.find((account) => !/^\d{12}$/.test(account));
  if (wrong !== undefined) return `${wrong} is no account id: 12 digits`;
  if (owner !== undefined && accounts.includes(owner)) return `the document belongs to ${owner}`;
  return accounts.length > MOST_ACCOUNTS
    ? `at most ${MOST_ACCOUNTS} accounts at a time, these are ${accounts.length}`
    : undefined;
}

/** What ModifyDocumentPermission takes. */
export function toSharing(form: SharingForm, name: string) {
  return {
    Name: name,
    PermissionType: "Share" as const,
    AccountIdsToAdd: form.with === "everybody" ? [EVERYBODY] : [...new Set(words(form.accounts))],
    SharedDocumentVersion: form.versions,
  };
}
