// Why a node stands where it stands: each cause with its proof, what to do about it, and a button that does it.

import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";

import { explainNodeCompliance } from "../../api/explain";
import type { Cause, Explanation } from "../../api/explain";
import { useCall } from "../../api/use";
import { href, part } from "../../app/place";
import { Answer } from "../../components/Answer";
import { Link } from "../../components/Link";
import { Prose } from "../../components/Prose";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { remedyOf } from "../../logic/remedy";

const COLOURS = { ERROR: "severity-critical", WARNING: "severity-medium", INFO: "grey" } as const;
const MOST_ITEMS = 100;

export function NodeWhy({ id }: { readonly id: string }) {
  const answer = useCall(explainNodeCompliance, { InstanceId: id, MaxItems: MOST_ITEMS });
  return (
    <Answer of={answer} what="the explanation">
      {(why) => (
        <SpaceBetween size="l">
          <Verdict why={why} />
          {why.Causes.length === 0 ? <Alert type="success">Nothing speaks against this node.</Alert> : null}
          {why.Causes.map((cause) => (
            <CauseBox key={cause.Id} cause={cause} nodeId={id} baselineId={why.Baseline?.BaselineId} />
          ))}
        </SpaceBetween>
      )}
    </Answer>
  );
}

function Verdict({ why }: { readonly why: Explanation }) {
  const baseline = why.Baseline;
  const stale = why.Stale === true;
  return (
    <Container header={<Header variant="h2">Verdict</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          {
            label: "Status",
            value: stale ? (
              <Status
                status="STALE"
                text={`${why.Status === "COMPLIANT" ? "Compliant" : "Non-compliant"}, but stale`}
              />
            ) : (
              <Status status={why.Status} />
            ),
          },
          {
            label: "Reported",
            value: (
              <>
                <Time at={why.CapturedAt} />
              </>
            ),
          },
          {
            label: "Patch baseline",
            value:
              baseline?.BaselineId === undefined ? (
                "–"
              ) : (
                <Link to={href(`/baselines/${part(baseline.BaselineId)}`)}>{baseline.Name ?? baseline.BaselineId}</Link>
              ),
          },
          { label: "Why this baseline", value: <Prose text={baseline?.Reason ?? "–"} begins /> },
        ]}
      />
    </Container>
  );
}

/** How many are listed, of how many there are. */
function extent(listed: number, all = listed): string {
  return listed < all ? `the first ${listed} of ${all.toLocaleString()}` : String(listed);
}

interface CauseProps {
  readonly cause: Cause;
  readonly nodeId: string;
  readonly baselineId: string | undefined;
}

function CauseBox({ cause, nodeId, baselineId }: CauseProps) {
  const command = cause.Remedy?.Command;
  const items = cause.Items ?? [];
  const evidence = cause.Evidence ?? [];
  const action = remedyOf(cause.Remedy?.Action, { cause, node: nodeId, baseline: baselineId });
  return (
    <Container
      header={
        <Header
          variant="h3"
          info={<Badge color={COLOURS[cause.Severity]}>{cause.Severity.toLowerCase()}</Badge>}
          actions={action === undefined ? undefined : <Button href={action.href}>{action.label}</Button>}
        >
          <Prose text={cause.Headline} begins />
        </Header>
      }
    >
      <SpaceBetween size="m">
        {cause.Remedy?.Text === undefined ? null : (
          <Box variant="p">
            <Prose text={cause.Remedy.Text} />
          </Box>
        )}
        {command === undefined || command === "" ? null : (
          <div>
            <Box variant="code">{command}</Box>{" "}
            <CopyToClipboard
              variant="inline"
              textToCopy={command}
              textToDisplay=""
              copyButtonAriaLabel="Copy the command"
              copySuccessText="Copied"
              copyErrorText="The browser does not let this page copy: select the text"
            />
          </div>
        )}
        {items.length === 0 ? null : (
          <ExpandableSection
            headerText={`What exactly, and the proof (${extent(items.length, cause.Count)})`}
            defaultExpanded={items.length <= 10}
          >
            <Table
              variant="embedded"
              wrapLines
              sortingDisabled
              items={[...items]}
              ariaLabels={{ tableLabel: cause.Headline }}
              columnDefinitions={[
                {
                  id: "name",
                  header: "Package",
                  isRowHeader: true,
                  minWidth: 140,
                  cell: (item) => item.Name ?? item.Title ?? "–",
                },
                {
                  id: "state",
                  header: "State",
                  minWidth: 110,
                  cell: (item) => (item.State === undefined ? "–" : <Status status={item.State} />),
                },
                { id: "installed", header: "Installed", minWidth: 110, cell: (item) => item.InstalledVersion ?? "–" },
                { id: "fix", header: "Fixed by", minWidth: 110, cell: (item) => item.FixVersion ?? "–" },
                {
                  id: "proof",
                  header: "Proof",
                  minWidth: 260,
                  cell: (item) => (
                    <>
                      {(item.Proof ?? []).map((line) => (
                        <div key={line}>
                          <Prose text={line} />
                        </div>
                      ))}
                      {item.Remedy === undefined ? null : <Box variant="code">{item.Remedy}</Box>}
                    </>
                  ),
                },
              ]}
            />
          </ExpandableSection>
        )}
        {evidence.length === 0 ? null : (
          <ExpandableSection headerText="Evidence">
            <KeyValuePairs
              columns={2}
              items={evidence.map(({ Field, Value, Source }) => ({
                label: Field,
                value: (
                  <>
                    {Value}
                    {Source === undefined ? null : <Box variant="small"> from {Source}</Box>}
                  </>
                ),
              }))}
            />
          </ExpandableSection>
        )}
      </SpaceBetween>
    </Container>
  );
}
