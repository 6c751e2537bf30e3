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
