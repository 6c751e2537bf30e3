//! DeleteAdvisoryFeed: takes a feed out of force at once; a job takes its rows away.

use api::fettle::{DeleteAdvisoryFeedRequest, DeleteAdvisoryFeedResponse};
use store::advisories;

use super::super::not_found;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_advisory_feed(
    ctx: &Ctx,
    request: DeleteAdvisoryFeedRequest,
) -> Result<DeleteAdvisoryFeedResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    if !advisories::forget_feed(&mut tx, (&ctx.account, &ctx.region), &request.feed).await? {
        return Err(not_found(format!("there is no feed `{}`", request.feed)));
    }
    tx.commit().await?;
    Ok(DeleteAdvisoryFeedResponse {})
}
