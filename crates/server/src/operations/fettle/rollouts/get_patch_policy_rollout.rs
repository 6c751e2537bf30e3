//! GetPatchPolicyRollout: the rings of a patch policy.

use api::fettle::{GetPatchPolicyRolloutRequest, GetPatchPolicyRolloutResponse};
use store::rollouts;

use super::policy;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::fettle::not_found;

pub async fn get_patch_policy_rollout(
    ctx: &Ctx,
    request: GetPatchPolicyRolloutRequest,
) -> Result<GetPatchPolicyRolloutResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let manager = policy(ctx, &mut tx, &request.manager_arn, &request.definition_id).await?;
    let found = rollouts::find_of_policy(&mut tx, (&manager, &request.definition_id)).await?;
    let refusal = || not_found(format!("the patch policy `{}` has no rings", request.definition_id));
    let (plan, updated_at) = found.ok_or_else(refusal)?;
    Ok(GetPatchPolicyRolloutResponse { plan, updated_at })
}
