// One rollout: its rings, what each must show and has shown, and the word that lets it on, holds it or ends it.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { pollWithoutEvents } from "../../api/events";
import { getRollout, signalRollout } from "../../api/rollouts";
import type { Rollout, RolloutEvidence, RolloutRing, RolloutRingState, RolloutSignal } from "../../api/rollouts";
import { useAction, useCall } from "../../api/use";
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Prose } from "../../components/Prose";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { nameOfArn } from "../../logic/shortId";
import {
  evidenceInWords,
  failuresInWords,
  gatesInWords,
  isOver,
  ringNodes,
  ringsText,
  signalsOf,
} from "../../logic/rollout";

const POLL_MS = 2000;

const DONE: Record<RolloutSignal, string> = {
  Approve: "The next ring begins.",
  Pause: "The rollout is paused: nodes that have begun finish what they do.",
  Resume: "The rollout goes on.",
  Stop: "The rollout is stopped.",
};

export default function RolloutPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const answer = useCall(
    getRollout,
    { RolloutId: id },
    {
      poll: (output) =>
        output !== undefined && isOver(output.Rollout) ? false : (pollWithoutEvents(POLL_MS) ?? false),
    },
  );
  return (
    <Answer of={answer} what="the rollout">
      {({ Rollout: rollout }) => (
        <DetailPage
          title="Rollout"
          name={ringsText(rollout)}
          id={id}
          requests={[
            { service: "fettle", operation: "GetRollout", input: { RolloutId: id } },
            ...signalsOf(rollout).map((Signal) => ({
              service: "fettle" as const,
              operation: "SignalRollout",
              input: { RolloutId: id, Signal },
            })),
          ]}
          actions={<Signals rollout={rollout} />}
        >
          {rollout.Status === "Paused" ? (
            <Alert type="warning" header="This rollout waits for somebody">
              <Prose text={rollout.Reason ?? "nobody said why"} begins />. Approve lets the next ring begin all the
              same, Resume looks again, Stop ends it.
            </Alert>
          ) : null}
          <Overview rollout={rollout} />
          {rollout.Rings.map((ring, index) => (
            <Ring
              key={ring.Name}
              number={index + 1}
              ring={ring}
              plan={rollout.Plan.Rings?.find((other) => other.Name === ring.Name)}
              isCurrent={ring.Name === rollout.Ring && !isOver(rollout)}
              isLast={index === rollout.Rings.length - 1}
            />
          ))}
        </DetailPage>
      )}
    </Answer>
  );
}

function Signals({ rollout }: { readonly rollout: Rollout }) {
  const signal = useAction(signalRollout, { done: (_, input) => DONE[input.Signal] });
  const send = (Signal: RolloutSignal): void => signal.mutate({ RolloutId: rollout.RolloutId, Signal });
  return (
    <>
      {signalsOf(rollout).map((one) =>
        one === "Stop" ? (
          <Confirm key={one} label="Stop" title="Stop this rollout?" onConfirm={() => send("Stop")}>
            Nodes that have not begun will not begin. Those that have begun finish what they do. A rollout that was
            stopped cannot go on.
          </Confirm>
        ) : (
          <Button
            key={one}
            variant={one === "Pause" ? "normal" : "primary"}
            loading={signal.isPending && signal.variables.Signal === one}
            onClick={() => send(one)}
          >
            {one}
          </Button>
        ),
      )}
    </>
  );
}

function Overview({ rollout }: { readonly rollout: Rollout }) {
  const { Plan: plan } = rollout;
  return (
    <Container header={<Header variant="h2">Rollout</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Status", value: <Status status={rollout.Status} /> },
          { label: "Failed", value: failuresInWords(rollout) },
          { label: "Ring", value: rollout.Ring },
          { label: "Started", value: <Time at={rollout.StartedAt} /> },
          rollout.EndedAt === undefined
            ? { label: "Ends at the latest", value: <Time at={rollout.EndsAt} /> }
            : { label: "Ended", value: <Time at={rollout.EndedAt} /> },
          { label: "When a gate fails", value: plan.OnGateFailed === "Stop" ? "it stops" : "it pauses" },
          {
            label: "Budgets",
            value: (plan.Budgets ?? []).map(({ TagKey, Limit }) => `${Limit} of each ${TagKey}`).join("; ") || "none",
          },
          {
            label: "Nodes",
            value: <Link to={href(`/commands/${part(rollout.RolloutId)}`)}>Command and output</Link>,
          },
          // Of one that is paused it is said above.
          ...(rollout.Reason === undefined || rollout.Status === "Paused"
            ? []
            : [{ label: "Reason", value: <Prose text={rollout.Reason} begins /> }]),
        ]}
      />
    </Container>
  );
}

interface RingProps {
  readonly number: number;
  readonly ring: RolloutRingState;
  readonly plan: RolloutRing | undefined;
  readonly isCurrent: boolean;
  /** No ring waits for what it shows. */
  readonly isLast: boolean;
}

function Ring({ number, ring, plan, isCurrent, isLast }: RingProps) {
  const done = ring.Succeeded + ring.Failed + ring.Unreached;
  const isThrough = ring.Phase === "Passed" || ring.Phase === "Overruled";
  // A ring of no nodes passes without having shown anything.
  const lacks = ring.Phase === "Passed" ? [] : (ring.Evidence?.Shortfalls ?? []);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={plan === undefined ? undefined : ringNodes(plan)}
          actions={<Status status={ring.Phase} />}
        >
          {`Ring ${number}: ${ring.Name}${isCurrent ? " (now)" : ""}`}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <ProgressBar
          value={ring.Nodes === 0 ? (isThrough ? 100 : 0) : (100 * done) / ring.Nodes}
          ariaLabel={`Nodes of ring ${ring.Name} that are done`}
          additionalInfo={`${done} of ${ring.Nodes} nodes`}
        />
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Waiting", value: ring.Waiting },
            { label: "At work", value: ring.AtWork },
            { label: "Succeeded", value: ring.Succeeded },
            { label: "Failed", value: ring.Failed },
            { label: "Not reached", value: ring.Unreached },
            { label: "Began", value: <Time at={ring.BeganAt} /> },
            {
              label: ring.SoaksUntil === undefined ? "Soaks" : "Soaks until",
              value:
                ring.SoaksUntil === undefined ? `${plan?.SoakMinutes ?? 0} minutes` : <Time at={ring.SoaksUntil} />,
            },
            { label: "Approved by", value: nameOfArn(ring.ApprovedBy) },
            {
              label: isLast ? "What it must show" : "Before the next ring",
              value: <Lines lines={gatesInWords(plan?.Gates, plan?.RequireApproval === true)} />,
            },
            ...(ring.Evidence === undefined
              ? []
              : [{ label: "Evidence", value: <Evidence evidence={ring.Evidence} /> }]),
          ]}
        />
        {lacks.length > 0 ? (
          <Alert
            type={ring.Phase === "Overruled" ? "warning" : "info"}
            header={
              ring.Phase === "Overruled"
                ? "What this ring lacked when the next one was let begin"
                : isLast
                  ? "What this ring lacks"
                  : "What keeps the next ring from beginning"
            }
          >
            <Lines lines={lacks} />
          </Alert>
        ) : null}
      </SpaceBetween>
    </Container>
  );
}

function Evidence({ evidence }: { readonly evidence: RolloutEvidence }) {
  const probe = evidence.ProbeCommandId;
  return (
    <>
      <Lines lines={evidenceInWords(evidence)} />
      {probe === undefined ? null : <Link to={href(`/commands/${part(probe)}`)}>The probe&apos;s output</Link>}
    </>
  );
}

function Lines({ lines }: { readonly lines: readonly string[] }) {
  return (
    <>
      {lines.map((line) => (
        <div key={line}>
          <Prose text={line} />
        </div>
      ))}
    </>
  );
}
