// The fleet as the `fettle` model tells it: node summaries, filtered, sorted and paged by the server,
// and the counts of the whole.

import { fettle } from "./fettle";

export type ComplianceStatus = "COMPLIANT" | "NON_COMPLIANT" | "UNKNOWN" | "STALE";

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
  /** Patches by their state, in the model's spelling: `MISSING`. */
  Counts?: Record<string, number>;
  CriticalNonCompliantCount?: number;
  SecurityNonCompliantCount?: number;
  OtherNonCompliantCount?: number;
  Operation?: string;
  OperationEndTime?: number;
  Tags?: Record<string, string>;
}

export interface NodeFilter {
  Key: string;
  Operator?: "Equal" | "NotEqual" | "BeginWith" | "Contains" | "LessThan" | "GreaterThan";
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
  Total: number;
}

export interface FleetSummary {
  Total: number;
  ByStatus: Partial<Record<ComplianceStatus, number>>;
  /** The worst state of any patch of a node, or how the node stands. */
  ByWorstState?: Record<string, number>;
  ByPingStatus?: Record<string, number>;
  PendingReboots?: number;
  OldestScans?: { NodeId: string; Name?: string; CapturedAt?: number }[];
  Failures?: {
    DocumentName: string;
    StatusDetails?: string;
    Nodes: number;
    RequestedAt?: number;
    CommandId?: string;
  }[];
  Trend?: { Day: string; ByStatus: Partial<Record<ComplianceStatus, number>> }[];
}

export const listNodeSummaries = fettle<ListNodeSummariesRequest, ListNodeSummariesResponse>("ListNodeSummaries");
export const getFleetSummary = fettle<object, FleetSummary>("GetFleetSummary");

/** A node as it stood on a day of the trend. */
export interface NodeOnDay {
  NodeId: string;
  Name?: string;
  ComputerName?: string;
  ComplianceStatus: ComplianceStatus;
  WorstState: string;
  ReportId?: string;
  BaselineId?: string;
  Operation?: string;
  OperationEndTime?: number;
  CapturedAt?: number;
  Counts?: Record<string, number>;
  CriticalNonCompliantCount?: number;
  SecurityNonCompliantCount?: number;
  OtherNonCompliantCount?: number;
  DeregisteredAt?: number;
}

export interface ListNodesOnDayRequest {
  /** In UTC: `2026-01-31`. */
  Day: string;
  ComplianceStatus?: string;
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
}

export interface ListNodesOnDayResponse {
  Nodes: NodeOnDay[];
  NextToken?: string | undefined;
  ByStatus?: Partial<Record<ComplianceStatus, number>>;
  AsOf: number;
}

export const listNodesOnDay = fettle<ListNodesOnDayRequest, ListNodesOnDayResponse>("ListNodesOnDay");
