// The kinds of columns that most lists have: what is shown, and the same as text for the export.

import { toDate } from "../logic/time";
import type { Moment } from "../logic/time";
import { Link } from "./Link";
import type { Column } from "./ServerTable";
import { Status } from "./Status";
import { Time } from "./Time";

type More<T> = Partial<Column<T>>;

interface Columns<T> {
  /** What a row is called, which leads to its page. */
  readonly nameColumn: (
    header: string,
    name: (item: T) => string | undefined,
    to: (item: T) => string,
    more?: More<T>,
  ) => Column<T>;
  readonly textColumn: (
    id: string,
    header: string,
    text: (item: T) => string | number | undefined,
    more?: More<T>,
  ) => Column<T>;
  readonly statusColumn: (status: (item: T) => string | undefined, more?: More<T>) => Column<T>;
  /** How long ago; the moment itself on hover and in the export. */
  readonly timeColumn: (id: string, header: string, at: (item: T) => Moment | undefined, more?: More<T>) => Column<T>;
}

/** Of rows of one kind. */
export function columnsOf<T>(): Columns<T> {
  return {
    nameColumn: (header, name, to, more) => ({
      id: "name",
      header,
      cell: (item) => <Link to={to(item)}>{name(item)}</Link>,
      text: name,
      minWidth: 180,
      ...more,
    }),
    textColumn: (id, header, text, more) => ({ id, header, cell: (item) => text(item) ?? "–", text, ...more }),
    statusColumn: (status, more) => ({
      id: "status",
      header: "Status",
      cell: (item) => <Status status={status(item)} />,
      text: status,
      ...more,
    }),
    timeColumn: (id, header, at, more) => ({
      id,
      header,
      cell: (item) => <Time at={at(item)} short />,
      text: (item) => toDate(at(item))?.toISOString(),
      ...more,
    }),
  };
}
