// Patch policies: Quick Setup configurations that scan and patch nodes at their times, with baselines of their own.

import { pollWithoutEvents } from "../../api/events";
import { deploymentOf, listPolicies } from "../../api/quickSetup";
import type { ManagerSummary } from "../../api/quickSetup";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import { Status } from "../../components/Status";

const POLL_MS = 5000;

function parameter(manager: ManagerSummary, name: string): string | undefined {
  return manager.ConfigurationDefinitionSummaries?.[0]?.FirstClassParameters?.[name];
}

function installTimes(manager: ManagerSummary): string {
  const installs = parameter(manager, "ConfigurationOptionsPatchOperation") === "ScanAndInstall";
  return installs ? (parameter(manager, "ConfigurationOptionsInstallValue") ?? "as the default") : "never";
}

function lastRuns(manager: ManagerSummary): string | undefined {
  return manager.StatusSummaries?.find((summary) => summary.StatusType === "AsyncExecutions")?.Status;
}

const { nameColumn, statusColumn, textColumn } = columnsOf<ManagerSummary>();

export default function PoliciesPage() {
  const poll = pollWithoutEvents(POLL_MS);
  return (
    <ListPage
      name="policies"
      title="Patch policies"
      description="Scan and patch nodes at set times, by baselines of the policy's own"
      call={listPolicies}
      input={{}}
      items={(output) => output.ConfigurationManagersList}
      trackBy={(manager) => manager.ManagerArn}
      {...(poll === undefined ? {} : { poll })}
      add={{ label: "Create patch policy", to: href("/policies/create") }}
      columns={[
        nameColumn(
          "Policy",
          (manager) => parameter(manager, "PatchPolicyName") ?? manager.Name,
          (manager) => href(`/policies/${part(manager.ManagerArn)}`),
        ),
        statusColumn((manager) => deploymentOf(manager)?.Status, { id: "deployment", header: "Deployment" }),
        {
          ...textColumn("runs", "Last runs", lastRuns),
          cell: (manager) => {
            const status = lastRuns(manager) ?? "NONE";
            return status === "NONE" ? "none yet" : <Status status={status} />;
          },
        },
        textColumn("scan", "Scans", (manager) => parameter(manager, "ConfigurationOptionsScanValue"), {
          minWidth: 150,
        }),
        textColumn("install", "Installs", installTimes, { minWidth: 150 }),
        textColumn("regions", "Regions", (manager) => parameter(manager, "TargetRegions"), { hidden: true }),
        textColumn("arn", "ARN", (manager) => manager.ManagerArn, { hidden: true }),
      ]}
      empty="There are no patch policies. A policy scans and patches its nodes at set times, whatever their patch groups are."
    />
  );
}
