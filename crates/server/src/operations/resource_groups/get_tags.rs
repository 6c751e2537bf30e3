//! GetTags: the tags of a group.
//! Source: API reference, GetTags.

use api::resourcegroups::{GetTagsInput, GetTagsOutput};
use store::tags;

use super::{arn, existing, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_tags(ctx: &Ctx, request: GetTagsInput) -> Result<GetTagsOutput, ApiError> {
    let mut tx = ctx.store.read().await?;
    let group = existing(ctx, &mut tx, &request.arn).await?;
    let tags = tags::list(&mut tx, tagged(&group.key)).await?;
    Ok(GetTagsOutput { arn: Some(arn(&group.key)), tags: Some(tags) })
}
