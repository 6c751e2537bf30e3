// The fleet's nodes by state, day by day.

import Box from "@cloudscape-design/components/box";
import MixedLineBarChart from "@cloudscape-design/components/mixed-line-bar-chart";

import type { FleetSummary } from "../api/fleet";
import { wordOf } from "../logic/status";
import { lastDays } from "../logic/trend";
import { COLOURS, ORDER } from "./ComplianceRing";

const DAYS = 90;

export function ComplianceTrend({ trend }: { readonly trend: NonNullable<FleetSummary["Trend"]> }) {
  return (
    <MixedLineBarChart
      stackedBars
      hideFilter
      height={220}
      xScaleType="categorical"
      // Days of which nothing is kept stay empty.
      xDomain={lastDays(DAYS, new Date())}
      xTitle="Day (UTC)"
      yTitle="Nodes"
      // There is no part of a node.
      yTickFormatter={(count) => (Number.isInteger(count) ? count.toLocaleString() : "")}
      ariaLabel="Nodes by compliance and day"
      series={ORDER.map((status) => ({
        type: "bar" as const,
        title: wordOf(status),
        color: COLOURS[status],
        data: trend.map((day) => ({ x: day.Day, y: day.ByStatus[status] ?? 0 })),
      }))}
      empty={<Box textAlign="center">No history yet: one point is kept per day</Box>}
    />
  );
}
