//! AddTagsToResource: adds tags, or new values of tags that are there.
//! Source: API reference, AddTagsToResource.

use api::ssm::{AddTagsToResourceRequest, AddTagsToResourceResult};
use store::tags;

use super::{MOST_TAGS, checked_tags, resource, too_many};
use crate::associations::leave_unmatched;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn add_tags_to_resource(
    ctx: &Ctx,
    request: AddTagsToResourceRequest,
) -> Result<AddTagsToResourceResult, ApiError> {
    let added = checked_tags(&request.tags)?;
    let mut tx = ctx.store.write().await?;
    let tagged = resource(ctx, &mut tx, &request.resource_type, &request.resource_id).await?;
    let mut all = tags::list(&mut tx, tagged).await?;
    all.extend(added.clone());
    if all.len() > MOST_TAGS {
        return Err(too_many());
    }
    tags::put(&mut tx, tagged, &added).await?;
    leave_unmatched(ctx, &mut tx, tagged.resource_id).await?;
    tx.commit().await?;
    Ok(AddTagsToResourceResult {})
}
