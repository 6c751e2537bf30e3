// Rows as CSV (RFC 4180) that a spreadsheet opens without running anything in it.

export interface CsvColumn<T> {
  readonly header: string;
  readonly value: (row: T) => string | number | undefined;
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  // A cell that begins like a formula is one to a spreadsheet.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toCsv<T>(columns: readonly CsvColumn<T>[], rows: readonly T[]): string {
  const lines = rows.map((row) => columns.map((column) => cell(column.value(row))).join(","));
  return [columns.map((column) => cell(column.header)).join(","), ...lines, ""].join("\r\n");
}
