// What an unsaved baseline would approve of what the fleet has reported. An operation of the `fettle` model.

import { fettle } from "./fettle";

export type PreviewListName =
  "Approved" | "ApprovedLater" | "Rejected" | "NotMatched" | "NewlyApproved" | "NoLongerApproved";

export interface PreviewedPatch {
  Product: string;
  Name: string;
  Arch?: string;
  Version: string;
  Title?: string;
  Classification?: string;
  Severity?: string;
  ComplianceLevel?: string;
  AdvisoryId?: string;
  Outcome: PreviewListName;
  Rule?: number;
  Entry?: string;
  Reason?: string;
  FilterKey?: string;
  Property?: string;
  ApprovedAt?: number;
  NodesLacking: number;
  NodesPresent: number;
}

export interface PreviewList {
  Name: PreviewListName;
  Count: number;
  Lacking: number;
  Patches: PreviewedPatch[];
  NextToken?: string;
}

export interface PreviewInput {
  Baseline: object;
  BaselineId?: string;
  List?: PreviewListName;
  MaxResults?: number;
  NextToken?: string;
}

export interface Preview {
  Lists: PreviewList[];
  Nodes: number;
  NodesExamined: number;
  Comparison?: { BaselineId: string; NodesServed: number; NodesServedExamined: number; NodesChanged: number };
  AsOf: number;
}

export const previewPatchBaseline = fettle<PreviewInput, Preview>("PreviewPatchBaseline");
