//! SendReply: progress or the end of a command. Answered after the commit, so that an agent that
//! got no answer repeats it; a repeated one is known by its ReplyId.
//! Source: agent-protocol.md 3.1, 3.4, 3.7.

use api::mds::{SendReplyRequest, SendReplyResult};

use super::calling_node;
use crate::agents::replies;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn send_reply(ctx: &Ctx, request: SendReplyRequest) -> Result<SendReplyResult, ApiError> {
    let node = calling_node(ctx)?;
    let SendReplyRequest { message_id, reply_id, payload, .. } = request;
    replies::received(&ctx.app, &node, &message_id, &reply_id, &payload).await?;
    ctx.app.agents.settle(&ctx.app).await;
    Ok(SendReplyResult {
        message_id: Some(message_id),
        reply_id: Some(reply_id),
        reply_status: None,
        description: None,
    })
}
