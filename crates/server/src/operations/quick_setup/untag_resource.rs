//! UntagResource: takes tags from a manager; keys that are not there are gone already.
//! Source: API reference, UntagResource.

use api::quicksetup::{UntagResourceInput, UntagResourceOutput};
use store::tags;

use super::{existing, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn untag_resource(ctx: &Ctx, request: UntagResourceInput) -> Result<UntagResourceOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let manager = existing(ctx, &mut tx, &request.resource_arn).await?;
    tags::remove(&mut tx, tagged(&manager.key), &request.tag_keys).await?;
    tx.commit().await?;
    Ok(UntagResourceOutput {})
}
