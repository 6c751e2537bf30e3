// Automation: the executions of runbooks.

import Button from "@cloudscape-design/components/button";

import { describeAutomationExecutions } from "../../api/automations";
import { href, part } from "../../app/place";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";

export default function AutomationsPage() {
  return (
    <ServerTable
      id="automations"
      title="Automation executions"
      call={describeAutomationExecutions}
      input={{}}
      items={(output) => output.AutomationExecutionMetadataList}
      trackBy={(execution) => execution.AutomationExecutionId ?? ""}
      poll={5000}
      actions={
        <Button variant="primary" href={href("/automations/start")}>
          Start automation
        </Button>
      }
      columns={[
        {
          id: "document",
          header: "Runbook",
          cell: (execution) => (
            <Link to={href(`/automations/${part(execution.AutomationExecutionId ?? "")}`)}>
              {execution.DocumentName}
            </Link>
          ),
          text: (execution) => execution.DocumentName,
          minWidth: 180,
        },
        {
          id: "status",
          header: "Status",
          cell: (execution) => <Status status={execution.AutomationExecutionStatus} />,
          text: (execution) => execution.AutomationExecutionStatus,
        },
        {
          id: "step",
          header: "Step",
          cell: (execution) => execution.CurrentStepName ?? "–",
          text: (execution) => execution.CurrentStepName,
        },
        {
          id: "start",
          header: "Started",
          cell: (execution) => <Time at={execution.ExecutionStartTime} short />,
          text: (execution) => execution.ExecutionStartTime?.toISOString(),
        },
        {
          id: "end",
          header: "Ended",
          cell: (execution) => <Time at={execution.ExecutionEndTime} short />,
          text: (execution) => execution.ExecutionEndTime?.toISOString(),
        },
        {
          id: "failure",
          header: "Failure",
          cell: (execution) => execution.FailureMessage ?? "–",
          text: (execution) => execution.FailureMessage,
        },
        {
          id: "id",
          header: "Execution id",
          cell: (execution) => execution.AutomationExecutionId,
          text: (execution) => execution.AutomationExecutionId,
          hidden: true,
        },
      ]}
      empty="No runbook has been started yet."
    />
  );
}
