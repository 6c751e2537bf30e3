// What nodes were seen to be offered: every version of a package, or an update by its KB number.

import { DescribeAvailablePatchesCommand } from "@aws-sdk/client-ssm";
import type { Patch } from "@aws-sdk/client-ssm";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { ssm } from "../api/ssm";
import { href, useQueryValue } from "../app/place";
import { Link } from "../components/Link";
import { ServerTable } from "../components/ServerTable";
import { Time } from "../components/Time";
import { availableFilter } from "../logic/available";

const describeAvailablePatches = ssm("DescribeAvailablePatches", DescribeAvailablePatchesCommand);

function versionOf(patch: Patch): string {
  if (patch.KbNumber !== undefined) return patch.Title ?? patch.Id ?? "";
  const epoch = patch.Epoch === undefined || patch.Epoch === 0 ? "" : `${patch.Epoch}:`;
  return `${epoch}${patch.Version ?? ""}${patch.Release === undefined ? "" : `-${patch.Release}`}`;
}

export function AvailablePatches() {
  const [name, setName] = useQueryValue("patch");
  const filter = availableFilter(name);
  return (
    <SpaceBetween size="m">
      <Input
        value={name}
        ariaLabel="Package or KB number"
        placeholder="Package name or KB number"
        onChange={({ detail }) => setName(detail.value.trim())}
      />
      <ServerTable
        id="available-patches"
        title="Available patches"
        description="What any node was seen to be offered, whether it has it or not"
        inside
        call={describeAvailablePatches}
        input={filter === undefined ? {} : { Filters: [filter] }}
        items={(output) => output.Patches}
        trackBy={(patch) =>
          `${patch.Id ?? ""} ${patch.Product ?? ""} ${patch.Name ?? ""} ${patch.Arch ?? ""} ${versionOf(patch)} ${patch.Repository ?? ""}`
        }
        columns={[
          {
            id: "name",
            header: "Patch",
            cell: (patch) => patch.KbNumber ?? patch.Name ?? patch.Id,
            text: (patch) => patch.KbNumber ?? patch.Name ?? patch.Id,
            minWidth: 140,
          },
          { id: "version", header: "Version", cell: versionOf, text: versionOf, minWidth: 160 },
          { id: "product", header: "Product", cell: (patch) => patch.Product, text: (patch) => patch.Product },
          {
            id: "classification",
            header: "Classification",
            cell: (patch) => patch.Classification ?? "–",
            text: (patch) => patch.Classification,
          },
          {
            id: "severity",
            header: "Severity",
            cell: (patch) => patch.MsrcSeverity ?? patch.Severity ?? "–",
            text: (patch) => patch.MsrcSeverity ?? patch.Severity,
          },
          {
            id: "released",
            header: "Released",
            cell: (patch) => <Time at={patch.ReleaseDate} short />,
            text: (patch) => patch.ReleaseDate?.toISOString(),
          },
          {
            id: "cves",
            header: "CVEs",
            cell: (patch) =>
              (patch.CVEIds ?? []).length === 0
                ? "–"
                : (patch.CVEIds ?? []).map((cve) => (
                    <div key={cve}>
                      <Link to={href("/compliance", { tab: "cve", cve })}>{cve}</Link>
                    </div>
                  )),
            text: (patch) => (patch.CVEIds ?? []).join(" "),
          },
          {
            id: "repository",
            header: "Repository",
            cell: (patch) => patch.Repository ?? "–",
            text: (patch) => patch.Repository,
            hidden: true,
          },
        ]}
        empty={
          filter === undefined
            ? "No node has reported what it is offered."
            : "No node was seen to be offered this. A name is the whole name of a package."
        }
      />
    </SpaceBetween>
  );
}
