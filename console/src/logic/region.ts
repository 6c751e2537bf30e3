// Names of regions, as the server takes them.

export function regionProblem(region: string): string | undefined {
  return /^[a-z0-9-]{2,32}$/.test(region) ? undefined : "2 to 32 lower-case letters, digits and hyphens";
}
