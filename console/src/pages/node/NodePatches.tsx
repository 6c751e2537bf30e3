// The patches of a node, as DescribeInstancePatches has them, by state.

import { DescribeInstancePatchesCommand } from "@aws-sdk/client-ssm";
import Select from "@cloudscape-design/components/select";

import { ssm } from "../../api/ssm";
import { useQueryValue } from "../../app/place";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { wordOf } from "../../logic/status";
import { href } from "../../app/place";
import { Link } from "../../components/Link";

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
  const all = { value: "", label: "Any state" };
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
        <Select
          ariaLabel="State"
          selectedOption={state === "" ? all : { value: state, label: wordOf(state) }}
          options={[all, ...STATES.map((value) => ({ value, label: wordOf(value) }))]}
          onChange={({ detail }) => setState(detail.selectedOption.value)}
        />
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
        { id: "severity", header: "Severity", cell: (patch) => patch.Severity, text: (patch) => patch.Severity },
        {
          id: "class",
          header: "Classification",
          cell: (patch) => patch.Classification,
          text: (patch) => patch.Classification,
        },
        {
          id: "cves",
          header: "CVE ids",
          minWidth: 160,
          cell: (patch) =>
            cves(patch.CVEIds).map((cve) => (
              <div key={cve}>
                <Link to={href("/compliance", { tab: "cve", cve })}>{cve}</Link>
              </div>
            )),
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

function cves(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((cve) => cve.trim())
    .filter((cve) => cve !== "");
}

/** AWS says "not installed" with the beginning of time. */
function installed(time: Date | undefined): Date | undefined {
  return time === undefined || time.getTime() <= 0 ? undefined : time;
}
