// The fleet's nodes by their worst state, as a ring whose parts open the nodes behind them.

import Box from "@cloudscape-design/components/box";
import PieChart from "@cloudscape-design/components/pie-chart";
import {
  colorChartsStatusHigh,
  colorChartsStatusMedium,
  colorChartsStatusNeutral,
  colorChartsStatusPositive,
} from "@cloudscape-design/design-tokens";

import type { ComplianceStatus } from "../api/fleet";
import { href } from "../app/place";
import { STANDINGS, wordOf } from "../logic/status";
import { Link } from "./Link";

export const COLOURS: Record<ComplianceStatus, string> = {
  COMPLIANT: colorChartsStatusPositive,
  NON_COMPLIANT: colorChartsStatusHigh,
  STALE: colorChartsStatusMedium,
  UNKNOWN: colorChartsStatusNeutral,
};

interface Props {
  readonly counts: Partial<Record<ComplianceStatus, number>>;
  readonly total: number;
}

export function ComplianceRing({ counts, total }: Props) {
  const data = STANDINGS.map((status) => ({
    status,
    title: wordOf(status),
    value: counts[status] ?? 0,
    color: COLOURS[status],
  }));
  const compliant = counts.COMPLIANT ?? 0;
  // Rounded down: not all is never shown as 100 %.
  const share = total === 0 ? 0 : Math.floor((100 * compliant) / total);
  return (
    <PieChart
      variant="donut"
      size="medium"
      hideFilter
      hideLegend
      hideTitles
      hideDescriptions
      data={data.filter((part) => part.value > 0)}
      innerMetricValue={`${share} %`}
      innerMetricDescription="compliant"
      ariaLabel="Nodes by compliance"
      segmentDescription={(datum) => `${datum.value} nodes`}
      detailPopoverContent={(datum) => [
        {
          key: "Nodes",
          value: <Link to={href("/nodes", { ComplianceStatus: datum.status })}>{datum.value.toLocaleString()}</Link>,
        },
      ]}
      empty={<Box textAlign="center">No nodes</Box>}
    />
  );
}
