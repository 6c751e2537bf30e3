// What of the commands that an explanation suggests the console can do itself.

import { href, part } from "../app/place";

export interface RemedyAction {
  readonly label: string;
  readonly href: string;
}

/** The rules are changed where they are one's own; a predefined baseline is cloned first. */
function baselineAction(id: string): RemedyAction {
  return id.startsWith("arn:")
    ? { label: "Clone the patch baseline", href: href("/baselines/create", { from: id }) }
    : { label: "Edit the patch baseline", href: href(`/baselines/${part(id)}/edit`) };
}

/** The page that does what the command says, filled in; without a command, what changes the baseline where it is what speaks
 * against the node; `undefined` where there is none. */
export function remedyAction(
  command: string | undefined,
  nodeId: string,
  baselineId?: string,
): RemedyAction | undefined {
  if (command === undefined || command === "") return baselineId === undefined ? undefined : baselineAction(baselineId);
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
