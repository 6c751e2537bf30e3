//! The baselines of a patch policy as its nodes fetch them: one JSON array of whole baselines.
//! Source: patch-manager.md 4.7, 5.3.

use api::quicksetup::ErrorCode;
use domain::quick_setup::PatchPolicy;
use store::Tx;

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::patch_baselines::load;

/// `ctx`: of the region in which the policy is deployed; its baselines are that region's.
pub async fn content(ctx: &Ctx, tx: &mut Tx, policy: &PatchPolicy) -> Result<Vec<u8>, ApiError> {
    let refused = |message: String| ApiError::new(ErrorCode::ValidationException, message);
    let mut all = Vec::new();
    // One for each system, of which there are few.
    for (os, id) in &policy.baselines {
        let baseline = load(tx, ctx, id).await.map_err(|error| match error.code.status {
            500.. => error,
            _ => refused(format!("SelectedPatchBaselines: {os}: {}: choose another", error.message)),
        })?;
        if baseline.rules.operating_system != *os {
            let of = baseline.rules.operating_system;
            return Err(refused(format!(
                "SelectedPatchBaselines: {os}: baseline `{id}` is for {of}: choose another"
            )));
        }
        all.push(baseline.to_get_result(&[]));
    }
    Ok(api::encode(&all))
}
