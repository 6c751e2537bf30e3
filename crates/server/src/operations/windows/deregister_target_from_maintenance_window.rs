//! DeregisterTargetFromMaintenanceWindow: removes targets; with Safe only those that no task is for.
//! Source: API reference, DeregisterTargetFromMaintenanceWindow; systems-manager.md 4.2.

use api::ssm::{
    DeregisterTargetFromMaintenanceWindowRequest, DeregisterTargetFromMaintenanceWindowResult, ErrorCode,
};
use domain::window::WINDOW_TARGET_IDS;
use store::window_parts::{TARGETS, TASKS};

use super::{load, scope, targets};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn deregister_target_from_maintenance_window(
    ctx: &Ctx,
    request: DeregisterTargetFromMaintenanceWindowRequest,
) -> Result<DeregisterTargetFromMaintenanceWindowResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window.id;
    let (id, _) = targets::load(&mut tx, ctx, &window, &request.window_target_id).await?;
    if request.safe == Some(true) {
        let tasks = TASKS.list(&mut tx, scope(ctx), &window).await?;
        let is_for = |task: &&api::ssm::GetMaintenanceWindowTaskResult| {
            let by_target = task.targets.iter().flatten();
            let by_target = by_target.filter(|target| target.key.as_deref() == Some(WINDOW_TARGET_IDS));
            by_target.flat_map(|target| target.values.iter().flatten()).any(|value| value == id.as_str())
        };
        if let Some(task) = tasks.iter().find(is_for) {
            let task = task.window_task_id.as_deref().unwrap_or_default();
            let message =
                format!("the target `{id}` is used by task `{task}`: deregister or change that first");
            return Err(ApiError::new(ErrorCode::TargetInUseException, message));
        }
    }
    TARGETS.delete(&mut tx, scope(ctx), &window, &id).await?;
    tx.commit().await?;
    Ok(DeregisterTargetFromMaintenanceWindowResult {
        window_id: Some(window.to_string()),
        window_target_id: Some(id.to_string()),
    })
}
