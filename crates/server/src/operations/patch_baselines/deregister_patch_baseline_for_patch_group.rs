//! DeregisterPatchBaselineForPatchGroup: the group falls back to the default. Of a pair that was
//! not registered it says the same, since the operation declares no error for that.
//! Source: API reference, DeregisterPatchBaselineForPatchGroup; spec patch-manager 5.1.

use api::ssm::{DeregisterPatchBaselineForPatchGroupRequest, DeregisterPatchBaselineForPatchGroupResult};
use store::patch_groups;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn deregister_patch_baseline_for_patch_group(
    ctx: &Ctx,
    request: DeregisterPatchBaselineForPatchGroupRequest,
) -> Result<DeregisterPatchBaselineForPatchGroupResult, ApiError> {
    let id = super::resource_id(&request.baseline_id)?;
    let group = super::patch_group(&request.patch_group)?;
    let id = id.local(&ctx.account, &ctx.region).unwrap_or(id);

    let mut tx = ctx.store.write().await?;
    patch_groups::delete(&mut tx, &ctx.account, &ctx.region, &group, &id).await?;
    tx.commit().await?;
    Ok(DeregisterPatchBaselineForPatchGroupResult {
        baseline_id: Some(id.to_string()),
        patch_group: Some(group.to_string()),
    })
}
