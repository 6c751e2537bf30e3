// Host management: Quick Setup configurations that keep agents, inventory and scans of nodes up to date.

import type { ManagerSummary } from "../../api/quickSetup";
import { columnsOf } from "../../components/columns";
import { HOSTS } from "../../logic/quickSetup";
import { ManagerList, shownParameters } from "../quicksetup/ManagerList";

const TARGETS: Readonly<Record<string, string>> = {
  "*": "All nodes",
  InstanceIds: "Named nodes",
  Tags: "Nodes with a tag",
  ResourceGroups: "A resource group",
};

/** The list is told the kind of targets alone. */
function targetsOf(manager: ManagerSummary): string {
  const type = shownParameters(manager, HOSTS)["TargetType"] ?? "*";
  return TARGETS[type] ?? type;
}

const { textColumn } = columnsOf<ManagerSummary>();

export default function HostsPage() {
  return (
    <ManagerList
      kind={HOSTS}
      name="host-management"
      title="Host management"
      description="Keeps agents up to date, collects inventory and scans, again and again"
      header="Configuration"
      nameOf={(manager) => manager.Name ?? manager.ManagerArn}
      columns={[
        textColumn("targets", "Targets", targetsOf),
        textColumn("description", "Description", ({ Description }) => Description || undefined, { minWidth: 150 }),
      ]}
      empty="There is no host management. It updates the agents of its nodes, collects their inventory and scans them for patches, by itself."
    />
  );
}
