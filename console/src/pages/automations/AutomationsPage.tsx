// Automation: the executions of runbooks.

import type { AutomationExecutionMetadata } from "@aws-sdk/client-ssm";
import { describeAutomationExecutions } from "../../api/automations";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";

const { nameColumn, statusColumn, textColumn, timeColumn } = columnsOf<AutomationExecutionMetadata>();

export default function AutomationsPage() {
  return (
    <ListPage
      name="automations"
      title="Automation executions"
      call={describeAutomationExecutions}
      input={{}}
      items={(output) => output.AutomationExecutionMetadataList}
      trackBy={(execution) => execution.AutomationExecutionId ?? ""}
      poll={5000}
      add={{ label: "Start automation", to: href("/automations/start") }}
      columns={[
        nameColumn(
          "Runbook",
          (execution) => execution.DocumentName,
          (execution) => href(`/automations/${part(execution.AutomationExecutionId ?? "")}`),
        ),
        statusColumn((execution) => execution.AutomationExecutionStatus),
        textColumn("step", "Step", (execution) => execution.CurrentStepName),
        timeColumn("start", "Started", (execution) => execution.ExecutionStartTime),
        timeColumn("end", "Ended", (execution) => execution.ExecutionEndTime),
        textColumn("failure", "Failure", (execution) => execution.FailureMessage),
        textColumn("id", "Execution id", (execution) => execution.AutomationExecutionId, { hidden: true }),
      ]}
      empty="No runbook has been started yet."
    />
  );
}
