// Hybrid activations: what lets machines register as nodes.

import { CreateActivationCommand, DeleteActivationCommand, DescribeActivationsCommand } from "@aws-sdk/client-ssm";

import { ssm } from "./ssm";

export const createActivation = ssm("CreateActivation", CreateActivationCommand);
export const describeActivations = ssm("DescribeActivations", DescribeActivationsCommand);
export const deleteActivation = ssm("DeleteActivation", DeleteActivationCommand);
