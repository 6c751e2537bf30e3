//! RegisterTargetWithMaintenanceWindow: nodes, tags or a group that tasks may be for.
//! Source: API reference, RegisterTargetWithMaintenanceWindow; systems-manager.md 4.2.

use api::ssm::{
    MaintenanceWindowTarget, RegisterTargetWithMaintenanceWindowRequest,
    RegisterTargetWithMaintenanceWindowResult,
};
use domain::ids::WindowTargetId;
use store::window_parts::TARGETS;

use super::{MAX_TARGETS, load, scope, targets};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::idempotency::{self, Repeat};

const OPERATION: &str = "RegisterTargetWithMaintenanceWindow";

pub async fn register_target_with_maintenance_window(
    ctx: &Ctx,
    mut request: RegisterTargetWithMaintenanceWindowRequest,
) -> Result<RegisterTargetWithMaintenanceWindowResult, ApiError> {
    let token = request.client_token.take();
    let repeat = Repeat::new(OPERATION, token, &request);
    targets::check(&request.resource_type, &request.targets)?;

    let mut tx = ctx.store.write().await?;
    if let Some(first) = idempotency::first_answer(&mut tx, ctx, &repeat).await? {
        return Ok(first);
    }
    let window = load(&mut tx, ctx, &request.window_id).await?.window.id;
    if TARGETS.list(&mut tx, scope(ctx), &window).await?.len() >= MAX_TARGETS {
        return Err(error::too_many_of_window(&window, MAX_TARGETS, "targets"));
    }
    let id = WindowTargetId::mint(random());
    let target = MaintenanceWindowTarget {
        window_id: Some(window.to_string()),
        window_target_id: Some(id.to_string()),
        resource_type: Some(request.resource_type),
        targets: Some(request.targets),
        owner_information: request.owner_information,
        name: request.name,
        description: request.description,
    };
    TARGETS.put(&mut tx, scope(ctx), (&window, &id), &target).await?;
    let result = RegisterTargetWithMaintenanceWindowResult { window_target_id: Some(id.to_string()) };
    idempotency::remember(&mut tx, ctx, &repeat, &result).await?;
    tx.commit().await?;
    Ok(result)
}
