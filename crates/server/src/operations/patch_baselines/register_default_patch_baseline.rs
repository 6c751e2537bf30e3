//! RegisterDefaultPatchBaseline: makes a baseline the default of its operating system.
//! Source: API reference, RegisterDefaultPatchBaseline; spec patch-manager 1.11.

use api::ssm::{RegisterDefaultPatchBaselineRequest, RegisterDefaultPatchBaselineResult};
use store::baselines;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn register_default_patch_baseline(
    ctx: &Ctx,
    request: RegisterDefaultPatchBaselineRequest,
) -> Result<RegisterDefaultPatchBaselineResult, ApiError> {
    let id = super::resource_id(&request.baseline_id)?;

    let mut tx = ctx.store.write().await?;
    let baseline = super::load(&mut tx, ctx, &id).await?;
    let os = baseline.rules.operating_system;
    baselines::put_default(&mut tx, &ctx.account, &ctx.region, os, &baseline.id).await?;
    tx.commit().await?;
    Ok(RegisterDefaultPatchBaselineResult { baseline_id: Some(baseline.id.to_string()) })
}
