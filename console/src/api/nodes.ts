// The list of nodes: ListNodeSummaries where the session came from CreateSession, which the same servers have. Who
// signed in with an access key may do so at any server: the list is put together from AWS's operations there, which
// filter by less and do not sort.

import {
  DescribeInstanceInformationCommand,
  DescribeInstancePatchStatesCommand,
  ListComplianceSummariesCommand,
} from "@aws-sdk/client-ssm";
import type { InstanceInformation, InstancePatchState } from "@aws-sdk/client-ssm";

import type { Call } from "./call";
import type {
  ComplianceStatus,
  ListNodeSummariesRequest,
  ListNodeSummariesResponse,
  NodeFilter,
  NodeSummary,
} from "./fleet";
import { listNodeSummaries } from "./fleet";
import { session } from "./session";
import { ssm } from "./ssm";

export const describeInstanceInformation = ssm("DescribeInstanceInformation", DescribeInstanceInformationCommand);
export const describeInstancePatchStates = ssm("DescribeInstancePatchStates", DescribeInstancePatchStatesCommand);
export const listComplianceSummaries = ssm("ListComplianceSummaries", ListComplianceSummariesCommand);

const FILTERS: Record<string, string> = {
  NodeId: "InstanceIds",
  PingStatus: "PingStatus",
  PlatformType: "PlatformTypes",
};

/** What a report this old says is shown as stale. */
const STALE_AFTER_MS = 7 * 86_400_000;

function toAws(filters: readonly NodeFilter[] = []): { Key: string; Values: string[] }[] {
  return filters.flatMap(({ Key, Values }) => {
    if (Key === "PatchGroup") return [{ Key: "tag:PatchGroup", Values }];
    const key = Key.startsWith("tag:") ? Key : FILTERS[Key];
    return key === undefined ? [] : [{ Key: key, Values }];
  });
}

export function complianceOf(state: InstancePatchState | undefined, now: Date): ComplianceStatus {
  if (state?.OperationEndTime === undefined) return "UNKNOWN";
  if (now.getTime() - state.OperationEndTime.getTime() > STALE_AFTER_MS) return "STALE";
  const open =
    (state.CriticalNonCompliantCount ?? 0) +
    (state.SecurityNonCompliantCount ?? 0) +
    (state.OtherNonCompliantCount ?? 0);
  return open > 0 || (state.MissingCount ?? 0) > 0 || (state.FailedCount ?? 0) > 0 ? "NON_COMPLIANT" : "COMPLIANT";
}

function toSummary(node: InstanceInformation, state: InstancePatchState | undefined, now: Date): NodeSummary {
  const seconds = (date: Date | undefined): number | undefined =>
    date === undefined ? undefined : date.getTime() / 1000;
  const all: { [K in keyof NodeSummary]: NodeSummary[K] | undefined } = {
    NodeId: node.InstanceId ?? "",
    Name: node.Name,
    ComputerName: node.ComputerName,
    IPAddress: node.IPAddress,
    PlatformType: node.PlatformType,
    PlatformName: node.PlatformName,
    PlatformVersion: node.PlatformVersion,
    PingStatus: node.PingStatus,
    AgentVersion: node.AgentVersion,
    LastPingDateTime: seconds(node.LastPingDateTime),
    OperationEndTime: seconds(state?.OperationEndTime),
    ComplianceStatus: complianceOf(state, now),
    PatchGroup: state?.PatchGroup,
    BaselineId: state?.BaselineId,
    Operation: state?.Operation,
    CriticalNonCompliantCount: state?.CriticalNonCompliantCount,
    SecurityNonCompliantCount: state?.SecurityNonCompliantCount,
    OtherNonCompliantCount: state?.OtherNonCompliantCount,
    Counts:
      state === undefined
        ? undefined
        : { MISSING: state.MissingCount ?? 0, INSTALLED_PENDING_REBOOT: state.InstalledPendingRebootCount ?? 0 },
  };
  return all as NodeSummary;
}

/** Whether this server is known to have the lists of the `fettle` model. */
export function hasLists(): boolean {
  return session()?.kept === true;
}

export const listNodes: Call<ListNodeSummariesRequest, ListNodeSummariesResponse> = {
  get service() {
    return hasLists() ? listNodeSummaries.service : describeInstanceInformation.service;
  },
  get operation() {
    return hasLists() ? listNodeSummaries.operation : describeInstanceInformation.operation;
  },
  run: async (input, signal) => {
    if (hasLists()) return listNodeSummaries.run(input, signal);
    const filters = toAws(input.Filters);
    const page = await describeInstanceInformation.run(
      {
        ...(filters.length === 0 ? {} : { Filters: filters }),
        MaxResults: Math.max(5, Math.min(50, input.MaxResults ?? 50)),
        ...(input.NextToken === undefined ? {} : { NextToken: input.NextToken }),
      },
      signal,
    );
    const nodes = page.InstanceInformationList ?? [];
    const ids = nodes.map((node) => node.InstanceId ?? "");
    const states =
      ids.length === 0
        ? []
        : ((await describeInstancePatchStates.run({ InstanceIds: ids }, signal)).InstancePatchStates ?? []);
    const byNode = new Map(states.map((state) => [state.InstanceId, state]));
    const now = new Date();
    return {
      Nodes: nodes.map((node) => toSummary(node, byNode.get(node.InstanceId), now)),
      NextToken: page.NextToken,
    };
  },
};
