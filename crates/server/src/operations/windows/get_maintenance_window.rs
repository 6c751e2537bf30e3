//! GetMaintenanceWindow: one window, and when it opens next.
//! Source: API reference, GetMaintenanceWindow; systems-manager.md 4.1.

use api::ssm::{GetMaintenanceWindowRequest, GetMaintenanceWindowResult};

use super::{load, next_execution_time};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_maintenance_window(
    ctx: &Ctx,
    request: GetMaintenanceWindowRequest,
) -> Result<GetMaintenanceWindowResult, ApiError> {
    let mut tx = ctx.store.read().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window;
    Ok(window.to_get_result(next_execution_time(ctx, &window)?))
}
