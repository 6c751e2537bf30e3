//! GetGroup: what a group is called.
//! Source: API reference, GetGroup.

use api::resourcegroups::{GetGroupInput, GetGroupOutput};

use super::{named, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_group(ctx: &Ctx, request: GetGroupInput) -> Result<GetGroupOutput, ApiError> {
    let mut tx = ctx.store.read().await?;
    let by = (request.group.as_deref(), request.group_name.as_deref());
    let group = named(ctx, &mut tx, by).await?;
    Ok(GetGroupOutput { group: Some(to_wire(&group)) })
}
