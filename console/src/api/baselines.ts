// Patch baselines and patch groups.

import {
  CreatePatchBaselineCommand,
  DeletePatchBaselineCommand,
  DeregisterPatchBaselineForPatchGroupCommand,
  DescribeEffectivePatchesForPatchBaselineCommand,
  DescribePatchBaselinesCommand,
  DescribePatchPropertiesCommand,
  GetPatchBaselineCommand,
  RegisterDefaultPatchBaselineCommand,
  RegisterPatchBaselineForPatchGroupCommand,
  UpdatePatchBaselineCommand,
} from "@aws-sdk/client-ssm";

import { ssm } from "./ssm";

export const describePatchBaselines = ssm("DescribePatchBaselines", DescribePatchBaselinesCommand);
export const getPatchBaseline = ssm("GetPatchBaseline", GetPatchBaselineCommand);
export const createPatchBaseline = ssm("CreatePatchBaseline", CreatePatchBaselineCommand);
export const updatePatchBaseline = ssm("UpdatePatchBaseline", UpdatePatchBaselineCommand);
export const deletePatchBaseline = ssm("DeletePatchBaseline", DeletePatchBaselineCommand);
export const describePatchProperties = ssm("DescribePatchProperties", DescribePatchPropertiesCommand);
export const describeEffectivePatches = ssm(
  "DescribeEffectivePatchesForPatchBaseline",
  DescribeEffectivePatchesForPatchBaselineCommand,
);
export const registerDefault = ssm("RegisterDefaultPatchBaseline", RegisterDefaultPatchBaselineCommand);
export const registerForPatchGroup = ssm(
  "RegisterPatchBaselineForPatchGroup",
  RegisterPatchBaselineForPatchGroupCommand,
);
export const deregisterForPatchGroup = ssm(
  "DeregisterPatchBaselineForPatchGroup",
  DeregisterPatchBaselineForPatchGroupCommand,
);
