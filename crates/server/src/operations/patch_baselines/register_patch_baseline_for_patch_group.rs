//! RegisterPatchBaselineForPatchGroup: one baseline per group and operating system.
//! Source: API reference, RegisterPatchBaselineForPatchGroup; spec patch-manager 5.1.

use api::ssm::{RegisterPatchBaselineForPatchGroupRequest, RegisterPatchBaselineForPatchGroupResult};
use store::patch_groups::{self, Registration};

use super::MAX_GROUPS_PER_BASELINE;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn register_patch_baseline_for_patch_group(
    ctx: &Ctx,
    request: RegisterPatchBaselineForPatchGroupRequest,
) -> Result<RegisterPatchBaselineForPatchGroupResult, ApiError> {
    let id = super::resource_id(&request.baseline_id)?;
    let group = super::patch_group(&request.patch_group)?;

    let mut tx = ctx.store.write().await?;
    let baseline = super::load(&mut tx, ctx, &id).await?;
    let os = baseline.rules.operating_system;
    let registered = patch_groups::find(&mut tx, &ctx.account, &ctx.region, &group, os).await?;
    match registered {
        Some(other) if other != baseline.id => {
            return Err(error::group_has_baseline(&group, os, &other));
        }
        // Said once more: the same answer, nothing to write.
        Some(_) => {}
        None => {
            let groups = patch_groups::groups_of(&mut tx, &ctx.account, &ctx.region, &baseline.id).await?;
            if groups.len() >= MAX_GROUPS_PER_BASELINE {
                return Err(error::too_many_groups(&baseline.id, MAX_GROUPS_PER_BASELINE));
            }
            let new = Registration {
                patch_group: group.clone(),
                operating_system: os,
                baseline_id: baseline.id.clone(),
            };
            patch_groups::insert(&mut tx, &ctx.account, &ctx.region, &new).await?;
            tx.commit().await?;
        }
    }
    Ok(RegisterPatchBaselineForPatchGroupResult {
        baseline_id: Some(baseline.id.to_string()),
        patch_group: Some(group.to_string()),
    })
}
