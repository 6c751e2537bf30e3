//! GetRollout: a staged rollout, its rings and their evidence at this moment.

use api::fettle::{GetRolloutRequest, GetRolloutResponse};
use store::rollouts;

use super::{key, unknown};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::rollouts::to_wire;

pub async fn get_rollout(ctx: &Ctx, request: GetRolloutRequest) -> Result<GetRolloutResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let found = rollouts::find(&mut tx, &key(ctx, &request.rollout_id)?).await?;
    let found = found.ok_or_else(|| unknown(&request.rollout_id))?;
    Ok(GetRolloutResponse { rollout: to_wire(&mut tx, found, ctx.now).await? })
}
