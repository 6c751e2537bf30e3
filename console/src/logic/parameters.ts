// A document's parameters as a form of texts, and what the API takes of them.

import type { DocumentParameter } from "@aws-sdk/client-ssm";

export type ParameterTexts = Readonly<Record<string, string>>;

function isList(parameter: DocumentParameter): boolean {
  return parameter.Type === "StringList";
}

/** The value that the document names where nothing is given, as it is shown in the field. */
export function defaultText(parameter: DocumentParameter): string {
  const text = parameter.DefaultValue ?? "";
  if (!isList(parameter)) return text;
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed.map(String).join("\n");
  } catch {
    // Not a list: shown as it stands.
  }
  return text;
}

export function missingParameters(parameters: readonly DocumentParameter[], texts: ParameterTexts): string[] {
  return parameters
    .filter((parameter) => parameter.DefaultValue === undefined && (texts[parameter.Name ?? ""] ?? "").trim() === "")
    .map((parameter) => parameter.Name ?? "");
}

/** What was typed; what is left at the document's own value is not sent. */
export function toParameters(
  parameters: readonly DocumentParameter[],
  texts: ParameterTexts,
): Record<string, string[]> {
  const given: Record<string, string[]> = {};
  for (const parameter of parameters) {
    const name = parameter.Name ?? "";
    const text = texts[name];
    if (text === undefined || text === "" || text === defaultText(parameter)) continue;
    given[name] = isList(parameter) ? text.split("\n") : [text];
  }
  return given;
}

export function fromParameters(parameters: Readonly<Record<string, readonly string[]>>): ParameterTexts {
  return Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, values.join("\n")]));
}
