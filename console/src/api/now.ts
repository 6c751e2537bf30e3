// The counts of the fleet for the home page, put together from AWS's operations by walking the nodes.

import type { Call } from "./call";
import type { ComplianceStatus, FleetSummary } from "./fleet";
import { listNodes } from "./nodes";

/** Beyond so many nodes the walk would be too long for a page. */
const MOST_PAGES = 40;
const OLDEST = 5;

export const fleetSummary: Call<object, FleetSummary> = {
  service: "ssm",
  operation: "DescribeInstanceInformation",
  run: async (_, signal) => {
    const compliance: Partial<Record<ComplianceStatus, number>> = {};
    const pings: Record<string, number> = {};
    const scans: { NodeId: string; Name?: string; OperationEndTime?: number }[] = [];
    let nodes = 0;
    let pending = 0;
    let token: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const found = await listNodes.run(
        { MaxResults: 50, ...(token === undefined ? {} : { NextToken: token }) },
        signal,
      );
      for (const node of found.Nodes) {
        nodes += 1;
        const status = node.ComplianceStatus ?? "UNKNOWN";
        compliance[status] = (compliance[status] ?? 0) + 1;
        const ping = node.PingStatus ?? "Inactive";
        pings[ping] = (pings[ping] ?? 0) + 1;
        if ((node.InstalledPendingRebootCount ?? 0) > 0) pending += 1;
        if (node.OperationEndTime !== undefined) {
          scans.push({
            NodeId: node.NodeId,
            Name: node.Name ?? node.ComputerName ?? node.NodeId,
            OperationEndTime: node.OperationEndTime,
          });
        }
      }
      token = found.NextToken;
      if (token === undefined || token === "") break;
    }
    scans.sort((one, other) => (one.OperationEndTime ?? 0) - (other.OperationEndTime ?? 0));
    return {
      NodeCount: nodes,
      Compliance: compliance,
      PingStatuses: pings,
      PendingRebootCount: pending,
      OldestScans: scans.slice(0, OLDEST),
    };
  },
};
