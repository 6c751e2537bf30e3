// What of the commands that an explanation suggests the console can do itself.

import { href, part } from "../app/place";

export interface RemedyAction {
  readonly label: string;
  readonly href: string;
}

/** The page that does what the command says, filled in; `undefined` where there is none. */
export function remedyAction(command: string | undefined, nodeId: string): RemedyAction | undefined {
  if (command === undefined) return undefined;
  if (command.includes("send-command") && command.includes("AWS-RunPatchBaseline")) {
    const operation = /Operation=(Scan|Install)/.exec(command)?.[1] ?? "Scan";
    const label = operation === "Install" ? "Install what is missing" : "Scan this node";
    return { label, href: href("/patch-now/start", { nodes: nodeId, operation }) };
  }
  const invocation = /get-command-invocation --command-id ([0-9a-f-]{36})/.exec(command)?.[1];
  if (invocation !== undefined) {
    return { label: "Show the output", href: href(`/commands/${part(invocation)}/${part(nodeId)}`) };
  }
  if (command.includes("register-patch-baseline-for-patch-group")) {
    return { label: "Choose a patch baseline", href: href("/baselines") };
  }
  return undefined;
}
