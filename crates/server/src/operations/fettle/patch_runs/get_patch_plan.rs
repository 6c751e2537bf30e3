//! GetPatchPlan: what a node answered to StartPatchPlan or StartPatchUndo, and how far it is.

use api::fettle::{ExecutionKind, GetPatchPlanRequest, GetPatchPlanResponse};
use store::{commands, patch_plans};

use super::super::managed_node;
use super::{UNDO_DOCUMENT, invocation, order_of};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_patch_plan(
    ctx: &Ctx,
    request: GetPatchPlanRequest,
) -> Result<GetPatchPlanResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let asked = invocation(ctx, &mut tx, &node.id, &request.plan_id).await?;
    let plan = patch_plans::find(&mut tx, &asked.key).await?;
    let is_undo = asked.document_name == UNDO_DOCUMENT;
    let execution_id = match is_undo {
        true => {
            let command = commands::find(&mut tx, &asked.key.command).await?;
            let parameters = command.and_then(|command| command.request.parameters);
            parameters.and_then(|mut given| given.remove("ExecutionId")?.into_iter().next())
        }
        false => None,
    };
    drop(tx);

    let order = order_of(&node);
    Ok(GetPatchPlanResponse {
        plan_id: asked.key.command.id.to_string(),
        instance_id: node.id.to_string(),
        kind: if is_undo { ExecutionKind::Undo } else { ExecutionKind::Install },
        execution_id,
        status: asked.status.as_status_str().to_owned(),
        status_details: asked.status.as_str().to_owned(),
        requested_at: asked.requested_at,
        plan: plan.map(|plan| plan.to_wire(order)),
    })
}
