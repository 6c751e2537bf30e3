//! CreateSession: a code, a password or a passkey becomes a session.

use api::fettle::{CreateSessionRequest, CreateSessionResponse, PasskeyAssertion};
use domain::ids::{AccountId, Region, UserName};
use domain::principal::Principal;
use store::sign_in::{self as rows, Session};
use store::{nodes, passkeys as passkey_rows, users};

use super::super::passkeys::{handle_of, take_challenge};
use super::{credentials, refused};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::sign_in::attempts::{BY_ADDRESS, BY_NAME};
use crate::sign_in::passkeys::{self, AuthenticatorData, Ceremony, PublicKey, Refused, Site};
use crate::sign_in::{self, SESSION_SECONDS};

pub async fn create_session(
    ctx: &Ctx,
    request: CreateSessionRequest,
) -> Result<CreateSessionResponse, ApiError> {
    let CreateSessionRequest { sign_in_code, user_name, password, passkey } = request;
    let way = match (sign_in_code, user_name, password, passkey) {
        (Some(code), None, None, None) => Way::Code(code),
        (None, Some(name), Some(password), None) => Way::Password { name, password },
        (None, None, None, Some(passkey)) => Way::Passkey(passkey),
        _ => return Err(error::validation("give either SignInCode, or UserName and Password, or Passkey")),
    };
    ctx.browser.require_own_page()?;
    let address = ctx.browser.address;
    ctx.app.attempts.begin(&address, BY_ADDRESS, ctx.now)?;
    let session = match way {
        Way::Code(code) => by_code(ctx, &code).await?,
        Way::Password { name, password } => by_password(ctx, &name, password).await?,
        Way::Passkey(passkey) => by_passkey(ctx, passkey).await?,
    };

    let cookie = sign_in::mint_secret();
    let hash = sign_in::hash(&cookie);
    let mut tx = ctx.store.write().await?;
    // The browser forgets what it had.
    if let Some(old) = &ctx.browser.cookie {
        rows::end(&mut tx, &sign_in::hash(old)).await?;
    }
    rows::insert(&mut tx, &hash, &session).await?;
    tx.commit().await?;
    ctx.app.attempts.give_back(&address);
    ctx.browser.answer_with(Some(cookie));
    Ok(CreateSessionResponse {
        credentials: credentials(ctx, &session, hash),
        user_name: session.principal.name().to_owned(),
        account_id: session.account.into(),
        region: session.region.into(),
    })
}

enum Way {
    Code(String),
    Password { name: String, password: String },
    Passkey(PasskeyAssertion),
}

/// The code is gone whatever comes of it.
async fn by_code(ctx: &Ctx, code: &str) -> Result<Session, ApiError> {
    let mut tx = ctx.store.write().await?;
    let taken = rows::take_code(&mut tx, &sign_in::hash(code)).await?;
    let is_there = match &taken {
        Some(taken) => sign_in::may_sign_in(&mut tx, &taken.account, &taken.principal).await?,
        None => false,
    };
    tx.commit().await?;
    let taken = taken.filter(|taken| is_there && ctx.now < taken.expires_at).ok_or_else(refused)?;
    Ok(sign_in::session(&taken.account, &taken.region, taken.principal, ctx.now, SESSION_SECONDS))
}

async fn by_password(ctx: &Ctx, name: &str, password: String) -> Result<Session, ApiError> {
    let subject = (&ctx.account, name);
    ctx.app.attempts.begin(&subject, BY_NAME, ctx.now)?;
    // What is no name is compared as long as a name that nobody has.
    let name: Option<UserName> = name.parse().ok();
    let mut tx = ctx.store.read().await?;
    let user = match &name {
        Some(name) => users::find(&mut tx, &ctx.account, name).await?,
        None => None,
    };
    drop(tx);
    let user = user.filter(|user| user.disabled_at.is_none());
    let hash = user.as_ref().and_then(|user| user.password.as_ref()).map(|password| password.hash.clone());
    let is_right = ctx.app.passwords.verify(password, hash).await?;
    let user = user.filter(|_| is_right).ok_or_else(refused)?;
    ctx.app.attempts.give_back(&subject);
    // Counted for those alone who come in.
    let region = first_region(ctx, &mut ctx.store.read().await?, &ctx.account).await?;
    let principal = Principal::User(user.name);
    Ok(sign_in::session(&ctx.account, &region, principal, ctx.now, SESSION_SECONDS))
}

/// Whose passkey answered a challenge of this server.
async fn by_passkey(ctx: &Ctx, answer: PasskeyAssertion) -> Result<Session, ApiError> {
    let site = Site::of(&ctx.endpoint)?;
    let challenge = take_challenge(ctx, &site, Ceremony::SignIn, &answer.client_data).await?;
    let told = passkeys::decode(&answer.authenticator_data, "AuthenticatorData")?;
    let client_data = passkeys::decode(&answer.client_data, "ClientData")?;
    let signature = passkeys::decode(&answer.signature, "Signature")?;
    let said = AuthenticatorData::parse(&told, &site.relying_party_id)?;

    let mut tx = ctx.store.write().await?;
    let found = passkey_rows::find(&mut tx, &answer.passkey_id).await?;
    let is_of = |passkey: &passkey_rows::Passkey| {
        passkey.account == challenge.account && passkey.relying_party_id == site.relying_party_id
    };
    let mut passkey = found.filter(is_of).ok_or(Refused::Unknown)?;
    let handle = handle_of(&mut tx, &passkey.account, &passkey.principal).await?;
    if handle.as_deref() != Some(&answer.user_handle) {
        return Err(Refused::OtherUser.into());
    }
    PublicKey::parse(passkey.algorithm, &passkey.public_key)?.verify(&told, &client_data, &signature)?;
    if !sign_in::may_sign_in(&mut tx, &passkey.account, &passkey.principal).await? {
        return Err(refused());
    }
    if let Err(copied) = passkeys::check_counter(passkey.sign_count, said.sign_count) {
        tracing::warn!(user = passkey.principal.name(), passkey = passkey.name, %copied, "a passkey is refused");
        passkey.refused_at = Some(ctx.now);
        passkey_rows::update(&mut tx, &passkey).await?;
        tx.commit().await?;
        return Err(copied.into());
    }
    passkey.sign_count = i64::from(said.sign_count);
    passkey.last_used_at = Some(ctx.now);
    passkey_rows::update(&mut tx, &passkey).await?;
    let region = first_region(ctx, &mut tx, &passkey.account).await?;
    tx.commit().await?;
    Ok(sign_in::session(&passkey.account, &region, passkey.principal, ctx.now, SESSION_SECONDS))
}

/// Where most nodes are; the region of the request where there are none.
async fn first_region(ctx: &Ctx, tx: &mut store::Tx, account: &AccountId) -> Result<Region, ApiError> {
    Ok(nodes::largest_region(tx, account).await?.unwrap_or_else(|| ctx.region.clone()))
}
