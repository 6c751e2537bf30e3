//! UpdatePatchBaseline: changes some members of an own baseline, or replaces it as a whole.
//! Source: API reference, UpdatePatchBaseline; spec patch-manager 1.1, row `Replace`.

use api::ssm::{UpdatePatchBaselineRequest, UpdatePatchBaselineResult};
use domain::baseline::{BaselineUpdate, UpdateMode};
use domain::ids::BaselineId;
use store::baselines;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_patch_baseline(
    ctx: &Ctx,
    request: UpdatePatchBaselineRequest,
) -> Result<UpdatePatchBaselineResult, ApiError> {
    let id: BaselineId = request.baseline_id.parse()?;
    let id = super::own_id(ctx, &id)?;
    let mode = UpdateMode::of(&request);
    let update = BaselineUpdate::try_from(request)?;

    let mut tx = ctx.store.write().await?;
    let baseline = super::load(&mut tx, ctx, &id).await?.updated(update, mode, ctx.now)?;
    baselines::update(&mut tx, &ctx.account, &ctx.region, &baseline).await?;
    tx.commit().await?;
    Ok(baseline.to_update_result())
}
