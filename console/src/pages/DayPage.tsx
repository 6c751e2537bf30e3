// A day of the fleet's trend: the nodes that were there, each as it stood when the day ended.

import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { listNodesOnDay } from "../api/fleet";
import type { ListNodesOnDayResponse, NodeOnDay } from "../api/fleet";
import { useCall } from "../api/use";
import { href, part, useQueryValue } from "../app/place";
import type { PageProps } from "../app/routes";
import { Answer } from "../components/Answer";
import { Choice } from "../components/Choice";
import { columnsOf } from "../components/columns";
import { Count } from "../components/Count";
import { Link } from "../components/Link";
import { ServerTable } from "../components/ServerTable";
import { Status } from "../components/Status";
import { Time } from "../components/Time";
import { shortBaselineId } from "../logic/shortId";
import { STANDINGS, wordOf, worded } from "../logic/status";

const { statusColumn, textColumn, timeColumn } = columnsOf<NodeOnDay>();

const nameOf = (node: NodeOnDay): string => node.Name ?? node.ComputerName ?? node.NodeId;

const COLUMNS = [
  {
    id: "name",
    header: "Node",
    // Of one that is gone there is no page.
    cell: (node: NodeOnDay) =>
      node.DeregisteredAt === undefined ? (
        <Link to={href(`/nodes/${part(node.NodeId)}`, { tab: "timeline" })}>{nameOf(node)}</Link>
      ) : (
        nameOf(node)
      ),
    text: nameOf,
    minWidth: 150,
  },
  textColumn("id", "Node id", (node) => node.NodeId, { hidden: true }),
  statusColumn((node) => node.ComplianceStatus, { id: "compliance", header: "Compliance", minWidth: 140 }),
  statusColumn((node) => node.WorstState, { id: "worst", header: "Worst state", minWidth: 140 }),
  textColumn("critical", "Critical", (node) => node.CriticalNonCompliantCount),
  textColumn("security", "Security", (node) => node.SecurityNonCompliantCount),
  textColumn("other", "Other", (node) => node.OtherNonCompliantCount, { hidden: true }),
  textColumn("missing", "Missing", (node) => node.Counts?.["MISSING"]),
  timeColumn("scanned", "Report", (node) => node.CapturedAt, { minWidth: 135 }),
  textColumn("operation", "Operation", (node) => node.Operation, { hidden: true }),
  {
    id: "baseline",
    header: "Baseline id",
    cell: (node: NodeOnDay) => shortBaselineId(node.BaselineId ?? "–"),
    text: (node: NodeOnDay) => node.BaselineId,
    hidden: true,
  },
  timeColumn("left", "Deregistered", (node) => node.DeregisteredAt),
];

export default function DayPage({ params }: PageProps) {
  const day = params["day"] ?? "";
  const [status, setStatus] = useQueryValue("status");
  const counted = useCall(listNodesOnDay, { Day: day, MaxResults: 1 });
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="How the fleet stood at the end of this day, in UTC">
          {day}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Counted on that day</Header>}>
          <Answer of={counted} what="the numbers of the day">
            {(answer) => <Numbers day={day} answer={answer} />}
          </Answer>
        </Container>
        <ServerTable
          id="nodes-on-day"
          title="Nodes of this day"
          description={
            counted.data === undefined ? undefined : (
              <>
                As of <Time at={counted.data.AsOf} />
              </>
            )
          }
          call={listNodesOnDay}
          input={{ Day: day, ...(status === "" ? {} : { ComplianceStatus: status }) }}
          items={(output) => output.Nodes}
          trackBy={(node) => node.NodeId}
          columns={COLUMNS}
          filter={
            <Choice
              label="Compliance"
              any="Any compliance"
              value={status}
              values={worded(STANDINGS)}
              onChange={setStatus}
            />
          }
          empty={
            status === ""
              ? "No node was registered on this day."
              : `No node of this page was ${wordOf(status).toLowerCase()} on this day. Others may follow on the next.`
          }
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Numbers({ day, answer }: { readonly day: string; readonly answer: ListNodesOnDayResponse }) {
  const counts = answer.ByStatus;
  if (counts === undefined) return <Box color="text-status-inactive">The nodes of this day have not been counted.</Box>;
  return (
    <SpaceBetween size="m">
      <ColumnLayout columns={4} minColumnWidth={150}>
        {STANDINGS.map((status) => (
          <Count
            key={status}
            status={status}
            label={wordOf(status)}
            value={counts[status] ?? 0}
            to={href(`/days/${part(day)}`, { status })}
          />
        ))}
      </ColumnLayout>
      <Box variant="small">
        <Status status="UNKNOWN" text="Unknown" />: the node had never reported, or its report of then is not kept.
      </Box>
    </SpaceBetween>
  );
}
