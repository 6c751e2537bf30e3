//! GetDefaultPatchBaseline: which baseline nodes of a system use without a patch group.
//! Source: API reference, GetDefaultPatchBaseline; spec patch-manager 1.11.

use api::ssm::{GetDefaultPatchBaselineRequest, GetDefaultPatchBaselineResult};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_default_patch_baseline(
    ctx: &Ctx,
    request: GetDefaultPatchBaselineRequest,
) -> Result<GetDefaultPatchBaselineResult, ApiError> {
    let os = super::operating_system(request.operating_system.as_ref())?;

    let mut tx = ctx.store.read_remembered();
    let id = super::default_id(&mut tx, ctx, os).await?;
    Ok(GetDefaultPatchBaselineResult {
        baseline_id: Some(id.to_string()),
        operating_system: Some(os.as_str().into()),
    })
}
