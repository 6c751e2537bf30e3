// The list of nodes and the counts of the fleet, put together from AWS's operations.

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
    ...state,
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
  };
  return all as NodeSummary;
}

export const listNodes: Call<ListNodeSummariesRequest, ListNodeSummariesResponse> = {
  service: "ssm",
  operation: "DescribeInstanceInformation",
  run: async (input, signal) => {
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
