//! GetPatchPolicyRollout: the rings of a patch policy, or that it has none.

use api::fettle::{GetPatchPolicyRolloutRequest, GetPatchPolicyRolloutResponse};
use store::rollouts;

use super::policy;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_patch_policy_rollout(
    ctx: &Ctx,
    request: GetPatchPolicyRolloutRequest,
) -> Result<GetPatchPolicyRolloutResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let manager = policy(ctx, &mut tx, &request.manager_arn, &request.definition_id).await?;
    let found = rollouts::find_of_policy(&mut tx, (&manager, &request.definition_id)).await?;
    let (plan, updated_at) = found.unzip();
    Ok(GetPatchPolicyRolloutResponse { plan, updated_at })
}
