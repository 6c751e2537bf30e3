//! DeletePatchBaseline: forgets an own baseline that nothing uses. Of one that is not there it
//! says the same, since the operation declares no error for that.
//! Source: API reference, DeletePatchBaseline; spec patch-manager 1.1.

use api::ssm::{DeletePatchBaselineRequest, DeletePatchBaselineResult};
use domain::ids::BaselineId;
use store::tags::{self, Tagged};
use store::{baselines, patch_groups};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn delete_patch_baseline(
    ctx: &Ctx,
    request: DeletePatchBaselineRequest,
) -> Result<DeletePatchBaselineResult, ApiError> {
    let id: BaselineId = request.baseline_id.parse()?;
    let id = super::own_id(ctx, &id)?;

    let mut tx = ctx.store.write().await?;
    let groups = patch_groups::groups_of(&mut tx, &ctx.account, &ctx.region, &id).await?;
    if !groups.is_empty() {
        return Err(error::baseline_has_groups(&id, &groups));
    }
    let defaults = baselines::registered_defaults(&mut tx, &ctx.account, &ctx.region).await?;
    if let Some((os, _)) = defaults.iter().find(|(_, default)| *default == id) {
        return Err(error::baseline_is_default(&id, *os));
    }
    baselines::delete(&mut tx, &ctx.account, &ctx.region, &id).await?;
    tags::remove_all(&mut tx, Tagged::baseline(&ctx.account, &ctx.region, &id)).await?;
    tx.commit().await?;
    Ok(DeletePatchBaselineResult { baseline_id: Some(id.to_string()) })
}
