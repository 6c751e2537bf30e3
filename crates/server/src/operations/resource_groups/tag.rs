//! Tag: adds tags to a group; a key that is there gets the new value.
//! Source: API reference, Tag.

use api::resourcegroups::{TagInput, TagOutput};
use store::tags;

use super::{arn, checked, existing, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn tag(ctx: &Ctx, request: TagInput) -> Result<TagOutput, ApiError> {
    let given = checked(&request.tags)?;
    let mut tx = ctx.store.write().await?;
    let group = existing(ctx, &mut tx, &request.arn).await?;
    let mut all = tags::list(&mut tx, tagged(&group.key)).await?;
    all.extend(given.clone());
    // How many there may be.
    checked(&all)?;
    tags::put(&mut tx, tagged(&group.key), &given).await?;
    tx.commit().await?;
    Ok(TagOutput { arn: Some(arn(&group.key)), tags: Some(given) })
}
