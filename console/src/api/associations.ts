// State Manager's operations.

import {
  CreateAssociationCommand,
  DeleteAssociationCommand,
  DescribeAssociationCommand,
  DescribeAssociationExecutionsCommand,
  DescribeAssociationExecutionTargetsCommand,
  ListAssociationsCommand,
  StartAssociationsOnceCommand,
  UpdateAssociationCommand,
} from "@aws-sdk/client-ssm";
import type { ListAssociationVersionsRequest, ListAssociationVersionsResult } from "@aws-sdk/client-ssm";

import { plain } from "./plain";
import { ssm } from "./ssm";

export const listAssociations = ssm("ListAssociations", ListAssociationsCommand);
export const describeAssociation = ssm("DescribeAssociation", DescribeAssociationCommand);
export const listAssociationVersions = plain<ListAssociationVersionsRequest, ListAssociationVersionsResult>(
  "ListAssociationVersions",
);
export const createAssociation = ssm("CreateAssociation", CreateAssociationCommand);
export const updateAssociation = ssm("UpdateAssociation", UpdateAssociationCommand);
export const deleteAssociation = ssm("DeleteAssociation", DeleteAssociationCommand);
export const startAssociationsOnce = ssm("StartAssociationsOnce", StartAssociationsOnceCommand);
export const describeAssociationExecutions = ssm("DescribeAssociationExecutions", DescribeAssociationExecutionsCommand);
export const describeAssociationExecutionTargets = ssm(
  "DescribeAssociationExecutionTargets",
  DescribeAssociationExecutionTargetsCommand,
);
