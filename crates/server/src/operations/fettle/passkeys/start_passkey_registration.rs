//! StartPasskeyRegistration: what the browser is to ask an authenticator for.

use api::fettle::{StartPasskeyRegistrationRequest, StartPasskeyRegistrationResponse};
use store::passkeys as rows;

use super::{begin, handle_of, own};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in::passkeys::{CHALLENGE_SECONDS, Refused, Site};

pub async fn start_passkey_registration(
    ctx: &Ctx,
    _request: StartPasskeyRegistrationRequest,
) -> Result<StartPasskeyRegistrationResponse, ApiError> {
    let (principal, site) = (own(ctx)?, Site::of(&ctx.endpoint)?);
    let mut tx = ctx.store.write().await?;
    let user_handle = handle_of(&mut tx, &ctx.account, &principal).await?.ok_or(Refused::OtherUser)?;
    let known = rows::list(&mut tx, &ctx.account, &principal).await?;
    let challenge = begin(ctx, &mut tx, &site, Some(principal.clone())).await?;
    tx.commit().await?;
    Ok(StartPasskeyRegistrationResponse {
        challenge,
        relying_party_id: site.relying_party_id,
        user_handle,
        user_name: principal.name().to_owned(),
        passkey_ids: known.into_iter().map(|passkey| passkey.credential_id).collect(),
        timeout_seconds: CHALLENGE_SECONDS,
    })
}
