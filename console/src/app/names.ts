// What the things are called of which the address has the ids: told by the page that reads them, said by the trail above it.

import { useEffect, useSyncExternalStore } from "react";

import { onSession, session } from "../api/session";
import { parsePlace } from "./place";

/** By the path of its page. */
export type Names = ReadonlyMap<string, string>;

let names: Names = new Map();
const listeners = new Set<() => void>();

function become(next: Names): void {
  names = next;
  for (const listener of listeners) listener();
}

// Whoever signs in next may not know them.
onSession(() => {
  if (session() === undefined) become(new Map());
});

/** Tells what the thing is called whose page has this address; nothing as long as that is not known. */
export function useNamed(address: string, name: string | undefined): void {
  const { path } = parsePlace(address);
  useEffect(() => {
    if (name !== undefined && name !== "" && names.get(path) !== name) become(new Map(names).set(path, name));
  }, [name, path]);
}

function onNames(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useNames(): Names {
  return useSyncExternalStore(onNames, () => names);
}
