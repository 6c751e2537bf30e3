//! What the operations on runs share: finding an execution and what is in it.
//! Source: systems-manager.md 4.4.

use api::ssm::{AlarmConfiguration, ErrorCode};
use domain::ids::{CommandId, TaskExecutionId, WindowExecutionId};
use store::Tx;
use store::window_executions::{self, Execution, ExecutionKey, TaskExecution, TaskInvocation};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub fn key(ctx: &Ctx, id: &str) -> Result<ExecutionKey, ApiError> {
    let id: WindowExecutionId = id.parse()?;
    Ok(ExecutionKey { account: ctx.account.clone(), region: ctx.region.clone(), id })
}

pub fn missing(what: &str, id: &str) -> ApiError {
    ApiError::new(ErrorCode::DoesNotExistException, format!("{what} `{id}` does not exist"))
}

pub async fn load(tx: &mut Tx, ctx: &Ctx, id: &str) -> Result<Execution, ApiError> {
    let found = window_executions::find(tx, &key(ctx, id)?).await?;
    found.ok_or_else(|| missing("maintenance window execution", id))
}

pub async fn load_task(tx: &mut Tx, ctx: &Ctx, execution: &str, id: &str) -> Result<TaskExecution, ApiError> {
    let execution = load(tx, ctx, execution).await?;
    let id: TaskExecutionId = id.parse()?;
    let tasks = window_executions::list_tasks(tx, &execution.key).await?;
    let found = tasks.into_iter().find(|task| task.id == id);
    found.ok_or_else(|| missing("task execution", id.as_str()))
}

/// Those of one task, in their order.
pub async fn load_invocations(
    tx: &mut Tx,
    ctx: &Ctx,
    execution: &str,
    task: &str,
) -> Result<Vec<TaskInvocation>, ApiError> {
    let task = load_task(tx, ctx, execution, task).await?.id;
    let mut found = window_executions::list_invocations(tx, &key(ctx, execution)?).await?;
    found.retain(|invocation| invocation.task == task);
    Ok(found)
}

/// The command, the execution of a runbook, or the id under which a webhook was called.
pub fn execution_id(task: &TaskExecution, invocation: &TaskInvocation) -> Option<String> {
    if task.is_command() {
        return invocation.command.as_ref().map(CommandId::to_string);
    }
    if task.is_automation() {
        return invocation.automation.as_ref().map(ToString::to_string);
    }
    let was_called = invocation.state.started_at.is_some() && invocation.plan.fault.is_none();
    was_called.then(|| invocation.id.to_string())
}

/// `StatusDetails`, where there is something to say.
pub fn details(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub fn alarms(task: &TaskExecution) -> Option<AlarmConfiguration> {
    task.task.alarm_configuration.clone()
}

/// Sorts as the numbers do.
pub fn position_key(position: i64) -> String {
    format!("{position:06}")
}
