// One run: how far it is, a cell per node that changes as it goes, output, cancel, and the failed ones again.

import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { cancelPatchNow, getPatchNow, listPatchNowNodes } from "../../api/patchNow";
import type { PatchNow, PatchNowNode } from "../../api/patchNow";
import { useAction, useCall, useLastLook } from "../../api/use";
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { NodeCount } from "../../components/ItemCount";
import { Link } from "../../components/Link";
import { NodeCells } from "../../components/NodeCells";
import { NodeName } from "../../components/NodeName";
import { RetryFailed } from "../../components/RetryFailed";
import { ServerTable } from "../../components/ServerTable";
import { standing } from "../../components/standing";
import { Status } from "../../components/Status";
import { Targets } from "../../components/Targets";
import { Time } from "../../components/Time";
import { lookOf, wordOf } from "../../logic/status";
import { momentText, toDate } from "../../logic/time";

const POLL_MS = 1500;
const CELLS = 50;
/** States whose nodes the run's command lists apart. */
const FILTERED = ["InProgress", "Success", "Failed", "TimedOut"];

export default function PatchNowRunPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const run = useCall(
    getPatchNow,
    { PatchNowId: id },
    { poll: (answer) => (answer?.PatchNow.EndedAt === undefined ? POLL_MS : false) },
  );
  useLastLook(run.data?.PatchNow.EndedAt !== undefined, listPatchNowNodes);
  return (
    <Answer of={run} what="the run">
      {({ PatchNow: now }) => (
        <DetailPage
          title={titleOf(now)}
          name={`${titleOf(now)} of ${momentText(now.StartedAt) ?? "–"}`}
          id={now.PatchNowId}
          requests={[
            { service: "fettle", operation: "GetPatchNow", input: { PatchNowId: now.PatchNowId } },
            { service: "fettle", operation: "StartPatchNow", input: { Order: now.Order } },
            ...(ended(now)
              ? []
              : [{ service: "fettle" as const, operation: "CancelPatchNow", input: { PatchNowId: now.PatchNowId } }]),
          ]}
          actions={<Actions run={now} />}
        >
          <Progress run={now} />
          <Cells run={now} />
          <Nodes run={now} />
        </DetailPage>
      )}
    </Answer>
  );
}

function titleOf({ Order: { Operation } }: PatchNow): string {
  return Operation === "Scan" ? "Scan" : "Scan and install";
}

function missingOf(node: PatchNowNode): number | undefined {
  return node.Report?.Counts["MISSING"];
}

/** The states that nodes are in. */
function shownCounts(run: PatchNow): [string, number][] {
  return Object.entries(run.Counts).filter(([, count]) => count > 0);
}

function ended(run: PatchNow): boolean {
  return run.EndedAt !== undefined;
}

function Actions({ run }: { readonly run: PatchNow }) {
  const cancel = useAction(cancelPatchNow, {
    done: () => "The run is being cancelled: nodes that have begun finish what they do.",
  });
  return ended(run) ? (
    <RetryFailed
      commandId={run.PatchNowId}
      disabled={(run.Counts["Failed"] ?? 0) + (run.Counts["TimedOut"] ?? 0) === 0}
      to={(nodes) => href("/patch-now/start", { nodes: nodes.join(","), operation: run.Order.Operation })}
    />
  ) : (
    <Confirm
      label="Cancel the run"
      title="Cancel this run?"
      onConfirm={() => cancel.mutate({ PatchNowId: run.PatchNowId })}
    >
      Nodes that have not begun will not begin. Those that have begun finish what they do.
    </Confirm>
  );
}

function Progress({ run }: { readonly run: PatchNow }) {
  const done = Object.entries(run.Counts)
    .filter(([status]) => !["running", "waiting"].includes(lookOf(status)))
    .reduce((sum, [, count]) => sum + count, 0);
  return (
    <Container header={<Header variant="h2">Progress</Header>}>
      <SpaceBetween size="m">
        <ProgressBar
          value={run.TargetCount === 0 ? 100 : (100 * done) / run.TargetCount}
          ariaLabel="Nodes that are done"
          additionalInfo={`${done} of ${run.TargetCount} nodes`}
        />
        <KeyValuePairs
          columns={4}
          items={[
            ...standing(run),
            { label: "Started", value: <Time at={run.StartedAt} /> },
            { label: "Ended", value: <Time at={run.EndedAt} /> },
            {
              label: "Document",
              value: <Link to={href(`/documents/${part(run.DocumentName)}`)}>{run.DocumentName}</Link>,
            },
            { label: "Targets", value: <Targets of={run.Order.Targets} /> },
            ...(run.Rollout === undefined
              ? []
              : [
                  {
                    label: "Rollout",
                    value: (
                      <Link to={href(`/rollouts/${part(run.Rollout.RolloutId)}`)}>
                        ring {run.Rollout.Ring}, {wordOf(run.Rollout.Status).toLowerCase()}
                      </Link>
                    ),
                  },
                ]),
            ...shownCounts(run).map(([status, count]) => ({
              label: <Status status={status} />,
              value: FILTERED.includes(status) ? (
                <Link to={href(`/commands/${part(run.PatchNowId)}`, { status })}>{count.toLocaleString()}</Link>
              ) : (
                count.toLocaleString()
              ),
            })),
          ]}
        />
      </SpaceBetween>
    </Container>
  );
}

function Cells({ run }: { readonly run: PatchNow }) {
  const nodes = useCall(
    listPatchNowNodes,
    { PatchNowId: run.PatchNowId, MaxResults: CELLS },
    { poll: () => (ended(run) ? false : POLL_MS) },
  );
  return (
    <Container
      header={
        <Header variant="h2" description={`A cell per node${run.TargetCount > CELLS ? `: the first ${CELLS}` : ""}`}>
          Nodes
        </Header>
      }
    >
      <Answer of={nodes} what="nodes">
        {({ Nodes: found }) => (
          <NodeCells
            cells={found.map((node) => ({
              id: node.InstanceId,
              status: node.Status,
              href: href(`/commands/${part(run.PatchNowId)}/${part(node.InstanceId)}`),
            }))}
          />
        )}
      </Answer>
    </Container>
  );
}

function Nodes({ run }: { readonly run: PatchNow }) {
  return (
    <ServerTable
      id="patch-now-nodes"
      title="Results"
      call={listPatchNowNodes}
      input={{ PatchNowId: run.PatchNowId }}
      items={(output) => output.Nodes}
      trackBy={(node) => node.InstanceId}
      {...(ended(run) ? {} : { poll: POLL_MS })}
      columns={[
        {
          id: "node",
          header: "Node",
          cell: (node) => <NodeName id={node.InstanceId} />,
          text: (node) => node.InstanceId,
          minWidth: 160,
        },
        {
          id: "status",
          header: "Status",
          cell: (node) => <Status status={node.Status} />,
          text: (node) => node.Status,
        },
        ...(run.Rollout === undefined
          ? []
          : [
              {
                id: "ring",
                header: "Ring",
                cell: (node: PatchNowNode) => node.Ring ?? "–",
                text: (node: PatchNowNode) => node.Ring,
              },
            ]),
        {
          id: "compliance",
          header: "Compliance",
          cell: (node) => (node.Report === undefined ? "–" : <Status status={node.Report.Status} />),
          text: (node) => node.Report?.Status,
        },
        {
          id: "missing",
          header: "Missing",
          cell: (node) => (
            <NodeCount
              count={missingOf(node)}
              to={href(`/nodes/${part(node.InstanceId)}`, { tab: "patches", state: "Missing" })}
            />
          ),
          text: missingOf,
        },
        {
          id: "details",
          header: "Details",
          cell: (node) => node.Trace ?? node.StatusDetails,
          text: (node) => node.Trace ?? node.StatusDetails,
        },
        {
          id: "ended",
          header: "Ended",
          cell: (node) => <Time at={node.EndedAt} short />,
          text: (node) => toDate(node.EndedAt)?.toISOString(),
        },
        {
          id: "output",
          header: "Output",
          cell: (node) => <Link to={href(`/commands/${part(run.PatchNowId)}/${part(node.InstanceId)}`)}>Output</Link>,
        },
      ]}
      empty="No node was addressed."
    />
  );
}
