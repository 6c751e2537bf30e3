//! UpdateGroup: changes what a group is called; members that are not given stay.
//! Source: API reference, UpdateGroup.

use api::resourcegroups::{UpdateGroupInput, UpdateGroupOutput};
use store::resource_groups as rows;

use super::{named, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_group(ctx: &Ctx, request: UpdateGroupInput) -> Result<UpdateGroupOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let by = (request.group.as_deref(), request.group_name.as_deref());
    let mut group = named(ctx, &mut tx, by).await?;
    let settings = &mut group.settings;
    settings.description = request.description.or(settings.description.take());
    settings.display_name = request.display_name.or(settings.display_name.take());
    settings.owner = request.owner.or(settings.owner.take());
    settings.criticality = request.criticality.or(settings.criticality);
    rows::update(&mut tx, &group).await?;
    tx.commit().await?;
    Ok(UpdateGroupOutput { group: Some(to_wire(&group)) })
}
