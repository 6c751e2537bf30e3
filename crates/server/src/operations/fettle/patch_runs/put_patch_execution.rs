//! PutPatchExecution: what a run changed on a node. Told until it is acknowledged, so the same run may come again.

use api::fettle::{PutPatchExecutionRequest, PutPatchExecutionResponse};
use domain::patch::execution::PatchExecution;
use store::patch_executions;

use super::super::managed_node;
use super::refuse_zero;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn put_patch_execution(
    ctx: &Ctx,
    request: PutPatchExecutionRequest,
) -> Result<PutPatchExecutionResponse, ApiError> {
    refuse_zero(&request.execution)?;
    let execution = PatchExecution::from_wire(request.execution);
    let execution = execution.map_err(|error| error::validation(error.to_string()))?;
    let mut tx = ctx.store.write_by_locks().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?.id;
    let scope = (&ctx.account, &ctx.region);
    patch_executions::put(&mut tx, scope, &node, &execution, ctx.now).await?;
    tx.commit().await?;
    Ok(PutPatchExecutionResponse {})
}
