//! The agents' long poll: what a node without a control channel calls.
//! The dispatcher has made sure that the caller is a node; here every message must be its own.
//! Source: agent-protocol.md 3.

mod acknowledge_message;
mod delete_message;
mod fail_message;
mod get_endpoint;
mod get_messages;
mod send_reply;
#[cfg(test)]
mod tests;

pub use acknowledge_message::acknowledge_message;
pub use delete_message::delete_message;
pub use fail_message::fail_message;
pub use get_endpoint::get_endpoint;
pub use get_messages::get_messages;
pub use send_reply::send_reply;

use api::mds::ErrorCode;
use store::node_messages::NodeKey;

use crate::ctx::Ctx;
use crate::error::ApiError;

fn calling_node(ctx: &Ctx) -> Result<NodeKey, ApiError> {
    let node = ctx
        .caller
        .node()
        .ok_or_else(|| ApiError::new(ErrorCode::AuthorizationFailureException, "only nodes have messages"))?;
    Ok(NodeKey { account: ctx.account.clone(), region: ctx.region.clone(), node: node.clone() })
}

fn refuse_other_destination(node: &NodeKey, destination: &str) -> Result<(), ApiError> {
    if destination == node.node.as_str() {
        return Ok(());
    }
    let message = format!("`{destination}` is not the calling node");
    Err(ApiError::new(ErrorCode::InvalidDestinationException, message))
}
