//! GetExecutionPreview: what a preview came to.
//! Source: API reference, GetExecutionPreview; systems-manager.md 7.3.

use api::ssm::{ErrorCode, GetExecutionPreviewRequest, GetExecutionPreviewResponse};
use store::automations;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_execution_preview(
    ctx: &Ctx,
    request: GetExecutionPreviewRequest,
) -> Result<GetExecutionPreviewResponse, ApiError> {
    let mut tx = ctx.store.read_each().await?;
    let id = request.execution_preview_id.to_lowercase();
    let found = automations::find_preview(&mut tx, (&ctx.account, &ctx.region), &id).await?;
    found.ok_or_else(|| {
        let message = format!("the execution preview `{id}` does not exist");
        ApiError::new(ErrorCode::ResourceNotFoundException, message)
    })
}
