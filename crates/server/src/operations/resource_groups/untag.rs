//! Untag: removes tags from a group, those of the given keys that it has.
//! Source: API reference, Untag.

use api::resourcegroups::{UntagInput, UntagOutput};
use store::tags;

use super::{arn, existing, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn untag(ctx: &Ctx, request: UntagInput) -> Result<UntagOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let group = existing(ctx, &mut tx, &request.arn).await?;
    tags::remove(&mut tx, tagged(&group.key), &request.keys).await?;
    tx.commit().await?;
    Ok(UntagOutput { arn: Some(arn(&group.key)), keys: Some(request.keys) })
}
