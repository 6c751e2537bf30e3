// Feeds of advisories as words, and the line that imports one.

import { shellWord } from "./awsCommand";

const FORMATS: Readonly<Record<string, string>> = {
  DEBIAN_TRACKER: "Debian's security tracker",
  DEBSECAN: "debsecan",
  OSV: "OSV",
  ALPINE_SECDB: "Alpine's secdb",
  ARCH_TRACKER: "Arch's security tracker",
};

export function formatText(format: string): string {
  return FORMATS[format] ?? format;
}

const MOST_SHOWN = 4;

export function distributionsText(distributions: readonly string[]): string {
  const more = distributions.length - MOST_SHOWN;
  const shown = distributions.slice(0, MOST_SHOWN).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** What an operator runs, with an access key in the environment. An empty name is left to the client: that of the file. */
export function importLine(
  source: string,
  feed: string,
  { endpoint, region }: { readonly endpoint: string; readonly region: string },
): string {
  const name = feed.trim() === "" ? "" : ` --feed ${shellWord(feed.trim())}`;
  const what = source.trim() === "" ? "FILE" : shellWord(source.trim());
  return `fettle advisories import ${what}${name} --endpoint ${shellWord(endpoint)} --region ${shellWord(region)}`;
}
