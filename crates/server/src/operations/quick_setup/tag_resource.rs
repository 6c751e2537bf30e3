//! TagResource: adds tags to a manager; a key that is there gets the new value.
//! Source: API reference, TagResource.

use api::quicksetup::{TagResourceInput, TagResourceOutput};
use store::tags;

use super::{checked, existing, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn tag_resource(ctx: &Ctx, request: TagResourceInput) -> Result<TagResourceOutput, ApiError> {
    let given = checked(&request.tags)?;
    let mut tx = ctx.store.write().await?;
    let manager = existing(ctx, &mut tx, &request.resource_arn).await?;
    let mut all = tags::list(&mut tx, tagged(&manager.key)).await?;
    all.extend(given.clone());
    // How many there may be.
    checked(&all)?;
    tags::put(&mut tx, tagged(&manager.key), &given).await?;
    tx.commit().await?;
    Ok(TagResourceOutput {})
}
