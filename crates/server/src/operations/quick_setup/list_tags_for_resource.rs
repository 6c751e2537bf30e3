//! ListTagsForResource: the tags of a manager, by key.
//! Source: API reference, ListTagsForResource.

use api::quicksetup::{ListTagsForResourceRequest, ListTagsForResourceResponse, TagEntry};
use store::tags;

use super::{existing, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn list_tags_for_resource(
    ctx: &Ctx,
    request: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let manager = existing(ctx, &mut tx, &request.resource_arn).await?;
    let tags = tags::list(&mut tx, tagged(&manager.key)).await?;
    let entry = |(key, value)| TagEntry { key: Some(key), value: Some(value) };
    Ok(ListTagsForResourceResponse { tags: Some(tags.into_iter().map(entry).collect()) })
}
