//! GetPatchBaselineForPatchGroup: the baseline that nodes of a group and system use.
//! Source: API reference, GetPatchBaselineForPatchGroup; spec patch-manager 5.1.

use api::ssm::{GetPatchBaselineForPatchGroupRequest, GetPatchBaselineForPatchGroupResult};
use store::patch_groups;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_patch_baseline_for_patch_group(
    ctx: &Ctx,
    request: GetPatchBaselineForPatchGroupRequest,
) -> Result<GetPatchBaselineForPatchGroupResult, ApiError> {
    let group = super::patch_group(&request.patch_group)?;
    let os = super::operating_system(request.operating_system.as_ref())?;

    let mut tx = ctx.store.read_remembered();
    let id = match patch_groups::find(&mut tx, &ctx.account, &ctx.region, &group, os).await? {
        Some(registered) => registered,
        None => super::default_id(&mut tx, ctx, os).await?,
    };
    Ok(GetPatchBaselineForPatchGroupResult {
        baseline_id: Some(id.to_string()),
        patch_group: Some(group.to_string()),
        operating_system: Some(os.as_str().into()),
    })
}
