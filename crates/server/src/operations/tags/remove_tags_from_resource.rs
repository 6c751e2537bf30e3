//! RemoveTagsFromResource: removes tags by key; a key that is not there is no error.
//! Source: API reference, RemoveTagsFromResource.

use api::ssm::{RemoveTagsFromResourceRequest, RemoveTagsFromResourceResult};
use store::tags;

use super::resource;
use crate::associations::leave_unmatched;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn remove_tags_from_resource(
    ctx: &Ctx,
    request: RemoveTagsFromResourceRequest,
) -> Result<RemoveTagsFromResourceResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let tagged = resource(ctx, &mut tx, &request.resource_type, &request.resource_id).await?;
    tags::remove(&mut tx, tagged, &request.tag_keys).await?;
    leave_unmatched(ctx, &mut tx, tagged.resource_id).await?;
    tx.commit().await?;
    Ok(RemoveTagsFromResourceResult {})
}
