// Rollouts: patchings that go ring by ring, by Patch now or by patch policies.

import Button from "@cloudscape-design/components/button";

import { listRollouts } from "../../api/rollouts";
import type { Rollout } from "../../api/rollouts";
import { href, part } from "../../app/place";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { toDate } from "../../logic/time";

const POLL_MS = 5000;

function sum(rollout: Rollout, of: "Nodes" | "Succeeded" | "Failed"): number {
  return rollout.Rings.reduce((all, ring) => all + ring[of], 0);
}

export default function RolloutsPage() {
  return (
    <ServerTable
      id="rollouts"
      title="Rollouts"
      description="Patching in rings, each after evidence of the one before"
      call={listRollouts}
      input={{}}
      items={(output) => output.Rollouts}
      trackBy={(rollout) => rollout.RolloutId}
      poll={POLL_MS}
      actions={
        <Button variant="primary" href={href("/patch-now/start", { operation: "Install" })}>
          Patch now
        </Button>
      }
      columns={[
        {
          id: "rollout",
          header: "Rollout",
          cell: (rollout) => (
            <Link to={href(`/rollouts/${part(rollout.RolloutId)}`)}>
              {rollout.Rings.map((ring) => ring.Name).join(" → ")}
            </Link>
          ),
          text: (rollout) => rollout.RolloutId,
          minWidth: 200,
        },
        {
          id: "status",
          header: "Status",
          cell: (rollout) => <Status status={rollout.Status} />,
          text: (rollout) => rollout.Status,
        },
        { id: "ring", header: "Ring", cell: (rollout) => rollout.Ring, text: (rollout) => rollout.Ring },
        ...(["Nodes", "Succeeded", "Failed"] as const).map((of) => ({
          id: of.toLowerCase(),
          header: of,
          cell: (rollout: Rollout) => sum(rollout, of),
          text: (rollout: Rollout) => sum(rollout, of),
        })),
        {
          id: "started",
          header: "Started",
          cell: (rollout) => <Time at={rollout.StartedAt} short />,
          text: (rollout) => toDate(rollout.StartedAt)?.toISOString(),
        },
        { id: "id", header: "Id", cell: (rollout) => rollout.RolloutId, text: (row) => row.RolloutId, hidden: true },
      ]}
      empty="There are no rollouts. Patch now with rings starts one; a patch policy with rings does with every installation."
    />
  );
}
