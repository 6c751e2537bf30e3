// What a remedy begins with, as a page that is filled in with it.

import type { Cause, RemedyAction } from "../api/explain";
import { href, part } from "../app/place";

export interface Remedy {
  readonly label: string;
  readonly href: string;
}

interface About {
  readonly cause: Pick<Cause, "Evidence" | "Items">;
  readonly node: string;
  /** That the explanation is about; absent where none applies. */
  readonly baseline: string | undefined;
}

/** The rules are changed where they are one's own; a predefined baseline is cloned first. */
function changeBaseline({ baseline }: About): Remedy {
  if (baseline === undefined) return { label: "Choose a patch baseline", href: href("/baselines") };
  return baseline.startsWith("arn:")
    ? { label: "Clone the patch baseline", href: href("/baselines/create", { from: baseline }) }
    : { label: "Edit the patch baseline", href: href(`/baselines/${part(baseline)}/edit`) };
}

/** The items' own commands, each once; with none of them an empty script, for whoever knows what is to be done. */
function runOnNode({ cause, node }: About): Remedy {
  const commands = [...new Set((cause.Items ?? []).flatMap(({ Remedy: command }) => command ?? []))];
  const parameters = commands.length === 0 ? undefined : JSON.stringify({ commands });
  return {
    label: commands.length === 0 ? "Run a command on the node" : "Run the commands on the node",
    href: href("/commands/send", { nodes: node, document: "AWS-RunShellScript", parameters }),
  };
}

function readOutput({ cause, node }: About): Remedy {
  const run = cause.Evidence?.find(({ Field }) => Field === "CommandId")?.Value;
  return run === undefined
    ? { label: "Show its commands", href: href(`/nodes/${part(node)}`, { tab: "commands" }) }
    : { label: "Show the output", href: href(`/commands/${part(run)}/${part(node)}`) };
}

const ACTIONS: Record<RemedyAction, (about: About) => Remedy> = {
  SCAN: ({ node }) => ({
    label: "Scan this node",
    href: href("/patch-now/start", { nodes: node, operation: "Scan" }),
  }),
  INSTALL: ({ node }) => ({
    label: "Install what is missing",
    href: href("/patch-now/start", { nodes: node, operation: "Install" }),
  }),
  RESTART: ({ node }) => ({
    label: "Restart the node",
    href: href("/commands/send", { nodes: node, document: "Fettle-RestartNode" }),
  }),
  RUN_ON_NODE: runOnNode,
  READ_OUTPUT: readOutput,
  CHANGE_BASELINE: changeBaseline,
  CHOOSE_BASELINE: () => ({ label: "Choose a patch baseline", href: href("/baselines") }),
  REVIEW_ASSOCIATIONS: ({ node }) => ({
    label: "Show its associations",
    href: href(`/nodes/${part(node)}`, { tab: "associations" }),
  }),
  REVIEW_COMPLIANCE_ITEMS: ({ node }) => ({
    label: "Show its compliance items",
    href: href(`/nodes/${part(node)}`, { tab: "compliance" }),
  }),
  CHECK_AGENT: ({ node }) => ({
    label: "Show when it was heard of",
    href: href(`/nodes/${part(node)}`, { tab: "overview" }),
  }),
  ENROL: () => ({ label: "Create an activation", href: href("/activations/create") }),
};

/** `undefined` where a newer server knows an action that this page does not. */
export function remedyOf(action: string | undefined, about: About): Remedy | undefined {
  return Object.hasOwn(ACTIONS, action ?? "") ? ACTIONS[action as RemedyAction](about) : undefined;
}
