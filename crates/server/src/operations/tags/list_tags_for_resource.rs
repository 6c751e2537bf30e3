//! ListTagsForResource: all tags of one resource, by key.
//! Source: API reference, ListTagsForResource.

use api::ssm::{ListTagsForResourceRequest, ListTagsForResourceResult};
use store::tags;

use super::{resource, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn list_tags_for_resource(
    ctx: &Ctx,
    request: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResult, ApiError> {
    let mut tx = ctx.store.read().await?;
    let tagged = resource(ctx, &mut tx, &request.resource_type, &request.resource_id).await?;
    let tag_list = to_wire(tags::list(&mut tx, tagged).await?);
    Ok(ListTagsForResourceResult { tag_list: Some(tag_list) })
}
