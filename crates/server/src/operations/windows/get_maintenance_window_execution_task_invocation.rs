//! GetMaintenanceWindowExecutionTaskInvocation: one piece of work of a task; its ExecutionId is the command, or what its webhook was called with.
//! Source: API reference, GetMaintenanceWindowExecutionTaskInvocation; systems-manager.md 4.4.

use api::ssm::{
    GetMaintenanceWindowExecutionTaskInvocationRequest, GetMaintenanceWindowExecutionTaskInvocationResult,
};

use super::executions::{details, execution_id, load_invocations, load_task, missing};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_maintenance_window_execution_task_invocation(
    ctx: &Ctx,
    request: GetMaintenanceWindowExecutionTaskInvocationRequest,
) -> Result<GetMaintenanceWindowExecutionTaskInvocationResult, ApiError> {
    let (execution, task, id) = (&request.window_execution_id, &request.task_id, &request.invocation_id);
    let mut tx = ctx.store.read().await?;
    let of_task = load_task(&mut tx, ctx, execution, task).await?;
    let invocations = load_invocations(&mut tx, ctx, execution, task).await?;
    let found = invocations.into_iter().find(|invocation| invocation.id.as_str() == id);
    let found = found.ok_or_else(|| missing("task invocation", id))?;
    Ok(GetMaintenanceWindowExecutionTaskInvocationResult {
        window_execution_id: Some(request.window_execution_id),
        task_execution_id: Some(found.task.to_string()),
        invocation_id: Some(found.id.to_string()),
        execution_id: execution_id(&of_task, &found),
        task_type: of_task.task.task_type,
        parameters: found.parameters,
        status: Some(found.state.status.as_str().into()),
        status_details: details(&found.state.details),
        start_time: found.state.started_at,
        end_time: found.state.finished_at,
        owner_information: found.plan.owner_information,
        window_target_id: found.plan.window_target_id,
    })
}
