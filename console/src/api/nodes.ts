// Nodes as AWS's operations tell them. The list of the fleet is ListNodeSummaries (`fleet.ts`).

import {
  DeregisterManagedInstanceCommand,
  DescribeInstanceInformationCommand,
  DescribeInstancePatchStatesCommand,
  ListComplianceSummariesCommand,
  UpdateManagedInstanceRoleCommand,
} from "@aws-sdk/client-ssm";

import type { Call } from "./call";
import { toCallError } from "./errors";
import type { CallError } from "./errors";
import { ssm } from "./ssm";

export const describeInstanceInformation = ssm("DescribeInstanceInformation", DescribeInstanceInformationCommand);
export const describeInstancePatchStates = ssm("DescribeInstancePatchStates", DescribeInstancePatchStatesCommand);
export const listComplianceSummaries = ssm("ListComplianceSummaries", ListComplianceSummariesCommand);
export const updateManagedInstanceRole = ssm("UpdateManagedInstanceRole", UpdateManagedInstanceRoleCommand);
const deregisterOne = ssm("DeregisterManagedInstance", DeregisterManagedInstanceCommand);

export interface Deregistered {
  readonly gone: readonly string[];
  /** Those that were not there any more. */
  readonly missing: readonly string[];
  readonly failed: readonly { readonly id: string; readonly error: CallError }[];
}

/** One call for each: AWS's operation takes one node. Those that the server refuses do not keep the others. */
export const deregisterNodes: Call<{ readonly ids: readonly string[] }, Deregistered> = {
  ...deregisterOne,
  run: async ({ ids }) => {
    const gone: string[] = [];
    const missing: string[] = [];
    const failed: { id: string; error: CallError }[] = [];
    for (const id of ids) {
      try {
        await deregisterOne.run({ InstanceId: id });
        gone.push(id);
      } catch (thrown) {
        const error = toCallError(deregisterOne.operation, thrown);
        if (error.kind === "missing") missing.push(id);
        else failed.push({ id, error });
      }
    }
    return { gone, missing, failed };
  },
};
