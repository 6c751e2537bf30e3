// A call as a line for the AWS CLI, with the names that the CLI gives to operations and members.

import type { Request } from "../api/call";

/** `OutputS3BucketName` is `output-s3-bucket-name` on the command line. */
export function cliName(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z]+)/g, "$1-$2")
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase();
}

/** One word of a POSIX shell, whatever the text is. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function argument(name: string, value: unknown): string[] {
  const flag = `--${cliName(name)}`;
  if (value === undefined || value === null) return [];
  if (typeof value === "boolean") return [value ? flag : `--no-${cliName(name)}`];
  if (typeof value === "number" || typeof value === "string") {
    const word = shellWord(String(value));
    // What begins with a hyphen would be an option of its own.
    return String(value).startsWith("-") ? [`${flag}=${word}`] : [flag, word];
  }
  if (value instanceof Date) return [flag, value.toISOString()];
  if (Array.isArray(value)) {
    if (value.length === 0) return [];
    if (value.every((item) => typeof item === "string")) return [flag, ...value.map(shellWord)];
  }
  return [flag, shellWord(JSON.stringify(value))];
}

export interface Where {
  readonly endpoint: string;
  readonly region: string;
}

export function awsCommand(request: Request, where: Where): string {
  const words = [
    "aws",
    request.service,
    cliName(request.operation),
    "--endpoint-url",
    shellWord(where.endpoint),
    "--region",
    shellWord(where.region),
  ];
  const inputs = Object.entries(request.input) as [string, unknown][];
  return [...words, ...inputs.flatMap(([name, value]) => argument(name, value))].join(" ");
}
