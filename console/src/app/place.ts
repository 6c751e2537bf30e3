// Where the reader is: a path and a query behind the address's `#`, so that every view has an address,
// the server needs to know none of them, and nothing of it is ever sent.

import { useSyncExternalStore } from "react";

export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

export function parsePlace(hash: string): Place {
  const text = hash.startsWith("#") ? hash.slice(1) : hash;
  const [path, query] = text.split("?", 2);
  const clean = path === undefined || path === "" ? "/" : path;
  return { path: clean.startsWith("/") ? clean : `/${clean}`, query: new URLSearchParams(query ?? "") };
}

/** The address of a view; values are encoded, absent ones left out. */
export function href(path: string, query: Record<string, string | undefined> = {}): string {
  const known = Object.entries(query).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && entry[1] !== "";
  });
  const text = new URLSearchParams(known).toString();
  return text === "" ? `#${path}` : `#${path}?${text}`;
}

/** One part of a path, whatever an id may hold. */
export function part(id: string): string {
  return encodeURIComponent(id);
}

/** The values of `:name` in a pattern, where the path has its form. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, piece] of wanted.entries()) {
    const value = given[index] ?? "";
    if (piece.startsWith(":")) {
      try {
        values[piece.slice(1)] = decodeURIComponent(value);
      } catch {
        return undefined;
      }
    } else if (piece !== value) {
      return undefined;
    }
  }
  return values;
}

export function go(target: string): void {
  window.location.hash = target.startsWith("#") ? target : `#${target}`;
}

/** Another address for the same view: the way back skips it. */
export function replace(target: string): void {
  window.history.replaceState(null, "", target.startsWith("#") ? target : `#${target}`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

function onPlace(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function usePlace(): Place {
  return parsePlace(useSyncExternalStore(onPlace, () => window.location.hash));
}

/** One value of the query, kept in the address. */
export function useQueryValue(name: string): [string, (value: string | undefined) => void] {
  const { path, query } = usePlace();
  const set = (value: string | undefined): void => {
    const all = { ...Object.fromEntries(parsePlace(window.location.hash).query), [name]: value };
    replace(href(path, all));
  };
  return [query.get(name) ?? "", set];
}
