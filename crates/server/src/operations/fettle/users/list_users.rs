//! ListUsers: the users of the account, by name.

use api::fettle::{ListUsersRequest, ListUsersResponse};
use store::users;

use super::to_wire;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_users(ctx: &Ctx, request: ListUsersRequest) -> Result<ListUsersResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListUsers", &"", request.next_token.as_deref(), size)?;
    let mut tx = ctx.store.read_each().await?;
    let rows = users::list(&mut tx, &ctx.account, page.after.as_deref(), page.fetch()).await?;
    let cut = page.cut(ctx, rows, |user| user.name.to_string());
    Ok(ListUsersResponse { users: cut.rows.into_iter().map(to_wire).collect(), next_token: cut.next_token })
}
