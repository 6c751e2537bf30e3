//! GetMaintenanceWindowTask: one registered task with what it is invoked with.
//! Source: API reference, GetMaintenanceWindowTask; systems-manager.md 4.3.

use api::ssm::{GetMaintenanceWindowTaskRequest, GetMaintenanceWindowTaskResult};

use super::{load, tasks};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_maintenance_window_task(
    ctx: &Ctx,
    request: GetMaintenanceWindowTaskRequest,
) -> Result<GetMaintenanceWindowTaskResult, ApiError> {
    let mut tx = ctx.store.read().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window.id;
    let (_, task) = tasks::load(&mut tx, ctx, &window, &request.window_task_id).await?;
    Ok(tasks::shown(task))
}
