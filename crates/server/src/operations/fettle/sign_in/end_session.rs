//! EndSession: signs out, here or everywhere. Credentials end at once: each request asks for their session.

use api::fettle::{EndSessionRequest, EndSessionResponse};
use store::sign_in as rows;

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in;

pub async fn end_session(ctx: &Ctx, request: EndSessionRequest) -> Result<EndSessionResponse, ApiError> {
    ctx.browser.require_own_page()?;
    ctx.browser.answer_with(None);
    let Some(cookie) = &ctx.browser.cookie else { return Ok(EndSessionResponse {}) };
    let hash = sign_in::hash(cookie);
    let mut tx = ctx.store.write().await?;
    let session = sign_in::open_session(&mut tx, &hash, ctx.now).await?;
    rows::end(&mut tx, &hash).await?;
    if let Some(session) = session.filter(|_| request.everywhere == Some(true)) {
        rows::end_others(&mut tx, &session.account, &session.principal, None).await?;
    }
    tx.commit().await?;
    Ok(EndSessionResponse {})
}
