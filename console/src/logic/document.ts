// The content of documents: in which format it is, whether it can be one, and what new ones begin with.

import type { DocumentDescription } from "@aws-sdk/client-ssm";

/** Of the account that looks: shipped ones have no account, and others' go by their ARNs. */
export function isOwn({ Owner: owner = "", Name: name = "" }: DocumentDescription): boolean {
  return /^\d{12}$/.test(owner) && !name.startsWith("arn:");
}

export function formatOf(content: string): "JSON" | "YAML" | "TEXT" {
  const text = content.trimStart();
  if (text.startsWith("{")) return "JSON";
  return text.startsWith("BEGIN:VCALENDAR") ? "TEXT" : "YAML";
}

export function contentProblem(content: string): string | undefined {
  if (content.trim() === "") return "a document has content";
  const size = new TextEncoder().encode(content).length;
  if (size > 65_536) return `at most 65,536 bytes, this has ${size.toLocaleString("en")}`;
  if (formatOf(content) !== "JSON") return undefined;
  try {
    JSON.parse(content);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export const FIRST_DOCUMENTS: Readonly<Record<string, string>> = {
  Command: `schemaVersion: "2.2"
description: Says hello
parameters:
  Name: {type: String, default: world}
mainSteps:
  - name: hello
    action: aws:runShellScript
    inputs:
      runCommand: ["echo hello {{ Name }}"]
`,
  Automation: `schemaVersion: "0.3"
description: Scans a node after somebody agreed
parameters:
  Node: {type: String}
mainSteps:
  - name: ask
    action: aws:approve
    inputs: {Approvers: [root], Message: Scan it?}
  - name: scan
    action: aws:runCommand
    inputs: {DocumentName: AWS-RunPatchBaseline, InstanceIds: ["{{ Node }}"], Parameters: {Operation: Scan}}
`,
  Policy: `schemaVersion: "2.0"
description: Gathers inventory
mainSteps: {}
`,
  ChangeCalendar: `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//AWS//Change Calendar 1.0//EN
X-CALENDAR-TYPE:DEFAULT_OPEN
END:VCALENDAR
`,
};
