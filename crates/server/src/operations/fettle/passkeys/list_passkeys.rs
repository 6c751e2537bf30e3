//! ListPasskeys: the caller's own.

use api::fettle::{ListPasskeysRequest, ListPasskeysResponse};
use store::passkeys as rows;

use super::{own, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn list_passkeys(
    ctx: &Ctx,
    _request: ListPasskeysRequest,
) -> Result<ListPasskeysResponse, ApiError> {
    let found = rows::list(&mut ctx.store.read_each().await?, &ctx.account, &own(ctx)?).await?;
    Ok(ListPasskeysResponse { passkeys: found.into_iter().map(to_wire).collect() })
}
