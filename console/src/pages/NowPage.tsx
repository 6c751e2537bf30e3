// Now: how the fleet stands at this moment. Each number opens the rows behind it.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Grid from "@cloudscape-design/components/grid";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { getFleetSummary } from "../api/fleet";
import type { FleetSummary } from "../api/fleet";
import { useCall } from "../api/use";
import { href, part } from "../app/place";
import { Answer } from "../components/Answer";
import { ComplianceRing } from "../components/ComplianceRing";
import { ComplianceTrend } from "../components/ComplianceTrend";
import { CopyCommand } from "../components/CopyCommand";
import { Count } from "../components/Count";
import { EnrolSteps } from "../components/EnrolSteps";
import { LiveOperations } from "../components/LiveOperations";
import { Link } from "../components/Link";
import { Status } from "../components/Status";
import { Time } from "../components/Time";
import { WORST_STATES, wordOf } from "../logic/status";

const POLL_MS = 20_000;

export default function NowPage() {
  const summary = useCall(getFleetSummary, {}, { poll: POLL_MS });
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="How the fleet stands at this moment"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand requests={[{ service: "fettle", operation: "GetFleetSummary", input: {} }]} />
              <Button href={href("/patch-now/start")} variant="primary">
                Patch now
              </Button>
            </SpaceBetween>
          }
        >
          Now
        </Header>
      }
    >
      <Answer of={summary} what="the fleet">
        {(fleet) => (fleet.Total === 0 ? <FirstSteps /> : <Fleet fleet={fleet} />)}
      </Answer>
    </ContentLayout>
  );
}

function FirstSteps() {
  return (
    <Container>
      <EnrolSteps />
    </Container>
  );
}

function Fleet({ fleet }: { readonly fleet: FleetSummary }) {
  const nodes = (key: string, value: string): string => href("/nodes", { [key]: value });
  const of = fleet.ByStatus;
  return (
    <SpaceBetween size="l">
      <Grid gridDefinition={[{ colspan: { default: 12, m: 5 } }, { colspan: { default: 12, m: 7 } }]}>
        <Container fitHeight header={<Header variant="h2">Compliance</Header>}>
          <ComplianceRing counts={of} total={fleet.Total} />
        </Container>
        <Container fitHeight header={<Header variant="h2">Nodes</Header>}>
          <ColumnLayout columns={3} minColumnWidth={150}>
            <Count label="All nodes" value={fleet.Total} to={href("/nodes")} />
            <Count
              status="NON_COMPLIANT"
              label="Non-compliant"
              value={of.NON_COMPLIANT ?? 0}
              to={nodes("ComplianceStatus", "NON_COMPLIANT")}
            />
            <Count
              status="COMPLIANT"
              label="Compliant"
              value={of.COMPLIANT ?? 0}
              to={nodes("ComplianceStatus", "COMPLIANT")}
            />
            <Count status="UNKNOWN" label="Unknown" value={of.UNKNOWN ?? 0} to={nodes("ComplianceStatus", "UNKNOWN")} />
            <Count status="STALE" label="Stale" value={of.STALE ?? 0} to={nodes("ComplianceStatus", "STALE")} />
            <Count label="Pending reboot" value={fleet.PendingReboots ?? 0} to={nodes("PendingReboot", "true")} />
            {Object.entries(fleet.ByPingStatus ?? {}).map(([ping, count]) => (
              <Count
                key={ping}
                status={ping}
                label={ping === "ConnectionLost" ? "Connection lost" : ping}
                value={count}
                to={nodes("PingStatus", ping)}
              />
            ))}
          </ColumnLayout>
          <WorstStates counts={fleet.ByWorstState ?? {}} />
        </Container>
      </Grid>
      {fleet.Trend === undefined ? null : (
        <Container header={<Header variant="h2">Last 90 days</Header>}>
          <ComplianceTrend trend={fleet.Trend} />
        </Container>
      )}
      <Grid gridDefinition={[{ colspan: { default: 12, m: 7 } }, { colspan: { default: 12, m: 5 } }]}>
        <LiveOperations />
        <Container
          fitHeight
          header={
            <Header
              variant="h2"
              actions={<Link to={href("/nodes", { sort: "OperationEndTime", order: "asc" })}>All nodes</Link>}
            >
              Oldest scans
            </Header>
          }
        >
          <OldestScans fleet={fleet} />
        </Container>
      </Grid>
      {fleet.Failures === undefined ? null : (
        <Container
          header={
            <Header variant="h2" description="What failed last, by its cause">
              Failures
            </Header>
          }
        >
          <Failures failures={fleet.Failures} />
        </Container>
      )}
    </SpaceBetween>
  );
}

/** Of the nodes that are not compliant. */
function WorstStates({ counts }: { readonly counts: Readonly<Record<string, number>> }) {
  const states = WORST_STATES.filter((state) => (counts[state] ?? 0) > 0);
  if (states.length === 0) return null;
  return (
    <Box padding={{ top: "m" }}>
      <Box variant="awsui-key-label">Non-compliant nodes by the worst state of their patches</Box>
      <SpaceBetween direction="horizontal" size="l">
        {states.map((state) => (
          <Status
            key={state}
            status={state}
            text={
              <>
                {wordOf(state)}:{" "}
                <Link to={href("/nodes", { WorstState: state })}>{(counts[state] ?? 0).toLocaleString()}</Link>
              </>
            }
          />
        ))}
      </SpaceBetween>
    </Box>
  );
}

function OldestScans({ fleet }: { readonly fleet: FleetSummary }) {
  const scans = fleet.OldestScans ?? [];
  if (scans.length === 0) return <Box color="text-status-inactive">No node has been scanned yet.</Box>;
  return (
    <ul className="entries">
      {scans.map((scan) => (
        <li key={scan.NodeId}>
          <Link to={href(`/nodes/${part(scan.NodeId)}`)}>{scan.Name ?? scan.NodeId}</Link>{" "}
          <Box variant="span" color="text-body-secondary">
            <Time at={scan.CapturedAt} short />
          </Box>
        </li>
      ))}
    </ul>
  );
}

function Failures({ failures }: { readonly failures: NonNullable<FleetSummary["Failures"]> }) {
  if (failures.length === 0) return <Box color="text-status-inactive">Nothing has failed.</Box>;
  return (
    <ul className="entries">
      {failures.map((failure) => {
        const words = `${failure.DocumentName}: ${wordOf(failure.StatusDetails ?? "Failed").toLowerCase()}`;
        return (
          <li key={`${words} ${failure.CommandId ?? ""}`}>
            <Link
              to={href("/commands", { document: failure.DocumentName })}
              label={`${failure.Nodes.toLocaleString()} failures of ${failure.DocumentName}`}
            >
              {failure.Nodes.toLocaleString()}
            </Link>{" "}
            ×{" "}
            {failure.CommandId === undefined ? (
              words
            ) : (
              <Link to={href(`/commands/${part(failure.CommandId)}`, { status: failure.StatusDetails })}>{words}</Link>
            )}{" "}
            <Box variant="span" color="text-body-secondary">
              <Time at={failure.RequestedAt} short />
            </Box>
          </li>
        );
      })}
    </ul>
  );
}
