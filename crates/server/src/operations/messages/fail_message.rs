//! FailMessage: the node cannot handle a message; its command ends there.
//! Source: agent-protocol.md 3.1, 3.4.

use api::agent::AckCode;
use api::mds::{FailMessageRequest, FailMessageResult};

use super::calling_node;
use crate::agents::replies;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn fail_message(ctx: &Ctx, request: FailMessageRequest) -> Result<FailMessageResult, ApiError> {
    let node = calling_node(ctx)?;
    let reason = AckCode::Other(request.failure_type.to_string());
    replies::acknowledged(&ctx.app, &node, &request.message_id, &reason).await?;
    ctx.app.agents.settle(&ctx.app).await;
    Ok(FailMessageResult {})
}
