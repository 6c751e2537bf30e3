// Why a node stands where it stands, and what was reported of it: operations of the `fettle` model.

import { fettle } from "./fettle";

export interface BaselineChoice {
  BaselineId?: string;
  Name?: string;
  Source?: string;
  Reason?: string;
}

export type RemedyAction =
  | "SCAN"
  | "INSTALL"
  | "RESTART"
  | "RUN_ON_NODE"
  | "READ_OUTPUT"
  | "CHANGE_BASELINE"
  | "CHOOSE_BASELINE"
  | "REVIEW_ASSOCIATIONS"
  | "REVIEW_COMPLIANCE_ITEMS"
  | "CHECK_AGENT"
  | "ENROL";

export interface Remedy {
  Text?: string;
  Command?: string;
  /** A newer server may know more of them. */
  Action?: string;
}

export interface CauseItem {
  Name?: string;
  Arch?: string;
  Title?: string;
  State?: string;
  InstalledVersion?: string;
  FixVersion?: string;
  Repository?: string;
  Proof?: string[];
  Remedy?: string;
}

export interface Cause {
  Id: string;
  Severity: "ERROR" | "WARNING" | "INFO";
  Headline: string;
  Count?: number;
  Items?: CauseItem[];
  Evidence?: { Field: string; Value: string; Source?: string }[];
  Remedy?: Remedy;
}

export interface Explanation {
  InstanceId: string;
  Status: "COMPLIANT" | "NON_COMPLIANT" | "UNKNOWN";
  CapturedAt?: number;
  AgeSeconds?: number;
  Stale?: boolean;
  Baseline?: BaselineChoice;
  Causes: Cause[];
  LastRuns: { CommandId?: string; DocumentName?: string; Status?: string; RequestedAt?: number; Operation?: string }[];
}

export interface ReportedPatch {
  Name: string;
  Arch?: string;
  State?: string;
  InstalledVersion?: string;
  FixVersion?: string;
  Suite?: string;
  ComplianceLevel?: string;
  Classification?: string;
  Cves?: string[];
}

export interface NodeReport {
  ReportId: string;
  Operation?: string;
  StartedAt?: number;
  EndedAt?: number;
  Stale?: boolean;
  Status: string;
  Counts: Record<string, number>;
  RunningKernel?: string;
  RebootRequiredBy?: string[];
  AutomaticUpdates?: string[];
  ListsUpdatedAt?: number;
  Baseline?: BaselineChoice;
  Missing: ReportedPatch[];
  NonCompliant: ReportedPatch[];
}

export interface NodeReportSummary {
  ReportId: string;
  SnapshotId?: string;
  BaselineId?: string;
  Operation?: string;
  StartedAt?: number;
  EndedAt?: number;
  Status: string;
  Counts: Record<string, number>;
}

interface Paged {
  InstanceId: string;
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
}

export interface PackageChange {
  Name: string;
  Arch: string;
  Action?: string;
  FromVersion?: string;
  ToVersion?: string;
  Reason: string;
}

export interface PatchExecution {
  ExecutionId: string;
  Kind: "INSTALL" | "UNDO";
  EndedAt: number;
  BaselineId?: string;
  Changes: PackageChange[];
  Failed: { Name: string; Version?: string; Failure: { Code: string; Detail: string } }[];
  /** Of an undo: the run that it took back. */
  UndoOf?: string;
  UndoneBy?: string[];
  UndoPossible?: "YES" | "PARTLY" | "NO" | "UNKNOWN";
  UndoReason?: string;
  UndoRefused: { Name: string; Version: string; Failure: { Code: string; Detail: string } }[];
  /** Of the root's file system, from before the run. */
  Snapshot?: { Kind: string; Name: string; TakenAt: number };
}

export interface PatchPlan {
  MadeAt: number;
  Approved?: number;
  Changes: PackageChange[];
  Refused: { Name: string; Version: string; Failure: { Code: string; Detail: string } }[];
  Blockers: { Code: string; Subject?: string; Detail: string }[];
  Warnings?: { Code: string; Subject?: string; Detail: string }[];
  DownloadBytes?: number;
  ServicesToRestart: string[];
  RebootExpected: boolean;
  RebootReasons: { Package: string; Reason: string }[];
}

export interface PatchPlanAnswer {
  PlanId: string;
  InstanceId: string;
  Status: string;
  StatusDetails: string;
  RequestedAt: number;
  Plan?: PatchPlan;
}

export const explainNodeCompliance = fettle<{ InstanceId: string; MaxItems?: number }, Explanation>(
  "ExplainNodeCompliance",
);
export const getNodeReport = fettle<{ InstanceId: string; ReportId?: string }, NodeReport>("GetNodeReport");
export const listNodeReports = fettle<Paged, { Reports: NodeReportSummary[]; NextToken?: string }>("ListNodeReports");
export const listPatchExecutions = fettle<Paged, { Executions: PatchExecution[]; NextToken?: string }>(
  "ListPatchExecutions",
);
export const startPatchUndo = fettle<
  { InstanceId: string; ExecutionId: string; AllowPartial?: boolean; By?: "PACKAGES" | "SNAPSHOT" },
  { PlanId: string }
>("StartPatchUndo");
export const startPatchPlan = fettle<{ InstanceIds: string[] }, { PlanId: string }>("StartPatchPlan");
export const getPatchPlan = fettle<{ InstanceId: string; PlanId: string }, PatchPlanAnswer>("GetPatchPlan");

export interface AffectedNode {
  InstanceId: string;
  CveId: string;
  Package: string;
  Arch: string;
  InstalledVersion: string;
  FixedVersion?: string;
  Severity?: string;
  Feed?: string;
  AdvisoryId?: string;
}

export const describeAdvisories = fettle<
  { CveId?: string; Package?: string; MaxResults?: number | undefined; NextToken?: string | undefined },
  { AffectedNodes: AffectedNode[]; Feeds: { Feed: string }[]; NextToken?: string }
>("DescribeAdvisories");
