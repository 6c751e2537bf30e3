// Staged rollouts: a patching that goes ring by ring. Operations of the `fettle` model.

import { fettle } from "./fettle";

export interface RolloutGates {
  MaxFailures?: number;
  MaxFailurePercent?: number;
  ConfidencePercent?: number;
  NodesBack?: boolean;
  Probe?: { DocumentName: string; MaxFailures?: number };
  MaxFailedUnits?: number;
}

export interface RolloutRing {
  Name: string;
  Targets?: { Key: string; Values: string[] }[];
  Percent?: number;
  MaxConcurrency?: string;
  WaitHours?: number;
  SoakMinutes?: number;
  Gates?: RolloutGates;
  RequireApproval?: boolean;
}

export interface RolloutPlan {
  Rings?: RolloutRing[];
  Budgets?: { TagKey: string; Limit: string }[];
  OnGateFailed?: "Pause" | "Stop";
  EndsAfterHours?: number;
}

export interface RolloutEvidence {
  Ended: number;
  Failed: number;
  MaxFailures?: number;
  FailureBound?: number;
  MaxFailureBound?: number;
  ConfidencePercent?: number;
  NodesBack?: number;
  NodesAway?: number;
  NodesPendingReboot?: number;
  /** Units of systemd that failed since the installation began. */
  FailedUnits?: number;
  /** Nodes that succeeded and did not tell. */
  NodesWithoutUnits?: number;
  ProbeCommandId?: string;
  ProbeNodes?: number;
  ProbeSucceeded?: number;
  ProbeEnded?: number;
  Shortfalls: string[];
}

export type RolloutPhase =
  "Waiting" | "Running" | "Soaking" | "Judging" | "AwaitingApproval" | "Passed" | "Overruled" | "Stopped";

export interface RolloutRingState {
  Name: string;
  Phase: RolloutPhase;
  Nodes: number;
  Waiting: number;
  AtWork: number;
  Succeeded: number;
  Failed: number;
  Unreached: number;
  BeganAt?: number;
  SoaksUntil?: number;
  ApprovedBy?: string;
  Evidence?: RolloutEvidence;
}

export interface Rollout {
  RolloutId: string;
  AssociationId: string;
  Plan: RolloutPlan;
  Status: "InProgress" | "Paused" | "Stopped" | "Succeeded" | "CompletedWithFailure";
  Reason?: string;
  Ring: string;
  StartedAt: number;
  EndsAt: number;
  EndedAt?: number;
  FailedNodes: number;
  /** They fell short, and somebody let the next one begin all the same. */
  OverruledRings: string[];
  Rings: RolloutRingState[];
}

export type RolloutSignal = "Approve" | "Pause" | "Resume" | "Stop";

export const listRollouts = fettle<
  { MaxResults?: number | undefined; NextToken?: string | undefined },
  { Rollouts: Rollout[]; NextToken?: string }
>("ListRollouts");
export const getRollout = fettle<{ RolloutId: string }, { Rollout: Rollout }>("GetRollout");
export const signalRollout = fettle<
  { RolloutId: string; Signal: RolloutSignal; Comment?: string },
  { Rollout: Rollout }
>("SignalRollout");
