//! Opening a window: its run with all tasks and pieces of work becomes rows, in one transaction with the next opening.
//! Two servers may try at the same time: the row of the window lets one of them.

use std::collections::BTreeSet;

use api::Timestamp;
use api::ssm::{
    GetMaintenanceWindowTaskResult, MaintenanceWindowTarget, MaintenanceWindowTaskType as TaskType,
};
use domain::ids::{TaskExecutionId, TaskInvocationId, WindowExecutionId};
use domain::target::Targets;
use domain::window::{
    ExecutionStatus, MAX_RESOURCES, NodesOfTargets, WINDOW_TARGET_IDS, Window, opening, plan,
};
use store::window_executions::{self, Execution, ExecutionKey, State, TaskExecution, TaskInvocation};
use store::window_parts::{TARGETS, TASKS};
use store::windows::{self, Due};
use store::{Store, Tx};

use super::zones;
use crate::error::ApiError;
use crate::groups;
use crate::keyring::random;
use crate::operations::commands;

const NO_TASKS: &str = "No tasks to execute.";
const OVERLAPS: &str = "The run before this one has not ended.";

/// The run that began, when one did.
pub async fn open(store: &Store, due: &Due, now: Timestamp) -> Result<Option<ExecutionKey>, ApiError> {
    let mut tx = store.write_by_locks().await?;
    let scope = (&due.account, &due.region);
    let Some(scheduled) = windows::find(&mut tx, scope, &due.id).await? else { return Ok(None) };
    let window = scheduled.window;
    let grace_ms = window.cutoff_of(due.next_at).millis_since(due.next_at);
    let opening = opening(&window.calendar(zones())?, due.next_at, now, grace_ms);
    // From here on nobody else opens it for this moment.
    if !windows::advance(&mut tx, due, opening.next).await? {
        return Ok(None);
    }
    let begun = match opening.due {
        Some(due_at) => begin(&mut tx, due, &window, due_at, now).await?,
        None => {
            tracing::warn!(window_id = %window.id, due_at = %due.next_at, "missed: its cut-off had passed");
            None
        }
    };
    tx.commit().await?;
    Ok(begun)
}

async fn begin(
    tx: &mut Tx,
    due: &Due,
    window: &Window,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<Option<ExecutionKey>, ApiError> {
    let scope = (&due.account, &due.region);
    let overlaps = window_executions::is_open(tx, scope, &window.id).await?;
    let tasks = if overlaps { Vec::new() } else { TASKS.list(tx, scope, &window.id).await? };
    let (status, details) = match (overlaps, tasks.is_empty()) {
        (true, _) => (ExecutionStatus::SkippedOverlapping, OVERLAPS),
        (false, true) => (ExecutionStatus::Success, NO_TASKS),
        (false, false) => (ExecutionStatus::Pending, ""),
    };
    let key = ExecutionKey {
        account: due.account.clone(),
        region: due.region.clone(),
        id: WindowExecutionId::mint(random()),
    };
    let execution = Execution {
        key: key.clone(),
        window: window.id.clone(),
        due_at,
        cutoff_at: window.cutoff_of(due_at),
        ends_at: window.end_of(due_at),
        state: State {
            status,
            details: details.to_owned(),
            started_at: Some(now),
            finished_at: status.is_terminal().then_some(now),
        },
        cancelled_at: None,
    };
    if !window_executions::insert(tx, &execution).await? {
        return Ok(None);
    }
    if tasks.is_empty() {
        return Ok(None);
    }
    insert_tasks(tx, &key, window, tasks, now).await?;
    Ok(Some(key))
}

/// By priority: the order in which they are shown. At most 20 tasks, each of at most 1,000 pieces.
async fn insert_tasks(
    tx: &mut Tx,
    key: &ExecutionKey,
    window: &Window,
    mut tasks: Vec<GetMaintenanceWindowTaskResult>,
    now: Timestamp,
) -> Result<(), ApiError> {
    tasks.sort_by_key(|task| task.priority);
    let registered = TARGETS.list(tx, (&key.account, &key.region), &window.id).await?;
    let nodes = nodes_of_targets(tx, key, &tasks, &registered, now).await?;
    for (position, task) in (0..).zip(tasks) {
        let planned = plan(&task, &registered, &nodes);
        let task =
            TaskExecution { id: TaskExecutionId::mint(random()), position, task, state: State::pending() };
        window_executions::insert_task(tx, key, &task).await?;
        let invocations: Vec<TaskInvocation> = (0..)
            .zip(planned)
            .map(|(position, plan)| TaskInvocation {
                task: task.id.clone(),
                id: TaskInvocationId::mint(random()),
                position,
                plan,
                parameters: None,
                command: None,
                automation: None,
                call_at: None,
                state: State::pending(),
            })
            .collect();
        window_executions::insert_invocations(tx, key, &invocations).await?;
    }
    Ok(())
}

/// Of the registered targets that tasks name of which every node is a piece of work.
async fn nodes_of_targets(
    tx: &mut Tx,
    key: &ExecutionKey,
    tasks: &[GetMaintenanceWindowTaskResult],
    registered: &[MaintenanceWindowTarget],
    now: Timestamp,
) -> Result<NodesOfTargets, ApiError> {
    let calling = tasks.iter().filter(|task| task.task_type != Some(TaskType::RunCommand));
    let targets = calling.flat_map(|task| task.targets.iter().flatten());
    let by_target = targets.filter(|target| target.key.as_deref() == Some(WINDOW_TARGET_IDS));
    let ids: BTreeSet<&String> = by_target.flat_map(|target| target.values.iter().flatten()).collect();
    let mut nodes = NodesOfTargets::new();
    for id in ids {
        let found = registered.iter().find(|target| target.window_target_id.as_ref() == Some(id));
        // What is not registered any more: the plan says so.
        let Some(targets) = found.and_then(|target| target.targets.as_deref()) else { continue };
        let Ok(targets) = Targets::parse(targets) else { continue };
        let scope = (&key.account, &key.region);
        // One more than there may be, to tell that there are too many.
        let targets = groups::resolve_what_is_there(tx, scope, &targets).await?;
        let selected = commands::select_ids(tx, scope, &targets, now, MAX_RESOURCES + 1).await?;
        nodes.insert(id.clone(), selected);
    }
    Ok(nodes)
}
