// One maintenance window: when it opens, for which nodes, what it does, and how its runs went.

import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Tabs from "@cloudscape-design/components/tabs";

import {
  cancelExecution,
  deleteWindow,
  deregisterTarget,
  deregisterTask,
  describeExecutions,
  describeTargets,
  describeTasks,
  getWindow,
  updateWindow,
} from "../../api/windows";
import { useAction, useCall } from "../../api/use";
import { go, href, part, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Targets } from "../../components/Targets";
import { Time } from "../../components/Time";
import { isUnderWay } from "../../logic/status";
import { targetsText } from "../../logic/targets";
import { momentText } from "../../logic/time";
import { AddPatchTask } from "./AddPatchTask";
import { OpensNext } from "./OpensNext";

export default function WindowPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const [tab, setTab] = useQueryValue("tab");
  const answer = useCall(getWindow, { WindowId: id });
  const update = useAction(updateWindow, {
    done: (output) => (output.Enabled === true ? "The window is enabled." : "The window is disabled."),
  });
  const remove = useAction(deleteWindow, { done: () => "The window is deleted.", onDone: () => go(href("/windows")) });
  return (
    <Answer of={answer} what="the maintenance window">
      {(window) => (
        <DetailPage
          title={window.Name}
          id={id}
          requests={[
            { service: "ssm", operation: "GetMaintenanceWindow", input: { WindowId: id } },
            { service: "ssm", operation: "DescribeMaintenanceWindowTasks", input: { WindowId: id } },
            {
              service: "ssm",
              operation: "UpdateMaintenanceWindow",
              input: { WindowId: id, Enabled: window.Enabled !== true },
            },
            { service: "ssm", operation: "DeleteMaintenanceWindow", input: { WindowId: id } },
          ]}
          actions={
            <>
              <Button
                loading={update.isPending}
                onClick={() => update.mutate({ WindowId: id, Enabled: window.Enabled !== true })}
              >
                {window.Enabled === true ? "Disable" : "Enable"}
              </Button>
              <Confirm
                label="Delete"
                title="Delete this maintenance window?"
                onConfirm={() => remove.mutate({ WindowId: id })}
              >
                {window.Name}, its targets and its tasks are deleted; they cannot be brought back.
              </Confirm>
              <Button href={href(`/windows/${part(id)}/edit`)}>Edit</Button>
            </>
          }
        >
          <Container header={<Header variant="h2">Maintenance window</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                { label: "State", value: window.Enabled === true ? "Enabled" : "Disabled" },
                { label: "Schedule", value: window.Schedule ?? "–" },
                { label: "Time zone", value: window.ScheduleTimezone ?? "UTC" },
                { label: "Opens next", value: <OpensNext of={window} /> },
                { label: "Duration", value: hours(window.Duration) },
                { label: "Cut-off", value: hours(window.Cutoff) },
                {
                  label: "Nodes beyond its targets",
                  value: window.AllowUnassociatedTargets === true ? "allowed" : "not allowed",
                },
                { label: "Description", value: window.Description ?? "–" },
                { label: "Changed", value: <Time at={window.ModifiedDate} /> },
              ]}
            />
          </Container>
          <Tabs
            activeTabId={tab === "" ? "executions" : tab}
            onChange={({ detail }) => setTab(detail.activeTabId)}
            tabs={[
              { id: "executions", label: "Runs", content: <Executions id={id} /> },
              { id: "tasks", label: "Tasks", content: <Tasks id={id} /> },
              { id: "targets", label: "Targets", content: <WindowTargets id={id} /> },
              { id: "add", label: "Add patching", content: <AddPatchTask id={id} /> },
            ]}
          />
        </DetailPage>
      )}
    </Answer>
  );
}

function hours(count = 0): string {
  return count === 1 ? "1 hour" : `${count} hours`;
}

function Executions({ id }: { readonly id: string }) {
  const cancel = useAction(cancelExecution, { done: () => "The run is being cancelled." });
  return (
    <ServerTable
      id="window-executions"
      title="Runs"
      inside
      poll={5000}
      call={describeExecutions}
      input={{ WindowId: id }}
      items={(output) => output.WindowExecutions}
      trackBy={(execution) => execution.WindowExecutionId ?? ""}
      columns={[
        {
          id: "run",
          header: "Run",
          cell: (execution) => (
            <Link to={href(`/windows/${part(id)}/executions/${part(execution.WindowExecutionId ?? "")}`)}>
              {momentText(execution.StartTime) ?? execution.WindowExecutionId}
            </Link>
          ),
          minWidth: 190,
        },
        {
          id: "status",
          header: "Status",
          cell: (execution) => <Status status={execution.Status} />,
          text: (execution) => execution.Status,
        },
        {
          id: "details",
          header: "Details",
          cell: (execution) => execution.StatusDetails ?? "–",
          text: (execution) => execution.StatusDetails,
        },
        {
          id: "start",
          header: "Began",
          cell: (execution) => <Time at={execution.StartTime} short />,
          text: (execution) => execution.StartTime?.toISOString(),
        },
        {
          id: "end",
          header: "Ended",
          cell: (execution) => <Time at={execution.EndTime} short />,
          text: (execution) => execution.EndTime?.toISOString(),
        },
        {
          id: "id",
          header: "Run id",
          cell: (execution) => execution.WindowExecutionId,
          text: (execution) => execution.WindowExecutionId,
          hidden: true,
        },
        {
          id: "act",
          header: "Cancel",
          cell: (execution) =>
            isUnderWay(execution.Status) ? (
              <Confirm
                label="Cancel the run"
                title="Cancel this run?"
                onConfirm={() => cancel.mutate({ WindowExecutionId: execution.WindowExecutionId ?? "" })}
              >
                Work that has not begun will not begin.
              </Confirm>
            ) : (
              "–"
            ),
        },
      ]}
      empty="This window has not opened yet."
    />
  );
}

function Tasks({ id }: { readonly id: string }) {
  const remove = useAction(deregisterTask, { done: () => "The window does not run this task any more." });
  return (
    <ServerTable
      id="window-tasks"
      title="Tasks"
      inside
      call={describeTasks}
      input={{ WindowId: id }}
      items={(output) => output.Tasks}
      trackBy={(task) => task.WindowTaskId ?? ""}
      actions={<Button href={href(`/windows/${part(id)}/tasks/create`)}>Add a task</Button>}
      columns={[
        {
          id: "task",
          header: "Task",
          cell: (task) => (
            <Link to={href(`/windows/${part(id)}/tasks/${part(task.WindowTaskId ?? "")}`)}>
              {task.Name ?? task.TaskArn}
            </Link>
          ),
          text: (task) => task.Name ?? task.TaskArn,
        },
        { id: "document", header: "Runs", cell: (task) => task.TaskArn, text: (task) => task.TaskArn },
        { id: "type", header: "Type", cell: (task) => task.Type, text: (task) => task.Type },
        { id: "priority", header: "Priority", cell: (task) => task.Priority, text: (task) => task.Priority },
        {
          id: "rate",
          header: "Rate",
          cell: (task) => `${task.MaxConcurrency ?? "–"} at the same time, ${task.MaxErrors ?? "–"} errors`,
          text: (task) => task.MaxConcurrency,
        },
        {
          id: "id",
          header: "Task id",
          cell: (task) => task.WindowTaskId,
          text: (task) => task.WindowTaskId,
          hidden: true,
        },
        {
          id: "act",
          header: "Remove",
          cell: (task) => (
            <Confirm
              label="Remove"
              title="Remove this task?"
              onConfirm={() => remove.mutate({ WindowId: id, WindowTaskId: task.WindowTaskId ?? "" })}
            >
              The window does not run {task.Name ?? task.TaskArn} any more; this cannot be taken back.
            </Confirm>
          ),
        },
      ]}
      empty="This window does nothing yet: it has no tasks."
    />
  );
}

function WindowTargets({ id }: { readonly id: string }) {
  const remove = useAction(deregisterTarget, { done: () => "The window has these targets no more." });
  return (
    <ServerTable
      id="window-targets"
      title="Targets"
      inside
      call={describeTargets}
      input={{ WindowId: id }}
      items={(output) => output.Targets}
      trackBy={(target) => target.WindowTargetId ?? ""}
      actions={<Button href={href(`/windows/${part(id)}/targets/create`)}>Add targets</Button>}
      columns={[
        {
          id: "name",
          header: "Target",
          cell: (target) => (
            <Link to={href(`/windows/${part(id)}/targets/${part(target.WindowTargetId ?? "")}`)}>
              {target.Name ?? target.WindowTargetId}
            </Link>
          ),
          text: (target) => target.Name ?? target.WindowTargetId,
        },
        {
          id: "nodes",
          header: "Nodes",
          cell: (target) => <Targets of={target.Targets} />,
          text: (target) => targetsText(target.Targets),
        },
        {
          id: "owner",
          header: "Owner information",
          cell: (target) => target.OwnerInformation ?? "–",
          text: (target) => target.OwnerInformation,
        },
        {
          id: "act",
          header: "Remove",
          cell: (target) => (
            <Confirm
              label="Remove"
              title="Remove these targets?"
              onConfirm={() => remove.mutate({ WindowId: id, WindowTargetId: target.WindowTargetId ?? "", Safe: true })}
            >
              The window has {target.Name ?? target.WindowTargetId} no more. Targets that a task names are not removed.
            </Confirm>
          ),
        },
      ]}
      empty="No nodes are registered with this window."
    />
  );
}
