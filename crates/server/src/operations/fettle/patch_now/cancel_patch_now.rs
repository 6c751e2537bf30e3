//! CancelPatchNow: what has not begun never does, what has is asked to stop. A second time changes nothing.

use api::fettle::{CancelPatchNowRequest, CancelPatchNowResponse};

use super::find;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::commands::cancel_whole;
use crate::operations::permission;

pub async fn cancel_patch_now(
    ctx: &Ctx,
    request: CancelPatchNowRequest,
) -> Result<CancelPatchNowResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    let mut command = find(ctx, &mut tx, &request.patch_now_id).await?.command;
    permission::require_command(ctx, &mut tx, "fettle:CancelPatchNow", &command.key).await?;
    if command.finished_at.is_some() {
        return Ok(CancelPatchNowResponse {});
    }
    let woken = cancel_whole(&mut tx, &mut command, ctx.now).await?;
    tx.commit().await?;
    woken.iter().for_each(|node| ctx.app.agents.hub.wake(node));
    ctx.app.agents.touch(command.key);
    ctx.app.agents.settle(&ctx.app).await;
    Ok(CancelPatchNowResponse {})
}
