// Patch now: one run over many nodes at once, of the `fettle` model.

import { fettle } from "./fettle";
import type { Rollout, RolloutPlan } from "./rollouts";

export interface PatchNowOrder {
  Operation: "Scan" | "Install";
  Targets: { Key: string; Values: string[] }[];
  RebootOption?: "RebootIfNeeded" | "NoReboot";
  RebootAt?: string;
  RestartServices?: boolean;
  PreInstallHook?: string;
  PostInstallHook?: string;
  OnExitHook?: string;
  MaxConcurrency?: string;
  MaxErrors?: string;
  OutputS3BucketName?: string;
  OutputS3KeyPrefix?: string;
  Rollout?: RolloutPlan;
}

export interface PatchNow {
  PatchNowId: string;
  AssociationId: string;
  Order: PatchNowOrder;
  DocumentName: string;
  StartedAt: number;
  EndsAt?: number;
  EndedAt?: number;
  Status: string;
  StatusDetails: string;
  TargetCount: number;
  Counts: Record<string, number>;
  Rollout?: Rollout;
}

export interface PatchNowNode {
  InstanceId: string;
  ComputerName?: string;
  PingStatus?: string;
  Status: string;
  StatusDetails: string;
  Trace?: string;
  Ring?: string;
  EndedAt?: number;
  Report?: { Status: string; Counts: Record<string, number>; EndedAt?: number };
}

interface Paged {
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
}

export const startPatchNow = fettle<
  { Order: PatchNowOrder },
  { PatchNow: PatchNow; Excluded: { InstanceId: string; PatchPolicyName: string }[] }
>("StartPatchNow");
export const getPatchNow = fettle<{ PatchNowId: string }, { PatchNow: PatchNow }>("GetPatchNow");
export const listPatchNow = fettle<Paged, { PatchNow: PatchNow[]; NextToken?: string }>("ListPatchNow");
export const listPatchNowNodes = fettle<Paged & { PatchNowId: string }, { Nodes: PatchNowNode[]; NextToken?: string }>(
  "ListPatchNowNodes",
);
export const cancelPatchNow = fettle<{ PatchNowId: string }, object>("CancelPatchNow");
