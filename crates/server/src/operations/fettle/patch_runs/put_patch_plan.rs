//! PutPatchPlan: a node's answer to StartPatchPlan or StartPatchUndo, as often as it likes to tell it.

use api::fettle::{PutPatchPlanRequest, PutPatchPlanResponse};
use domain::patch::execution::NodePlan;
use store::patch_plans;

use super::super::managed_node;
use super::{invocation, refuse_zero};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn put_patch_plan(
    ctx: &Ctx,
    request: PutPatchPlanRequest,
) -> Result<PutPatchPlanResponse, ApiError> {
    refuse_zero(&request.plan)?;
    let plan = NodePlan::from_wire(request.plan).map_err(|error| error::validation(error.to_string()))?;
    let mut tx = ctx.store.write_by_locks().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?.id;
    let asked = invocation(ctx, &mut tx, &node, &request.plan_id).await?;
    patch_plans::put(&mut tx, &asked.key, asked.requested_at, &plan).await?;
    tx.commit().await?;
    Ok(PutPatchPlanResponse {})
}
