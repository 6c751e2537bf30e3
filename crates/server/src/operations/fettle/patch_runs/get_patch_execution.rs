//! GetPatchExecution: one run that changed a node's packages. Nodes read their own, to take them back.

use api::fettle::{GetPatchExecutionRequest, GetPatchExecutionResponse};
use store::patch_executions;

use super::super::{managed_node, not_found};
use super::order_of;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_patch_execution(
    ctx: &Ctx,
    request: GetPatchExecutionRequest,
) -> Result<GetPatchExecutionResponse, ApiError> {
    let id = request.execution_id.as_str();
    let scope = (&ctx.account, &ctx.region);
    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let found = patch_executions::find(&mut tx, scope, &node.id, id).await?;
    let refusal = || not_found(format!("no run `{id}` that changed {} is kept", node.id));
    let execution = found.ok_or_else(refusal)?;
    let undoers = patch_executions::undoers(&mut tx, scope, &node.id, &[id]).await?;
    drop(tx);

    let undoers = undoers.get(id).map(Vec::as_slice).unwrap_or_default();
    Ok(GetPatchExecutionResponse { execution: execution.to_wire(order_of(&node), undoers) })
}
