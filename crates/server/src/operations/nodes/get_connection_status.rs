//! GetConnectionStatus: whether a node's control channel is open.
//! Source: agent-protocol.md 2.3.

use api::ssm::{ConnectionStatus, GetConnectionStatusRequest, GetConnectionStatusResponse};
use domain::ids::NodeId;
use store::nodes;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_connection_status(
    ctx: &Ctx,
    request: GetConnectionStatusRequest,
) -> Result<GetConnectionStatusResponse, ApiError> {
    let mut tx = ctx.store.read_each().await?;
    // AWS declares no error for this call: what is not a node of ours is not connected.
    let node = match request.target.parse::<NodeId>() {
        Ok(id) => nodes::find(&mut tx, &ctx.account, &ctx.region, &id).await?,
        Err(_) => None,
    };
    let is_open = node.is_some_and(|node| node.has_channel(ctx.now));
    let status = if is_open { ConnectionStatus::Connected } else { ConnectionStatus::Notconnected };
    Ok(GetConnectionStatusResponse { target: Some(request.target), status: Some(status) })
}
