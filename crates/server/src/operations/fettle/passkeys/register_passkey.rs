//! RegisterPasskey: keeps what an authenticator made.

use api::fettle::{ErrorCode, RegisterPasskeyRequest, RegisterPasskeyResponse};
use store::passkeys::{self as rows, Passkey};

use super::{own, take_challenge, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in::passkeys::{
    AuthenticatorData, Ceremony, MOST_PASSKEYS, PublicKey, Refused, Site, decode,
};

pub async fn register_passkey(
    ctx: &Ctx,
    request: RegisterPasskeyRequest,
) -> Result<RegisterPasskeyResponse, ApiError> {
    let (principal, site) = (own(ctx)?, Site::of(&ctx.endpoint)?);
    let challenge = take_challenge(ctx, &site, Ceremony::Registration, &request.client_data).await?;
    if challenge.principal.as_ref() != Some(&principal) {
        return Err(Refused::OtherUser.into());
    }
    let told = decode(&request.authenticator_data, "AuthenticatorData")?;
    let told = AuthenticatorData::parse(&told, &site.relying_party_id)?;
    if told.credential_id != Some(decode(&request.passkey_id, "PasskeyId")?) {
        return Err(Refused::OtherCredential.into());
    }
    let algorithm = i64::from(request.algorithm);
    let public_key = decode(&request.public_key, "PublicKey")?;
    PublicKey::parse(algorithm, &public_key)?;
    let passkey = Passkey {
        credential_id: request.passkey_id,
        account: ctx.account.clone(),
        principal,
        name: request.name,
        relying_party_id: site.relying_party_id,
        algorithm,
        public_key,
        sign_count: i64::from(told.sign_count),
        created_at: ctx.now,
        last_used_at: None,
        refused_at: None,
    };

    let mut tx = ctx.store.write().await?;
    if rows::list(&mut tx, &ctx.account, &passkey.principal).await?.len() >= MOST_PASSKEYS {
        let message = format!("a user has {MOST_PASSKEYS} passkeys at most: delete one first");
        return Err(ApiError::new(ErrorCode::LimitExceededException, message));
    }
    if !rows::insert(&mut tx, &passkey).await? {
        let message = "a passkey of this id is registered already";
        return Err(ApiError::new(ErrorCode::EntityAlreadyExistsException, message));
    }
    tx.commit().await?;
    Ok(RegisterPasskeyResponse { passkey: to_wire(passkey) })
}
