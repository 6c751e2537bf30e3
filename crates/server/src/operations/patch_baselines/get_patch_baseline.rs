//! GetPatchBaseline: one baseline and the patch groups registered to it.
//! Source: API reference, GetPatchBaseline.

use api::ssm::{GetPatchBaselineRequest, GetPatchBaselineResult};
use store::patch_groups;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_patch_baseline(
    ctx: &Ctx,
    request: GetPatchBaselineRequest,
) -> Result<GetPatchBaselineResult, ApiError> {
    let id = super::resource_id(&request.baseline_id)?;

    let mut tx = ctx.store.read().await?;
    let baseline = super::load(&mut tx, ctx, &id).await?;
    let groups = patch_groups::groups_of(&mut tx, &ctx.account, &ctx.region, &baseline.id).await?;
    Ok(baseline.to_get_result(&groups))
}
