//! RefreshSession: new temporary credentials for a session that goes on.

use api::fettle::{ErrorCode, RefreshSessionRequest, RefreshSessionResponse};

use super::credentials;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in;

pub async fn refresh_session(
    ctx: &Ctx,
    _request: RefreshSessionRequest,
) -> Result<RefreshSessionResponse, ApiError> {
    ctx.browser.require_own_page()?;
    let refused = || ApiError::new(ErrorCode::AccessDeniedException, "nobody is signed in");
    let hash = sign_in::hash(ctx.browser.cookie.as_deref().ok_or_else(refused)?);
    let mut tx = ctx.store.read_each().await?;
    let session = sign_in::open_session(&mut tx, &hash, ctx.now).await?.ok_or_else(|| {
        ctx.browser.answer_with(None);
        refused()
    })?;
    Ok(RefreshSessionResponse {
        credentials: credentials(ctx, &session, hash),
        user_name: session.principal.name().to_owned(),
        account_id: session.account.into(),
        region: session.region.into(),
    })
}
