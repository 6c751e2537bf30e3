//! GetServiceSettings: what an account has set for all of Quick Setup in a region.
//! Source: API reference, GetServiceSettings.

use api::quicksetup::{GetServiceSettingsInput, GetServiceSettingsOutput, ServiceSettings};
use store::quick_setup;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_service_settings(
    ctx: &Ctx,
    _request: GetServiceSettingsInput,
) -> Result<GetServiceSettingsOutput, ApiError> {
    let mut tx = ctx.store.read().await?;
    let explorer_enabling_role_arn = quick_setup::explorer_role(&mut tx, (&ctx.account, &ctx.region)).await?;
    Ok(GetServiceSettingsOutput { service_settings: Some(ServiceSettings { explorer_enabling_role_arn }) })
}
