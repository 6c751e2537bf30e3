// Maintenance windows.

import {
  CancelMaintenanceWindowExecutionCommand,
  CreateMaintenanceWindowCommand,
  DeleteMaintenanceWindowCommand,
  DescribeMaintenanceWindowExecutionsCommand,
  DescribeMaintenanceWindowScheduleCommand,
  DescribeMaintenanceWindowsCommand,
  DescribeMaintenanceWindowTargetsCommand,
  DescribeMaintenanceWindowTasksCommand,
  GetMaintenanceWindowCommand,
  RegisterTargetWithMaintenanceWindowCommand,
  RegisterTaskWithMaintenanceWindowCommand,
  UpdateMaintenanceWindowCommand,
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
