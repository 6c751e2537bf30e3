//! UpdateInstanceAssociationStatus: how a run of an association went. This server gives nodes no
//! associations yet, so that only a node that came from elsewhere reports any: it is logged, and answered
//! so that the agent goes on. Source: agent-protocol.md 5.3.

use api::ssm::{UpdateInstanceAssociationStatusRequest, UpdateInstanceAssociationStatusResult};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_instance_association_status(
    ctx: &Ctx,
    request: UpdateInstanceAssociationStatusRequest,
) -> Result<UpdateInstanceAssociationStatusResult, ApiError> {
    let mut tx = ctx.store.read_each().await?;
    let node = super::managed_node(ctx, &mut tx, &request.instance_id).await?;
    let (association_id, status) = (&request.association_id, &request.execution_result.status);
    tracing::info!(node_id = %node.id, association_id, status, "status of an association that is not ours");
    Ok(UpdateInstanceAssociationStatusResult {})
}
