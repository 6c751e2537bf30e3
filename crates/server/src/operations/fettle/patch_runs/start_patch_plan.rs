//! StartPatchPlan: asks nodes what an installation by their baselines would change.

use std::collections::BTreeMap;

use api::fettle::{StartPatchPlanRequest, StartPatchPlanResponse};

use super::{PLAN_DOCUMENT, ask};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn start_patch_plan(
    ctx: &Ctx,
    request: StartPatchPlanRequest,
) -> Result<StartPatchPlanResponse, ApiError> {
    let plan_id = ask(ctx, PLAN_DOCUMENT, request.instance_ids, BTreeMap::new()).await?;
    Ok(StartPatchPlanResponse { plan_id })
}
