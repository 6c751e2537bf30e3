//! ListAdvisoryFeeds: the feeds in force, with where they came from and how old they are.

use api::fettle::{ListAdvisoryFeedsRequest, ListAdvisoryFeedsResponse};
use store::advisories;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn list_advisory_feeds(
    ctx: &Ctx,
    _request: ListAdvisoryFeedsRequest,
) -> Result<ListAdvisoryFeedsResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let feeds = advisories::feeds(&mut tx, (&ctx.account, &ctx.region)).await?;
    let feeds = feeds.into_iter().map(|(import, names)| super::to_wire(ctx, import, names)).collect();
    Ok(ListAdvisoryFeedsResponse { feeds })
}
