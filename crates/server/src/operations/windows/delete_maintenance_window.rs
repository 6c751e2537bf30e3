//! DeleteMaintenanceWindow: a window with all that is registered with it. What runs goes on.
//! One that is not there is no error. Source: API reference, DeleteMaintenanceWindow; systems-manager.md 4.1.

use api::ssm::{DeleteMaintenanceWindowRequest, DeleteMaintenanceWindowResult};
use domain::ids::WindowId;
use store::tags::{self, Tagged};
use store::windows;

use super::scope;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_maintenance_window(
    ctx: &Ctx,
    request: DeleteMaintenanceWindowRequest,
) -> Result<DeleteMaintenanceWindowResult, ApiError> {
    let id: WindowId = request.window_id.parse()?;
    let mut tx = ctx.store.write().await?;
    windows::delete(&mut tx, scope(ctx), &id).await?;
    tags::remove_all(&mut tx, Tagged::window(&ctx.account, &ctx.region, &id)).await?;
    tx.commit().await?;
    Ok(DeleteMaintenanceWindowResult { window_id: Some(request.window_id) })
}
