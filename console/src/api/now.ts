// The counts of the fleet for the home page: GetFleetSummary, or where the server may not have it, put together by
// walking the nodes.

import type { Call } from "./call";
import type { ComplianceStatus, FleetSummary } from "./fleet";
import { getFleetSummary } from "./fleet";
import { hasLists, listNodes } from "./nodes";

/** Beyond so many nodes the walk would be too long for a page. */
const MOST_PAGES = 40;
const OLDEST = 5;

export const fleetSummary: Call<object, FleetSummary> = {
  get service() {
    return hasLists() ? getFleetSummary.service : listNodes.service;
  },
  get operation() {
    return hasLists() ? getFleetSummary.operation : listNodes.operation;
  },
  run: async (_, signal) => {
    if (hasLists()) return getFleetSummary.run({}, signal);
    const compliance: Partial<Record<ComplianceStatus, number>> = {};
    const pings: Record<string, number> = {};
    const scans: { NodeId: string; Name?: string; CapturedAt?: number }[] = [];
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
        if ((node.Counts?.["INSTALLED_PENDING_REBOOT"] ?? 0) > 0) pending += 1;
        if (node.OperationEndTime !== undefined) {
          scans.push({
            NodeId: node.NodeId,
            Name: node.Name ?? node.ComputerName ?? node.NodeId,
            CapturedAt: node.OperationEndTime,
          });
        }
      }
      token = found.NextToken;
      if (token === undefined || token === "") break;
    }
    scans.sort((one, other) => (one.CapturedAt ?? 0) - (other.CapturedAt ?? 0));
    return {
      Total: nodes,
      ByStatus: compliance,
      ByPingStatus: pings,
      PendingReboots: pending,
      OldestScans: scans.slice(0, OLDEST),
    };
  },
};
