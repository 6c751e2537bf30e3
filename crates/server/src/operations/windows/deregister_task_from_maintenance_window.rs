//! DeregisterTaskFromMaintenanceWindow: the task is not done from the next opening on.
//! Source: API reference, DeregisterTaskFromMaintenanceWindow; systems-manager.md 4.3.

use api::ssm::{DeregisterTaskFromMaintenanceWindowRequest, DeregisterTaskFromMaintenanceWindowResult};
use store::window_parts::TASKS;

use super::{load, scope, tasks};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn deregister_task_from_maintenance_window(
    ctx: &Ctx,
    request: DeregisterTaskFromMaintenanceWindowRequest,
) -> Result<DeregisterTaskFromMaintenanceWindowResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window.id;
    let (id, _) = tasks::load(&mut tx, ctx, &window, &request.window_task_id).await?;
    TASKS.delete(&mut tx, scope(ctx), &window, &id).await?;
    tx.commit().await?;
    Ok(DeregisterTaskFromMaintenanceWindowResult {
        window_id: Some(window.to_string()),
        window_task_id: Some(id.to_string()),
    })
}
