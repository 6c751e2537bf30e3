//! StartPasskeySignIn: a challenge for whoever has a passkey for this server.

use api::fettle::{StartPasskeySignInRequest, StartPasskeySignInResponse};

use super::begin;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in::attempts::BY_ADDRESS;
use crate::sign_in::passkeys::{CHALLENGE_SECONDS, Site};

pub async fn start_passkey_sign_in(
    ctx: &Ctx,
    _request: StartPasskeySignInRequest,
) -> Result<StartPasskeySignInResponse, ApiError> {
    ctx.browser.require_own_page()?;
    let site = Site::of(&ctx.endpoint)?;
    // Each leaves a row.
    ctx.app.attempts.begin(&("challenge", ctx.browser.address), BY_ADDRESS, ctx.now)?;
    let mut tx = ctx.store.write().await?;
    let challenge = begin(ctx, &mut tx, &site, None).await?;
    tx.commit().await?;
    Ok(StartPasskeySignInResponse {
        challenge,
        relying_party_id: site.relying_party_id,
        timeout_seconds: CHALLENGE_SECONDS,
    })
}
