//! DeleteMessage: the node does not want a message again, whatever became of it.
//! Source: agent-protocol.md 3.1.

use api::mds::{DeleteMessageRequest, DeleteMessageResult};
use store::node_messages;

use super::calling_node;
use crate::agents::replies::invocation_key;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_message(
    ctx: &Ctx,
    request: DeleteMessageRequest,
) -> Result<DeleteMessageResult, ApiError> {
    let node = calling_node(ctx)?;
    invocation_key(&node, &request.message_id)?;
    let mut tx = ctx.store.write().await?;
    node_messages::delete(&mut tx, &node, &request.message_id).await?;
    tx.commit().await?;
    Ok(DeleteMessageResult {})
}
