// What names, labels and values of Parameter Store may be, as far as a form can say it before the server does.

import type { ParameterTier, ParameterType } from "@aws-sdk/client-ssm";

export const PARAMETER_TYPES: readonly ParameterType[] = ["String", "StringList", "SecureString"];
export const PARAMETER_TIERS: readonly ParameterTier[] = ["Standard", "Advanced", "Intelligent-Tiering"];

/** With what a value of it is; nothing where any text will do. */
export const DATA_TYPES: Readonly<Record<string, string>> = {
  text: "",
  "aws:ec2:image": "ami- and 8 or 17 hexadecimal digits",
  "aws:ssm:integration": "",
  "aws:region": "a region's name, such as eu-central-1",
  "aws:account:id": "12 digits",
  boolean: "true or false",
  integer: "a whole number",
  float: "a number",
  binary: "Base64",
  hostname: "a host's name",
  email: "an e-mail address",
  "ipv4-address": "an address such as 192.0.2.1",
  "ipv6-address": "an address such as 2001:db8::1",
  url: "an address such as https://example.com/",
  json: "JSON",
  jsonc: "JSON, with or without comments",
};

const STANDARD_BYTES = 4096;
const ADVANCED_BYTES = 8192;
const MOST_LEVELS = 15;
const MOST_ARN_CHARS = 1011;

/** What names of this account and region begin with as ARNs. An account that is not known has 12 digits as well. */
export function arnPrefix(region: string, account: string): string {
  return `arn:aws:ssm:${region}:${account === "" ? "000000000000" : account}:parameter/`;
}

/** `/x` and `x` are one. */
function keyOf(name: string): string {
  return name.startsWith("/") ? name.slice(1) : name;
}

export function parameterNameProblem(name: string, prefix: string): string | undefined {
  if (name === "") return "name the parameter: /prod/db/host, say";
  const parts = keyOf(name).split("/");
  if (!parts.every((part) => /^[A-Za-z0-9_.-]*$/.test(part))) return "letters, digits, _ . - and slashes between";
  if (parts.some((part) => part === "")) return "no part between slashes is empty";
  if (parts.length > 1 && !name.startsWith("/")) return "a name with a hierarchy begins with a slash";
  if (/^(aws|ssm)/i.test(parts[0] ?? "")) return "does not begin with aws or ssm";
  if (parts.length > MOST_LEVELS) return `at most ${MOST_LEVELS} levels, this has ${parts.length}`;
  const chars = prefix.length + keyOf(name).length;
  if (chars > MOST_ARN_CHARS) return `its ARN has ${chars} characters; at most ${MOST_ARN_CHARS} are allowed`;
  return undefined;
}

export function labelProblem(label: string): string | undefined {
  if (label.length < 1 || label.length > 100) return "1 to 100 characters";
  if (!/^[A-Za-z0-9._-]+$/.test(label)) return "letters, digits, dots, hyphens or underscores";
  if (/^\d/.test(label)) return "does not begin with a digit: numbers are versions";
  return /^(aws|ssm)/i.test(label) ? "does not begin with aws or ssm" : undefined;
}

/** Refuses what the server's expressions do not have. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > 1024) return "at most 1,024 characters";
  const plain = pattern.replaceAll("\\\\", "");
  return /\(\?<?[=!]/.test(plain) || /\\[1-9]/.test(plain)
    ? "look-around and back-references are not known"
    : undefined;
}

/** What a browser reads otherwise than the server, or not at all. */
const OTHER_DIALECT = /\[\[|\[:|&&|\\[AzxupP]|\(\?[a-zA-Z-]/;

/**
 * Whether the value fits, as the browser reads the pattern. Where the server might read it otherwise, that is not known: the
 * server then has the word.
 */
export function patternCheck(pattern: string, value: string): "fits" | "differs" | "unknown" {
  if (pattern === "") return "fits";
  if (OTHER_DIALECT.test(pattern.replaceAll("\\\\", ""))) return "unknown";
  // To the server classes are Unicode's.
  if (/[^\p{ASCII}]/u.test(value) && /\\[dwsb]|\(\?|\./i.test(pattern)) return "unknown";
  try {
    return new RegExp(pattern).test(value) ? "fits" : "differs";
  } catch {
    return "unknown";
  }
}

const FORMS: Readonly<Record<string, RegExp>> = {
  "aws:ec2:image": /^ami-([0-9a-f]{8}|[0-9a-f]{17})$/,
  "aws:region": /^([a-z]+-){2,}[1-9]$/,
  "aws:account:id": /^\d{12}$/,
  boolean: /^(true|false)$/,
  integer: /^[-+]?\d+$/,
  float: /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/,
};

/** Of one element. What is not looked at here the server says. */
function isOfDataType(dataType: string, text: string): boolean {
  if (dataType === "json") {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  }
  return FORMS[dataType]?.test(text) ?? true;
}

export interface Declared {
  readonly type: string;
  readonly tier: string;
  readonly dataType: string;
  readonly pattern: string;
}

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** In bytes. */
export function mostBytes(tier: string): number {
  return tier === "Standard" ? STANDARD_BYTES : ADVANCED_BYTES;
}

export function valueProblem(value: string, declared: Declared): string | undefined {
  if (value === "") return "a parameter's value is not empty";
  if (patternCheck(declared.pattern, value) === "differs") return "it does not match the allowed pattern";
  if (/\{\{[^]*\}\}/.test(value)) return "no {{…}}: a value cannot refer to another parameter";
  const bytes = byteLength(value);
  const most = mostBytes(declared.tier);
  if (bytes > most) {
    const tier = declared.tier === "Standard" ? "standard" : "advanced";
    return `${bytes.toLocaleString("en")} bytes; the ${tier} tier allows at most ${most.toLocaleString("en")}`;
  }
  const elements = declared.type === "StringList" ? value.split(",") : [value];
  if (elements.every((element) => isOfDataType(declared.dataType, element))) return undefined;
  const what = declared.type === "StringList" ? "every element is" : "expected";
  return `${what} ${DATA_TYPES[declared.dataType] ?? declared.dataType}`;
}

/** How documents and their parameters name it; `version` where that one is meant whatever comes after it. */
export function referenceTo(name: string, type: string | undefined, version?: number): string {
  const kind = type === "SecureString" ? "ssm-secure" : "ssm";
  return `{{${kind}:${name}${version === undefined ? "" : `:${version}`}}}`;
}
