// Rollouts: patchings that go ring by ring, by Patch now or by patch policies.

import { pollWithoutEvents } from "../../api/events";
import { listRollouts } from "../../api/rollouts";
import type { Rollout } from "../../api/rollouts";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import { ringsText } from "../../logic/rollout";

const POLL_MS = 5000;

function sum(rollout: Rollout, of: "Nodes" | "Succeeded" | "Failed"): number {
  return rollout.Rings.reduce((all, ring) => all + ring[of], 0);
}

const { nameColumn, statusColumn, textColumn, timeColumn } = columnsOf<Rollout>();

export default function RolloutsPage() {
  const poll = pollWithoutEvents(POLL_MS);
  return (
    <ListPage
      name="rollouts"
      title="Rollouts"
      description="Patching in rings, each after evidence of the one before"
      call={listRollouts}
      input={{}}
      items={(output) => output.Rollouts}
      trackBy={(rollout) => rollout.RolloutId}
      {...(poll === undefined ? {} : { poll })}
      add={{ label: "Patch now", to: href("/patch-now/start", { operation: "Install" }) }}
      columns={[
        nameColumn("Rollout", ringsText, (rollout) => href(`/rollouts/${part(rollout.RolloutId)}`), {
          text: (rollout) => rollout.RolloutId,
        }),
        statusColumn((rollout) => rollout.Status),
        textColumn("ring", "Ring", (rollout) => rollout.Ring),
        ...(["Nodes", "Succeeded", "Failed"] as const).map((of) =>
          textColumn(of.toLowerCase(), of, (rollout) => sum(rollout, of)),
        ),
        timeColumn("started", "Started", (rollout) => rollout.StartedAt),
        textColumn("id", "Id", (rollout) => rollout.RolloutId, { hidden: true }),
      ]}
      empty="There are no rollouts. Patch now with rings starts one; a patch policy with rings does with every installation."
    />
  );
}
