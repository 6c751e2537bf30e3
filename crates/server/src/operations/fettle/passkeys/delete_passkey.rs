//! DeletePasskey: an own one, which signs nobody in any more.

use api::fettle::{DeletePasskeyRequest, DeletePasskeyResponse};
use store::passkeys as rows;

use super::existing;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_passkey(
    ctx: &Ctx,
    request: DeletePasskeyRequest,
) -> Result<DeletePasskeyResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    let passkey = existing(ctx, &mut tx, &request.passkey_id).await?;
    rows::delete(&mut tx, &passkey.credential_id).await?;
    tx.commit().await?;
    Ok(DeletePasskeyResponse {})
}
