// The fleet as the `fettle` model tells it: node summaries, filtered, sorted and paged by the server,
// and the counts of the whole.

import { fettle } from "./fettle";

export type ComplianceStatus = "COMPLIANT" | "NON_COMPLIANT" | "UNKNOWN" | "STALE";

export interface Tag {
  Key: string;
  Value: string;
}

export interface NodeSummary {
  NodeId: string;
  Name?: string;
  ComputerName?: string;
  IPAddress?: string;
  PlatformType?: string;
  PlatformName?: string;
  PlatformVersion?: string;
  PingStatus?: string;
  LastPingDateTime?: number;
  AgentVersion?: string;
  PatchGroup?: string;
  BaselineId?: string;
  ComplianceStatus?: ComplianceStatus;
  InstalledCount?: number;
  InstalledOtherCount?: number;
  InstalledPendingRebootCount?: number;
  InstalledRejectedCount?: number;
  MissingCount?: number;
  FailedCount?: number;
  NotApplicableCount?: number;
  CriticalNonCompliantCount?: number;
  SecurityNonCompliantCount?: number;
  OtherNonCompliantCount?: number;
  Operation?: string;
  OperationEndTime?: number;
  Tags?: Tag[];
}

export interface NodeFilter {
  Key: string;
  Operator?: "EQUAL" | "NOT_EQUAL" | "BEGINS_WITH";
  Values: string[];
}

export interface ListNodeSummariesRequest {
  Filters?: NodeFilter[];
  SortBy?: string;
  SortOrder?: "ASCENDING" | "DESCENDING";
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
}

export interface ListNodeSummariesResponse {
  Nodes: NodeSummary[];
  NextToken?: string | undefined;
  Total?: number;
}

export interface FleetSummary {
  NodeCount: number;
  Compliance: Partial<Record<ComplianceStatus, number>>;
  PingStatuses?: Record<string, number>;
  PendingRebootCount?: number;
  OldestScans?: { NodeId: string; Name?: string; OperationEndTime?: number }[];
  Failures?: { Cause: string; Count: number; NodeId?: string }[];
  Trend?: { Day: string; Counts: Partial<Record<ComplianceStatus, number>> }[];
}

export const listNodeSummaries = fettle<ListNodeSummariesRequest, ListNodeSummariesResponse>("ListNodeSummaries");
export const getFleetSummary = fettle<object, FleetSummary>("GetFleetSummary");
