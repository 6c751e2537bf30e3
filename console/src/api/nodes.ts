// Nodes as AWS's operations tell them. The list of the fleet is ListNodeSummaries (`fleet.ts`).

import {
  DescribeInstanceInformationCommand,
  DescribeInstancePatchStatesCommand,
  ListComplianceSummariesCommand,
} from "@aws-sdk/client-ssm";

import { ssm } from "./ssm";

export const describeInstanceInformation = ssm("DescribeInstanceInformation", DescribeInstanceInformationCommand);
export const describeInstancePatchStates = ssm("DescribeInstancePatchStates", DescribeInstancePatchStatesCommand);
export const listComplianceSummaries = ssm("ListComplianceSummaries", ListComplianceSummariesCommand);
