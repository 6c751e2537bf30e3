// What somebody looks for among available patches.

/** A KB number with or without its letters, else the name of a package. */
export function availableFilter(text: string): { Key: "PATCH_ID" | "NAME"; Values: string[] } | undefined {
  const wanted = text.trim();
  if (wanted === "") return undefined;
  const number = /^(?:kb)?(\d{5,9})$/i.exec(wanted)?.[1];
  return number === undefined ? { Key: "NAME", Values: [wanted] } : { Key: "PATCH_ID", Values: [`KB${number}`] };
}
