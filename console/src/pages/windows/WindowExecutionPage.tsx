// One run of a window: its tasks in order, and the work of each: commands and runbooks.

import type {
  MaintenanceWindowExecutionTaskIdentity,
  MaintenanceWindowExecutionTaskInvocationIdentity,
} from "@aws-sdk/client-ssm";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";

import {
  cancelExecution,
  describeExecutionTasks,
  describeTargets,
  describeTaskInvocations,
  getExecution,
  getWindow,
} from "../../api/windows";
import { useAction, useCall } from "../../api/use";
import { useNamed } from "../../app/names";
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { columnsOf } from "../../components/columns";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { standing } from "../../components/standing";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { isUnderWay } from "../../logic/status";
import { momentText } from "../../logic/time";

const POLL_MS = 3000;
const SHOWN = 100;
const { statusColumn, textColumn, timeColumn } = columnsOf<MaintenanceWindowExecutionTaskInvocationIdentity>();

export default function WindowExecutionPage({ params }: PageProps) {
  const [window = "", id = ""] = [params["id"], params["execution"]];
  const answer = useCall(
    getExecution,
    { WindowExecutionId: id },
    { poll: (output) => (output === undefined || isUnderWay(output.Status) ? POLL_MS : false) },
  );
  const tasks = useCall(
    describeExecutionTasks,
    { WindowExecutionId: id, MaxResults: SHOWN },
    { poll: () => (answer.data === undefined || isUnderWay(answer.data.Status) ? POLL_MS : false) },
  );
  // The run itself names both by their ids.
  const about = useCall(getWindow, { WindowId: window });
  useNamed(`/windows/${part(window)}`, about.data?.Name);
  const targets = useCall(describeTargets, { WindowId: window, MaxResults: SHOWN });
  const names = new Map((targets.data?.Targets ?? []).map(({ WindowTargetId: target, Name: name }) => [target, name]));
  const cancel = useAction(cancelExecution, { done: () => "The run is being cancelled." });
  return (
    <Answer of={answer} what="the run">
      {(execution) => (
        <DetailPage
          title={`Run of ${about.data?.Name ?? window}`}
          name={momentText(execution.StartTime)}
          id={id}
          requests={[
            { service: "ssm", operation: "GetMaintenanceWindowExecution", input: { WindowExecutionId: id } },
            { service: "ssm", operation: "DescribeMaintenanceWindowExecutionTasks", input: { WindowExecutionId: id } },
            ...(isUnderWay(execution.Status)
              ? [
                  {
                    service: "ssm" as const,
                    operation: "CancelMaintenanceWindowExecution",
                    input: { WindowExecutionId: id },
                  },
                ]
              : []),
          ]}
          actions={
            isUnderWay(execution.Status) ? (
              <Confirm
                label="Cancel the run"
                title="Cancel this run?"
                onConfirm={() => cancel.mutate({ WindowExecutionId: id })}
              >
                Work that has not begun will not begin.
              </Confirm>
            ) : null
          }
        >
          <Container header={<Header variant="h2">Run</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                ...standing(execution),
                { label: "Began", value: <Time at={execution.StartTime} /> },
                { label: "Ended", value: <Time at={execution.EndTime} /> },
                {
                  label: "Maintenance window",
                  value: <Link to={href(`/windows/${part(window)}`)}>{about.data?.Name ?? window}</Link>,
                },
              ]}
            />
          </Container>
          <Answer of={tasks} what="tasks">
            {({ WindowExecutionTaskIdentities: found = [] }) =>
              found.length === 0 ? (
                <Container header={<Header variant="h2">Tasks</Header>}>No task has begun.</Container>
              ) : (
                found.map((task) => <Task key={task.TaskExecutionId} execution={id} task={task} targets={names} />)
              )
            }
          </Answer>
        </DetailPage>
      )}
    </Answer>
  );
}

interface TaskProps {
  readonly execution: string;
  readonly task: MaintenanceWindowExecutionTaskIdentity;
  /** The names of the window's targets by their ids. */
  readonly targets: ReadonlyMap<string | undefined, string | undefined>;
}

/** Where the work of an invocation is shown. */
function workOf(type: string | undefined, id: string): string | undefined {
  if (type === "RUN_COMMAND") return href(`/commands/${part(id)}`);
  return type === "AUTOMATION" ? href(`/automations/${part(id)}`) : undefined;
}

function Task({ execution, task, targets }: TaskProps) {
  return (
    <ServerTable
      id="window-invocations"
      title={`Task ${task.TaskArn ?? ""}`}
      description={
        <>
          <Status status={task.Status} /> {task.StatusDetails ?? ""} <Time at={task.StartTime} short />
        </>
      }
      call={describeTaskInvocations}
      input={{ WindowExecutionId: execution, TaskId: task.TaskExecutionId ?? "" }}
      items={(output) => output.WindowExecutionTaskInvocationIdentities}
      trackBy={(invocation) => invocation.InvocationId ?? ""}
      {...(isUnderWay(task.Status) ? { poll: POLL_MS } : {})}
      columns={[
        {
          id: "work",
          header: "Work",
          cell: (invocation) => {
            const id = invocation.ExecutionId;
            const to = id === undefined ? undefined : workOf(invocation.TaskType, id);
            return to === undefined ? (id ?? "–") : <Link to={to}>{task.TaskArn ?? id}</Link>;
          },
          minWidth: 220,
        },
        statusColumn((invocation) => invocation.Status),
        textColumn("details", "Details", (invocation) => invocation.StatusDetails),
        textColumn("target", "Target", ({ WindowTargetId: target }) => targets.get(target) ?? target),
        timeColumn("start", "Began", (invocation) => invocation.StartTime),
        timeColumn("end", "Ended", (invocation) => invocation.EndTime),
        textColumn("id", "Execution id", (invocation) => invocation.ExecutionId, { hidden: true }),
      ]}
      empty="This task has started no work."
    />
  );
}
