// Automation's operations.

import {
  DescribeAutomationExecutionsCommand,
  GetAutomationExecutionCommand,
  SendAutomationSignalCommand,
  StartAutomationExecutionCommand,
  StopAutomationExecutionCommand,
} from "@aws-sdk/client-ssm";
import type {
  GetExecutionPreviewRequest,
  GetExecutionPreviewResponse,
  StartExecutionPreviewRequest,
  StartExecutionPreviewResponse,
} from "@aws-sdk/client-ssm";

import { plain } from "./plain";
import { ssm } from "./ssm";

export const describeAutomationExecutions = ssm("DescribeAutomationExecutions", DescribeAutomationExecutionsCommand);
export const getAutomationExecution = ssm("GetAutomationExecution", GetAutomationExecutionCommand);
export const sendAutomationSignal = ssm("SendAutomationSignal", SendAutomationSignalCommand);
export const startAutomationExecution = ssm("StartAutomationExecution", StartAutomationExecutionCommand);
export const stopAutomationExecution = ssm("StopAutomationExecution", StopAutomationExecutionCommand);

export const startExecutionPreview = plain<StartExecutionPreviewRequest, StartExecutionPreviewResponse>(
  "StartExecutionPreview",
);
export const getExecutionPreview = plain<GetExecutionPreviewRequest, GetExecutionPreviewResponse>(
  "GetExecutionPreview",
);
