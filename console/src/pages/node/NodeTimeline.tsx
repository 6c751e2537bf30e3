// The reports of a node, newest first, and what lies between any two of them.

import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";

import { getNodeReport, listNodeReports } from "../../api/explain";
import type { NodeReportSummary } from "../../api/explain";
import { useCall } from "../../api/use";
import { Answer } from "../../components/Answer";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { reportDifference } from "../../logic/reportDifference";
import type { PatchDifference } from "../../logic/reportDifference";
import { wordOf } from "../../logic/status";
import { countsText } from "../../logic/counts";
import { shortBaselineId } from "../../logic/shortId";
import { toDate } from "../../logic/time";
import { NodeInstallations } from "./NodeInstallations";

export function NodeTimeline({ id }: { readonly id: string }) {
  const [chosen, setChosen] = useState<readonly NodeReportSummary[]>([]);
  const pair = [...chosen].sort((one, other) => (one.EndedAt ?? 0) - (other.EndedAt ?? 0));
  const [before, after] = pair;
  return (
    <SpaceBetween size="l">
      <ServerTable
        id="node-reports"
        title="Reports"
        description="Choose two to see what changed between them"
        inside
        call={listNodeReports}
        input={{ InstanceId: id }}
        items={(output) => output.Reports}
        trackBy={(report) => report.ReportId}
        selection={{ items: chosen, onChange: (items) => setChosen(items.slice(-2)) }}
        columns={[
          {
            id: "at",
            header: "Reported",
            cell: (report) => <Time at={report.EndedAt} />,
            text: (report) => toDate(report.EndedAt)?.toISOString(),
            minWidth: 200,
          },
          {
            id: "operation",
            header: "Operation",
            cell: (report) => report.Operation ?? "–",
            text: (report) => report.Operation,
          },
          {
            id: "status",
            header: "Status",
            cell: (report) => <Status status={report.Status} />,
            text: (report) => report.Status,
          },
          {
            id: "counts",
            header: "Patches",
            cell: (report) => countsText(report.Counts),
            text: (report) => countsText(report.Counts),
            minWidth: 200,
          },
          {
            id: "baseline",
            header: "Baseline id",
            cell: (report) => shortBaselineId(report.BaselineId ?? "–"),
            text: (report) => report.BaselineId,
            hidden: true,
          },
          {
            id: "id",
            header: "Report id",
            cell: (report) => report.ReportId,
            text: (report) => report.ReportId,
            hidden: true,
          },
        ]}
        empty="This node has not reported yet: scan it."
      />
      {before !== undefined && after !== undefined ? (
        <Difference id={id} before={before.ReportId} after={after.ReportId} />
      ) : null}
      <NodeInstallations id={id} />
    </SpaceBetween>
  );
}

function Difference({ id, before, after }: { readonly id: string; readonly before: string; readonly after: string }) {
  const old = useCall(getNodeReport, { InstanceId: id, ReportId: before });
  const now = useCall(getNodeReport, { InstanceId: id, ReportId: after });
  return (
    <Answer of={old} what="the older report">
      {(from) => (
        <Answer of={now} what="the newer report">
          {(to) => {
            const difference = reportDifference(from, to);
            const rows = [
              ...difference.arisen.map((patch) => ({ kind: "New", ...patch })),
              ...difference.changed.map((patch) => ({ kind: "Changed", ...patch })),
              ...difference.settled.map((patch) => ({ kind: "Settled", ...patch })),
            ];
            return (
              <SpaceBetween size="s">
                <Header
                  variant="h3"
                  description={difference.counts
                    .map((count) => `${wordOf(count.state)}: ${count.before} → ${count.after}`)
                    .join(", ")}
                >
                  What changed
                </Header>
                <Table<PatchDifference & { kind: string }>
                  variant="embedded"
                  sortingDisabled
                  wrapLines
                  items={rows}
                  ariaLabels={{ tableLabel: "What changed between the two reports" }}
                  columnDefinitions={[
                    { id: "name", header: "Package", isRowHeader: true, cell: (row) => row.name },
                    { id: "kind", header: "Change", cell: (row) => row.kind },
                    { id: "before", header: "Before", cell: (row) => row.before ?? "in order" },
                    { id: "after", header: "After", cell: (row) => row.after ?? "in order" },
                  ]}
                  empty={<Box textAlign="center">No package came to be out of order or in order between the two.</Box>}
                />
              </SpaceBetween>
            );
          }}
        </Answer>
      )}
    </Answer>
  );
}
