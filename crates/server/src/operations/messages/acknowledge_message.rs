//! AcknowledgeMessage: the node has a message and need not be sent it again.
//! Source: agent-protocol.md 3.1, 3.8.

use api::agent::AckCode;
use api::mds::{AcknowledgeMessageRequest, AcknowledgeMessageResult};

use super::calling_node;
use crate::agents::replies;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn acknowledge_message(
    ctx: &Ctx,
    request: AcknowledgeMessageRequest,
) -> Result<AcknowledgeMessageResult, ApiError> {
    let node = calling_node(ctx)?;
    replies::acknowledged(&ctx.app, &node, &request.message_id, &AckCode::Successful).await?;
    ctx.app.agents.settle(&ctx.app).await;
    Ok(AcknowledgeMessageResult {})
}
