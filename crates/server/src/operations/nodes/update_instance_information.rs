//! UpdateInstanceInformation: what a node says of itself, every five minutes.
//! Source: agent-protocol.md 2.1.

use api::ssm::{UpdateInstanceInformationRequest, UpdateInstanceInformationResult};
use store::nodes::{self, NodeInformation};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_instance_information(
    ctx: &Ctx,
    request: UpdateInstanceInformationRequest,
) -> Result<UpdateInstanceInformationResult, ApiError> {
    // One row of one activation or node: its lock is enough, and a fleet may start all at once.
    let mut tx = ctx.store.write_by_locks().await?;
    let node = super::managed_node(ctx, &mut tx, &request.instance_id).await?;
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let information = NodeInformation {
        agent_name: said(request.agent_name),
        agent_version: said(request.agent_version),
        agent_status: said(request.agent_status),
        platform_type: request.platform_type.map(|kind| kind.to_string()),
        platform_name: said(request.platform_name),
        platform_version: said(request.platform_version),
        computer_name: said(request.computer_name),
        ip_address: said(request.ip_address),
        connection_channel: said(request.ssm_connection_channel),
    };
    nodes::record_information(&mut tx, &node.id, &information, ctx.now).await?;
    tx.commit().await?;
    Ok(UpdateInstanceInformationResult {})
}
