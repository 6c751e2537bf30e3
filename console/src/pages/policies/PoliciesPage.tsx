// Patch policies: Quick Setup configurations that scan and patch nodes at their times, with baselines of their own.

import type { ManagerSummary } from "../../api/quickSetup";
import { columnsOf } from "../../components/columns";
import { POLICIES } from "../../logic/quickSetup";
import { ManagerList, shownParameters } from "../quicksetup/ManagerList";

function parameter(manager: ManagerSummary, name: string): string | undefined {
  return shownParameters(manager, POLICIES)[name];
}

function installTimes(manager: ManagerSummary): string {
  const installs = parameter(manager, "ConfigurationOptionsPatchOperation") === "ScanAndInstall";
  return installs ? (parameter(manager, "ConfigurationOptionsInstallValue") ?? "as the default") : "never";
}

const { textColumn } = columnsOf<ManagerSummary>();

export default function PoliciesPage() {
  return (
    <ManagerList
      kind={POLICIES}
      name="policies"
      title="Patch policies"
      description="Scan and patch nodes at set times, by baselines of the policy's own"
      header="Policy"
      nameOf={(manager) => parameter(manager, "PatchPolicyName") ?? manager.Name}
      columns={[
        textColumn("scan", "Scans", (manager) => parameter(manager, "ConfigurationOptionsScanValue"), {
          minWidth: 150,
        }),
        textColumn("install", "Installs", installTimes, { minWidth: 150 }),
      ]}
      empty="There are no patch policies. A policy scans and patches its nodes at set times, whatever their patch groups are."
    />
  );
}
