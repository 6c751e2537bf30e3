// The patches of a node, as DescribeInstancePatches has them, by state.

import { DescribeInstancePatchesCommand } from "@aws-sdk/client-ssm";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { ssm } from "../../api/ssm";
import { href, useQueryValue } from "../../app/place";
import { Choice } from "../../components/Choice";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { worded, wordOf } from "../../logic/status";

const describeInstancePatches = ssm("DescribeInstancePatches", DescribeInstancePatchesCommand);
const STATES = [
  "Missing",
  "Failed",
  "InstalledPendingReboot",
  "InstalledRejected",
  "Installed",
  "InstalledOther",
  "NotApplicable",
  "AvailableSecurityUpdate",
];

export function NodePatches({ id }: { readonly id: string }) {
  const [state, setState] = useQueryValue("state");
  return (
    <ServerTable
      id="node-patches"
      title="Patches"
      inside
      call={describeInstancePatches}
      input={{ InstanceId: id, ...(state === "" ? {} : { Filters: [{ Key: "State", Values: [state] }] }) }}
      items={(output) => output.Patches}
      trackBy={(patch) => `${patch.Title ?? ""} ${patch.KBId ?? ""}`}
      filter={
        <SpaceBetween direction="horizontal" size="s">
          <Choice label="State" any="Any state" value={state} values={worded(STATES)} onChange={setState} />
        </SpaceBetween>
      }
      columns={[
        { id: "id", header: "Patch", cell: (patch) => patch.KBId, text: (patch) => patch.KBId, minWidth: 180 },
        { id: "title", header: "Title", cell: (patch) => patch.Title, text: (patch) => patch.Title, hidden: true },
        {
          id: "state",
          header: "State",
          cell: (patch) => <Status status={patch.State} />,
          text: (patch) => patch.State,
          minWidth: 150,
        },
        {
          id: "severity",
          header: "Severity",
          cell: (patch) => shown(patch.Severity),
          text: (patch) => patch.Severity,
        },
        {
          id: "class",
          header: "Classification",
          cell: (patch) => shown(patch.Classification),
          text: (patch) => patch.Classification,
        },
        {
          id: "cves",
          header: "CVE ids",
          minWidth: 160,
          cell: (patch) => <Cves text={patch.CVEIds} />,
          text: (patch) => patch.CVEIds,
        },
        {
          id: "installed",
          header: "Installed",
          cell: (patch) => <Time at={installed(patch.InstalledTime)} short />,
          text: (patch) => installed(patch.InstalledTime)?.toISOString(),
        },
      ]}
      empty={
        state === "" ? "This node has reported no patches yet: scan it." : `No patch is in the state ${wordOf(state)}.`
      }
    />
  );
}

/** What a patch does not have is an empty text. */
function shown(text: string | undefined): string {
  return text === undefined || text === "" ? "–" : text;
}

function Cves({ text = "" }: { readonly text: string | undefined }) {
  const ids = text
    .split(",")
    .map((cve) => cve.trim())
    .filter((cve) => cve !== "");
  if (ids.length === 0) return <>–</>;
  return ids.map((cve) => (
    <div key={cve}>
      <Link to={href("/compliance", { tab: "cve", cve })}>{cve}</Link>
    </div>
  ));
}

/** AWS says "not installed" with the beginning of time. */
function installed(time: Date | undefined): Date | undefined {
  return time === undefined || time.getTime() <= 0 ? undefined : time;
}
