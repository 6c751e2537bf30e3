// Change calendars: documents whose events say when changes may be made, and how they stand.

import type { GetCalendarStateRequest, GetCalendarStateResponse } from "@aws-sdk/client-ssm";

import type { Call } from "./call";
import { describeDocument, updateDocument, updateDocumentDefaultVersion } from "./documents";
import { CallError } from "./errors";
import { plain } from "./plain";

export const getCalendarState = plain<GetCalendarStateRequest, GetCalendarStateResponse>("GetCalendarState");

export interface CalendarChange {
  readonly at: string;
  /** From then on: `OPEN` or `CLOSED`. */
  readonly state: string;
}

/** The next moments at which it opens or closes, one after the other as the server finds them. */
export const comingChanges: Call<{ CalendarName: string; Most: number }, { Changes: readonly CalendarChange[] }> = {
  service: "ssm",
  operation: getCalendarState.operation,
  run: async ({ CalendarName, Most }, signal) => {
    const CalendarNames = [CalendarName];
    const Changes: CalendarChange[] = [];
    let { NextTransitionTime: at } = await getCalendarState.run({ CalendarNames }, signal);
    while (at !== undefined && Changes.length < Most) {
      const { State: state = "", NextTransitionTime: next } = await getCalendarState.run(
        { CalendarNames, AtTime: at },
        signal,
      );
      Changes.push({ at, state });
      at = next;
    }
    return { Changes };
  },
};

/** What is in force is the default version: a new one becomes that. */
export const saveCalendar: Call<{ Name: string; Content: string }, object> = {
  service: "ssm",
  operation: updateDocument.operation,
  run: async ({ Name, Content }) => {
    const DocumentVersion = await newVersion(Name, Content);
    return updateDocumentDefaultVersion.run({ Name, DocumentVersion });
  },
};

async function newVersion(Name: string, Content: string): Promise<string> {
  try {
    const made = await updateDocument.run({ Name, Content, DocumentVersion: "$LATEST", DocumentFormat: "TEXT" });
    return made.DocumentDescription?.DocumentVersion ?? "";
  } catch (error) {
    // It is the latest already, and only did not become the default.
    if (!(error instanceof CallError) || error.code !== "DuplicateDocumentContent") throw error;
    const { Document } = await describeDocument.run({ Name });
    return Document?.LatestVersion ?? "";
  }
}
