//! UpdateServiceSettings: keeps the role; an empty one takes it back. Nothing here takes roles on.
//! Source: API reference, UpdateServiceSettings.

use api::quicksetup::{UpdateServiceSettingsInput, UpdateServiceSettingsOutput};
use domain::ids::Arn;
use store::quick_setup;

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn update_service_settings(
    ctx: &Ctx,
    request: UpdateServiceSettingsInput,
) -> Result<UpdateServiceSettingsOutput, ApiError> {
    let Some(role) = request.explorer_enabling_role_arn else { return Ok(UpdateServiceSettingsOutput {}) };
    let role = Some(role).filter(|role| !role.is_empty());
    if let Some(role) = &role
        && Arn::parse(role).is_none_or(|arn| arn.service != "iam")
    {
        return Err(error::validation(format!("ExplorerEnablingRoleArn: `{role}` is not the ARN of a role")));
    }
    let mut tx = ctx.store.write().await?;
    quick_setup::set_explorer_role(&mut tx, (&ctx.account, &ctx.region), role.as_deref()).await?;
    tx.commit().await?;
    Ok(UpdateServiceSettingsOutput {})
}
