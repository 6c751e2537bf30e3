// The fleet's nodes by state, day by day. A day that is chosen, by mouse or by keyboard, shows its numbers, which open the nodes
// behind them.

import Box from "@cloudscape-design/components/box";
import MixedLineBarChart from "@cloudscape-design/components/mixed-line-bar-chart";

import type { FleetSummary } from "../api/fleet";
import { href, part } from "../app/place";
import { STANDINGS, wordOf } from "../logic/status";
import { lastDays } from "../logic/trend";
import { COLOURS } from "./ComplianceRing";
import { Link } from "./Link";

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
      detailPopoverSeriesContent={({ series, x, y }) => ({
        key: series.title,
        value: (
          <Link
            to={href(`/days/${part(x)}`, { status: STANDINGS.find((status) => wordOf(status) === series.title) })}
            label={`${series.title} on ${x}: ${y.toLocaleString()}`}
          >
            {y.toLocaleString()}
          </Link>
        ),
      })}
      detailPopoverFooter={(x) => <Link to={href(`/days/${part(x)}`)}>All nodes of this day</Link>}
      series={STANDINGS.map((status) => ({
        type: "bar" as const,
        title: wordOf(status),
        color: COLOURS[status],
        data: trend.map((day) => ({ x: day.Day, y: day.ByStatus[status] ?? 0 })),
      }))}
      empty={<Box textAlign="center">No history yet: one point is kept per day</Box>}
    />
  );
}
