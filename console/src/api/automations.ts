// Automation's operations.

import {
  DescribeAutomationExecutionsCommand,
  GetAutomationExecutionCommand,
  SendAutomationSignalCommand,
  StartAutomationExecutionCommand,
  StopAutomationExecutionCommand,
} from "@aws-sdk/client-ssm";

import { ssm } from "./ssm";

export const describeAutomationExecutions = ssm("DescribeAutomationExecutions", DescribeAutomationExecutionsCommand);
export const getAutomationExecution = ssm("GetAutomationExecution", GetAutomationExecutionCommand);
export const sendAutomationSignal = ssm("SendAutomationSignal", SendAutomationSignalCommand);
export const startAutomationExecution = ssm("StartAutomationExecution", StartAutomationExecutionCommand);
export const stopAutomationExecution = ssm("StopAutomationExecution", StopAutomationExecutionCommand);
