// The runs that changed the packages of a node, newest first: what each changed, and a way to take it back.

import ExpandableSection from "@cloudscape-design/components/expandable-section";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { listPatchExecutions, startPatchUndo } from "../../api/explain";
import type { PatchExecution } from "../../api/explain";
import { useAction } from "../../api/use";
import { go, href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { Confirm } from "../../components/Confirm";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Time } from "../../components/Time";
import { changeText, undoText } from "../../logic/undo";
import { toDate } from "../../logic/time";

const { textColumn } = columnsOf<PatchExecution>();
/** Each may list hundreds of packages. */
const SHOWN = 10;

export function NodeInstallations({ id }: { readonly id: string }) {
  return (
    <ServerTable
      id="node-installations"
      title="Installations"
      description="What was changed on this node by patching, and what can be taken back"
      inside
      call={listPatchExecutions}
      input={{ InstanceId: id }}
      pageSize={SHOWN}
      items={(output) => output.Executions}
      trackBy={(run) => run.ExecutionId}
      columns={[
        {
          id: "at",
          header: "Ended",
          cell: (run) => (
            <>
              <Link to={href(`/commands/${part(run.ExecutionId)}/${part(id)}`)}>
                {run.Kind === "UNDO" ? "Undo" : "Installation"}
              </Link>
              <div>
                <Time at={run.EndedAt} />
              </div>
            </>
          ),
          text: (run) => toDate(run.EndedAt)?.toISOString(),
          minWidth: 200,
        },
        textColumn("kind", "Kind", (run) => (run.Kind === "UNDO" ? "Undo" : "Installation"), { hidden: true }),
        {
          id: "changes",
          header: "Changes",
          cell: (run) => <Changes run={run} />,
          text: (run) => run.Changes.map(changeText).join("; "),
          minWidth: 300,
        },
        textColumn("undo", "Undo", undoText, { minWidth: 200 }),
        { id: "act", header: "Take back", cell: (run) => <TakeBack id={id} run={run} />, minWidth: 130 },
      ]}
      empty="Nothing has been installed on this node by patching, or it is not kept any more."
    />
  );
}

function Changes({ run }: { readonly run: PatchExecution }) {
  const lines = [
    ...run.Changes.map(changeText),
    ...run.Failed.map(({ Name: name, Failure: failure }) => `${name}: ${failure.Detail}`),
  ];
  if (lines.length === 0) return <>none</>;
  const count = run.Changes.length;
  const failed = run.Failed.length === 0 ? "" : `, ${run.Failed.length} failed`;
  return (
    <ExpandableSection headerText={`${count === 1 ? "1 package" : `${count} packages`}${failed}`}>
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </ExpandableSection>
  );
}

function TakeBack({ id, run }: { readonly id: string; readonly run: PatchExecution }) {
  const undo = useAction(startPatchUndo, {
    done: () => "The node is asked to take it back.",
    onDone: ({ PlanId: plan }) => go(href(`/commands/${part(plan)}/${part(id)}`)),
  });
  const key = { InstanceId: id, ExecutionId: run.ExecutionId };
  const isPartial = run.UndoPossible === "PARTLY";
  const isImpossible = run.UndoPossible === "NO" || run.Changes.length === 0;
  return (
    <SpaceBetween size="xs">
      {isImpossible ? (
        run.Snapshot === undefined ? (
          "–"
        ) : null
      ) : (
        <Confirm
          label="Take back"
          title="Take this back?"
          onConfirm={() => undo.mutate({ ...key, ...(isPartial ? { AllowPartial: true } : {}) })}
        >
          The versions from before the run are installed again on this node
          {isPartial ? ", as far as they can be had" : ""}.
        </Confirm>
      )}
      {run.Snapshot === undefined ? null : (
        <Confirm
          label="Back to the snapshot"
          title="Go back to the snapshot?"
          onConfirm={() => undo.mutate({ ...key, By: "SNAPSHOT" })}
        >
          The whole root goes back to how it was before the run, with everything that was written to it since, and the
          node restarts.
        </Confirm>
      )}
    </SpaceBetween>
  );
}
