// Patch now: the runs so far.

import Button from "@cloudscape-design/components/button";

import { listPatchNow } from "../../api/patchNow";
import { href, part } from "../../app/place";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { toDate } from "../../logic/time";

export default function PatchNowListPage() {
  return (
    <ServerTable
      id="patch-now"
      title="Patch now"
      call={listPatchNow}
      input={{}}
      items={(output) => output.PatchNow}
      trackBy={(run) => run.PatchNowId}
      poll={5000}
      actions={
        <Button variant="primary" href={href("/patch-now/start")}>
          Patch now
        </Button>
      }
      columns={[
        {
          id: "run",
          header: "Run",
          cell: (run) => (
            <Link to={href(`/patch-now/${part(run.PatchNowId)}`)}>
              {run.Order.Operation === "Scan" ? "Scan" : "Scan and install"}
            </Link>
          ),
          text: (run) => run.Order.Operation,
          minWidth: 140,
        },
        { id: "status", header: "Status", cell: (run) => <Status status={run.Status} />, text: (run) => run.Status },
        { id: "details", header: "Details", cell: (run) => run.StatusDetails, text: (run) => run.StatusDetails },
        { id: "nodes", header: "Nodes", cell: (run) => run.TargetCount, text: (run) => run.TargetCount },
        {
          id: "started",
          header: "Started",
          cell: (run) => <Time at={run.StartedAt} short />,
          text: (run) => toDate(run.StartedAt)?.toISOString(),
        },
        {
          id: "ended",
          header: "Ended",
          cell: (run) => <Time at={run.EndedAt} short />,
          text: (run) => toDate(run.EndedAt)?.toISOString(),
        },
        { id: "id", header: "Id", cell: (run) => run.PatchNowId, text: (run) => run.PatchNowId, hidden: true },
      ]}
      empty="Nothing has been patched on demand yet."
    />
  );
}
