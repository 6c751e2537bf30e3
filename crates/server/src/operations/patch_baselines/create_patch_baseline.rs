//! CreatePatchBaseline: an account's own baseline.
//! Source: API reference, CreatePatchBaseline; spec patch-manager 1.1.

use api::ssm::{CreatePatchBaselineRequest, CreatePatchBaselineResult};
use domain::baseline::NewBaseline;
use domain::ids::BaselineId;
use store::baselines;
use store::tags::{self, Tagged};

use super::MAX_BASELINES;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::idempotency::{self, Repeat};
use crate::operations::tags::checked_tags;

const OPERATION: &str = "CreatePatchBaseline";

pub async fn create_patch_baseline(
    ctx: &Ctx,
    mut request: CreatePatchBaselineRequest,
) -> Result<CreatePatchBaselineResult, ApiError> {
    let token = request.client_token.take();
    let repeat = Repeat::new(OPERATION, token, &request);
    let tags = checked_tags(&request.tags.take().unwrap_or_default())?;

    let mut tx = ctx.store.write().await?;
    if let Some(first) = idempotency::first_answer(&mut tx, ctx, &repeat).await? {
        return Ok(first);
    }
    let new = NewBaseline::try_from(request)?;
    if baselines::count(&mut tx, &ctx.account, &ctx.region).await? >= MAX_BASELINES {
        return Err(error::too_many_baselines(MAX_BASELINES));
    }
    let baseline = new.into_baseline(BaselineId::mint(random()), ctx.now);
    baselines::insert(&mut tx, &ctx.account, &ctx.region, &baseline).await?;
    tags::put(&mut tx, Tagged::baseline(&ctx.account, &ctx.region, &baseline.id), &tags).await?;
    let result = CreatePatchBaselineResult { baseline_id: Some(baseline.id.to_string()) };
    idempotency::remember(&mut tx, ctx, &repeat, &result).await?;
    tx.commit().await?;
    Ok(result)
}
