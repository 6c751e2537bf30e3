//! DeletePatchPolicyRollout: a patch policy installs on all of its nodes again. A rollout that is under way goes on.

use api::fettle::{DeletePatchPolicyRolloutRequest, DeletePatchPolicyRolloutResponse};
use store::rollouts;

use super::policy;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_patch_policy_rollout(
    ctx: &Ctx,
    request: DeletePatchPolicyRolloutRequest,
) -> Result<DeletePatchPolicyRolloutResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    let manager = policy(ctx, &mut tx, &request.manager_arn, &request.definition_id).await?;
    rollouts::delete_of_policy(&mut tx, (&manager, &request.definition_id)).await?;
    tx.commit().await?;
    Ok(DeletePatchPolicyRolloutResponse {})
}
