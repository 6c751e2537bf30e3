//! UpdateMaintenanceWindowTarget: changes what is sent, or with Replace everything. The type stays.
//! Source: API reference, UpdateMaintenanceWindowTarget; systems-manager.md 4.2.

use api::ssm::{UpdateMaintenanceWindowTargetRequest, UpdateMaintenanceWindowTargetResult};
use store::window_parts::TARGETS;

use super::{load, scope, targets};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn update_maintenance_window_target(
    ctx: &Ctx,
    request: UpdateMaintenanceWindowTargetRequest,
) -> Result<UpdateMaintenanceWindowTargetResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window.id;
    let (id, mut target) = targets::load(&mut tx, ctx, &window, &request.window_target_id).await?;
    if request.replace == Some(true) {
        if request.targets.is_none() {
            return Err(error::validation("with Replace the member Targets is required"));
        }
        (target.name, target.description, target.owner_information) = (None, None, None);
    }
    target.targets = request.targets.or(target.targets);
    target.name = request.name.or(target.name);
    target.description = request.description.or(target.description);
    target.owner_information = request.owner_information.or(target.owner_information);
    let kind = target.resource_type.clone().unwrap_or_default();
    targets::check(&kind, target.targets.as_deref().unwrap_or_default())?;
    TARGETS.put(&mut tx, scope(ctx), (&window, &id), &target).await?;
    tx.commit().await?;
    Ok(UpdateMaintenanceWindowTargetResult {
        window_id: target.window_id,
        window_target_id: target.window_target_id,
        targets: target.targets,
        owner_information: target.owner_information,
        name: target.name,
        description: target.description,
    })
}
