// How something stands, as pages about one thing say it: its state, and the words that the server has for it.

import type { ReactNode } from "react";

import { Status } from "./Status";

interface Standing {
  readonly Status?: string | undefined;
  readonly StatusDetails?: string | undefined;
}

/** The first two of a page's key-value pairs. */
export function standing({ Status: status, StatusDetails }: Standing): { label: string; value: ReactNode }[] {
  return [
    { label: "Status", value: <Status status={status} /> },
    { label: "Details", value: StatusDetails ?? "–" },
  ];
}
