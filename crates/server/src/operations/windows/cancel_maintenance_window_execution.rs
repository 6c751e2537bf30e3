//! CancelMaintenanceWindowExecution: what waits ends at once, what runs is told to. One that has ended stays as it is.
//! Source: API reference, CancelMaintenanceWindowExecution; systems-manager.md 4.4.

use api::ssm::{CancelMaintenanceWindowExecutionRequest, CancelMaintenanceWindowExecutionResult};
use store::window_executions;

use super::executions::{key, missing};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::windows;

pub async fn cancel_maintenance_window_execution(
    ctx: &Ctx,
    request: CancelMaintenanceWindowExecutionRequest,
) -> Result<CancelMaintenanceWindowExecutionResult, ApiError> {
    let key = key(ctx, &request.window_execution_id)?;
    let mut tx = ctx.store.write_by_locks().await?;
    let found = window_executions::lock(&mut tx, &key).await?;
    let mut execution =
        found.ok_or_else(|| missing("maintenance window execution", &request.window_execution_id))?;
    if execution.state.finished_at.is_none() && execution.cancelled_at.is_none() {
        execution.cancelled_at = Some(ctx.now);
        window_executions::update(&mut tx, &execution).await?;
        tx.commit().await?;
        // Its own transaction: from here on it would be carried on by the job as well.
        windows::carry_on(&ctx.app, &key, ctx.now).await?;
    }
    Ok(CancelMaintenanceWindowExecutionResult { window_execution_id: Some(request.window_execution_id) })
}
