//! UpdateConfigurationManager: another name or description; what is not given stays.
//! Source: API reference, UpdateConfigurationManager.

use api::quicksetup::{UpdateConfigurationManagerInput, UpdateConfigurationManagerOutput};
use store::quick_setup::{self as rows, Manager};

use super::existing;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_configuration_manager(
    ctx: &Ctx,
    request: UpdateConfigurationManagerInput,
) -> Result<UpdateConfigurationManagerOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let manager = existing(ctx, &mut tx, &request.manager_arn).await?;
    let manager = Manager {
        name: request.name.unwrap_or(manager.name),
        description: request.description.unwrap_or(manager.description),
        updated_at: ctx.now,
        ..manager
    };
    rows::put_manager(&mut tx, &manager).await?;
    tx.commit().await?;
    Ok(UpdateConfigurationManagerOutput {})
}
