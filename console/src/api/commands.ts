// Run Command's operations.

import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SendCommandCommand,
} from "@aws-sdk/client-ssm";

import { ssm } from "./ssm";

export const listCommands = ssm("ListCommands", ListCommandsCommand);
export const listCommandInvocations = ssm("ListCommandInvocations", ListCommandInvocationsCommand);
export const getCommandInvocation = ssm("GetCommandInvocation", GetCommandInvocationCommand);
export const sendCommand = ssm("SendCommand", SendCommandCommand);
export const cancelCommand = ssm("CancelCommand", CancelCommandCommand);

/** As many as can be named in one request. */
const MOST_NODES = 50;

export interface FailedNodes {
  readonly nodes: readonly string[];
  /** More failed than can be named. */
  readonly isCut: boolean;
}

/** The nodes on which a command failed or ran out of time. */
export async function failedNodes(commandId: string): Promise<FailedNodes> {
  const found: string[] = [];
  let isCut = false;
  // The other ways to fail are details of these.
  for (const value of ["Failed", "TimedOut"]) {
    const output = await listCommandInvocations.run({
      CommandId: commandId,
      Filters: [{ key: "Status", value }],
      MaxResults: MOST_NODES,
    });
    found.push(...(output.CommandInvocations ?? []).flatMap(({ InstanceId: node }) => node ?? []));
    isCut ||= output.NextToken !== undefined && output.NextToken !== "";
  }
  return { nodes: found.slice(0, MOST_NODES), isCut: isCut || found.length > MOST_NODES };
}
