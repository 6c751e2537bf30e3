//! PutPatchPolicyRollout: the rings of a patch policy, kept beside it, since its own parameters are AWS's. They are read when
//! it installs the next time.

use api::fettle::{PutPatchPolicyRolloutRequest, PutPatchPolicyRolloutResponse};
use store::rollouts;

use super::policy;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::rollouts::check;

pub async fn put_patch_policy_rollout(
    ctx: &Ctx,
    request: PutPatchPolicyRolloutRequest,
) -> Result<PutPatchPolicyRolloutResponse, ApiError> {
    check(ctx, &request.plan).await?;

    let mut tx = ctx.store.write().await?;
    let manager = policy(ctx, &mut tx, &request.manager_arn, &request.definition_id).await?;
    rollouts::put_of_policy(&mut tx, (&manager, &request.definition_id), &request.plan, ctx.now).await?;
    tx.commit().await?;
    Ok(PutPatchPolicyRolloutResponse {})
}
