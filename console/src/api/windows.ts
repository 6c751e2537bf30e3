// Maintenance windows.

import {
  CancelMaintenanceWindowExecutionCommand,
  CreateMaintenanceWindowCommand,
  DeleteMaintenanceWindowCommand,
  DeregisterTargetFromMaintenanceWindowCommand,
  DeregisterTaskFromMaintenanceWindowCommand,
  DescribeMaintenanceWindowExecutionsCommand,
  DescribeMaintenanceWindowExecutionTaskInvocationsCommand,
  DescribeMaintenanceWindowExecutionTasksCommand,
  DescribeMaintenanceWindowScheduleCommand,
  DescribeMaintenanceWindowsCommand,
  DescribeMaintenanceWindowTargetsCommand,
  DescribeMaintenanceWindowTasksCommand,
  GetMaintenanceWindowCommand,
  GetMaintenanceWindowExecutionCommand,
  GetMaintenanceWindowTaskCommand,
  RegisterTargetWithMaintenanceWindowCommand,
  RegisterTaskWithMaintenanceWindowCommand,
  UpdateMaintenanceWindowCommand,
  UpdateMaintenanceWindowTargetCommand,
  UpdateMaintenanceWindowTaskCommand,
} from "@aws-sdk/client-ssm";

import { ssm } from "./ssm";

export const describeWindows = ssm("DescribeMaintenanceWindows", DescribeMaintenanceWindowsCommand);
export const getWindow = ssm("GetMaintenanceWindow", GetMaintenanceWindowCommand);
export const createWindow = ssm("CreateMaintenanceWindow", CreateMaintenanceWindowCommand);
export const updateWindow = ssm("UpdateMaintenanceWindow", UpdateMaintenanceWindowCommand);
export const deleteWindow = ssm("DeleteMaintenanceWindow", DeleteMaintenanceWindowCommand);
export const describeSchedule = ssm("DescribeMaintenanceWindowSchedule", DescribeMaintenanceWindowScheduleCommand);
export const describeTargets = ssm("DescribeMaintenanceWindowTargets", DescribeMaintenanceWindowTargetsCommand);
export const describeTasks = ssm("DescribeMaintenanceWindowTasks", DescribeMaintenanceWindowTasksCommand);
export const describeExecutions = ssm(
  "DescribeMaintenanceWindowExecutions",
  DescribeMaintenanceWindowExecutionsCommand,
);
export const cancelExecution = ssm("CancelMaintenanceWindowExecution", CancelMaintenanceWindowExecutionCommand);
export const registerTarget = ssm("RegisterTargetWithMaintenanceWindow", RegisterTargetWithMaintenanceWindowCommand);
export const registerTask = ssm("RegisterTaskWithMaintenanceWindow", RegisterTaskWithMaintenanceWindowCommand);
export const updateTarget = ssm("UpdateMaintenanceWindowTarget", UpdateMaintenanceWindowTargetCommand);
export const deregisterTarget = ssm(
  "DeregisterTargetFromMaintenanceWindow",
  DeregisterTargetFromMaintenanceWindowCommand,
);
export const getTask = ssm("GetMaintenanceWindowTask", GetMaintenanceWindowTaskCommand);
export const updateTask = ssm("UpdateMaintenanceWindowTask", UpdateMaintenanceWindowTaskCommand);
export const deregisterTask = ssm("DeregisterTaskFromMaintenanceWindow", DeregisterTaskFromMaintenanceWindowCommand);
export const getExecution = ssm("GetMaintenanceWindowExecution", GetMaintenanceWindowExecutionCommand);
export const describeExecutionTasks = ssm(
  "DescribeMaintenanceWindowExecutionTasks",
  DescribeMaintenanceWindowExecutionTasksCommand,
);
export const describeTaskInvocations = ssm(
  "DescribeMaintenanceWindowExecutionTaskInvocations",
  DescribeMaintenanceWindowExecutionTaskInvocationsCommand,
);
