// Which columns of a table the reader wants to see: kept in the browser, by the table's name.

import { useState } from "react";

interface Named {
  readonly id: string;
  readonly hidden?: boolean;
}

function stored(key: string): readonly string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return Array.isArray(parsed) ? parsed.filter((id): id is string => typeof id === "string") : undefined;
  } catch {
    return undefined;
  }
}

export function useColumns(table: string, columns: readonly Named[]): [readonly string[], (ids: string[]) => void] {
  const key = `fettle.columns.${table}`;
  const [chosen, setChosen] = useState(() => stored(key));
  const shown = chosen ?? columns.filter((column) => column.hidden !== true).map((column) => column.id);
  const set = (ids: string[]): void => {
    localStorage.setItem(key, JSON.stringify(ids));
    setChosen(ids);
  };
  return [shown, set];
}
