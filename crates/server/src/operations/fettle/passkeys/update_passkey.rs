//! UpdatePasskey: another name for an own one.

use api::fettle::{UpdatePasskeyRequest, UpdatePasskeyResponse};
use store::passkeys as rows;

use super::{existing, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_passkey(
    ctx: &Ctx,
    request: UpdatePasskeyRequest,
) -> Result<UpdatePasskeyResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    let mut passkey = existing(ctx, &mut tx, &request.passkey_id).await?;
    passkey.name = request.name;
    rows::update(&mut tx, &passkey).await?;
    tx.commit().await?;
    Ok(UpdatePasskeyResponse { passkey: to_wire(passkey) })
}
