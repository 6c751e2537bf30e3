//! GetMaintenanceWindowExecution: one run of a window.
//! Source: API reference, GetMaintenanceWindowExecution; systems-manager.md 4.4.

use api::ssm::{GetMaintenanceWindowExecutionRequest, GetMaintenanceWindowExecutionResult};
use store::window_executions;

use super::executions::{details, load};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_maintenance_window_execution(
    ctx: &Ctx,
    request: GetMaintenanceWindowExecutionRequest,
) -> Result<GetMaintenanceWindowExecutionResult, ApiError> {
    let mut tx = ctx.store.read().await?;
    let execution = load(&mut tx, ctx, &request.window_execution_id).await?;
    let tasks = window_executions::list_tasks(&mut tx, &execution.key).await?;
    Ok(GetMaintenanceWindowExecutionResult {
        window_execution_id: Some(execution.key.id.to_string()),
        task_ids: Some(tasks.iter().map(|task| task.id.to_string()).collect()),
        status: Some(execution.state.status.as_str().into()),
        status_details: details(&execution.state.details),
        start_time: execution.state.started_at,
        end_time: execution.state.finished_at,
    })
}
