// Feeds of advisories: which versions of packages fix which CVEs, as their publishers tell it. The operator's client imports
// them (`fettle advisories import`): it reads their forms.

import { fettle } from "./fettle";

export interface AdvisoryFeed {
  Feed: string;
  Format: string;
  Origin: string;
  PublishedAt?: number;
  ImportedAt: number;
  /** Since it was published, where that is known, else since it was imported. */
  AgeSeconds: number;
  Statements: number;
  Distributions: string[];
}

/** All of them, by name: without pages, of which lists know. */
export const listAdvisoryFeeds = fettle<object, { Feeds: AdvisoryFeed[]; NextToken?: undefined }>("ListAdvisoryFeeds");
export const deleteAdvisoryFeed = fettle<{ Feed: string }, object>("DeleteAdvisoryFeed");
