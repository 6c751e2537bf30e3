//! CreateSession: a code or a password becomes a session.

use api::fettle::{CreateSessionRequest, CreateSessionResponse};
use domain::ids::{AccountId, Region, UserName};
use domain::principal::Principal;
use store::sign_in::{self as rows, Session};
use store::{nodes, users};

use super::{credentials, refused};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::sign_in::attempts::{BY_ADDRESS, BY_NAME};
use crate::sign_in::{self, SESSION_SECONDS};

pub async fn create_session(
    ctx: &Ctx,
    request: CreateSessionRequest,
) -> Result<CreateSessionResponse, ApiError> {
    let CreateSessionRequest { sign_in_code, user_name, password } = request;
    let way = match (sign_in_code, user_name, password) {
        (Some(code), None, None) => Way::Code(code),
        (None, Some(name), Some(password)) => Way::Password { name, password },
        _ => return Err(error::validation("give either SignInCode, or UserName and Password")),
    };
    ctx.browser.require_own_page()?;
    let address = ctx.browser.address;
    ctx.app.attempts.begin(&address, BY_ADDRESS, ctx.now)?;
    let session = match way {
        Way::Code(code) => by_code(ctx, &code).await?,
        Way::Password { name, password } => by_password(ctx, &name, password).await?,
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
    let region = first_region(ctx, &mut tx, &ctx.account).await?;
    drop(tx);
    let user = user.filter(|user| user.disabled_at.is_none());
    let hash = user.as_ref().and_then(|user| user.password.as_ref()).map(|password| password.hash.clone());
    let is_right = ctx.app.passwords.verify(password, hash).await?;
    let user = user.filter(|_| is_right).ok_or_else(refused)?;
    ctx.app.attempts.give_back(&subject);
    let principal = Principal::User(user.name);
    Ok(sign_in::session(&ctx.account, &region, principal, ctx.now, SESSION_SECONDS))
}

/// Where there are nodes; the region of the request where there are none.
async fn first_region(ctx: &Ctx, tx: &mut store::Tx, account: &AccountId) -> Result<Region, ApiError> {
    Ok(nodes::first_region(tx, account).await?.unwrap_or_else(|| ctx.region.clone()))
}
