//! UpdateGroupQuery: another query in the place of a group's. Associations leave at once whom it no longer selects.
//! Source: API reference, UpdateGroupQuery.

use api::resourcegroups::{GroupQuery, UpdateGroupQueryInput, UpdateGroupQueryOutput};
use store::resource_groups as rows;

use super::{check, named, refusal};
use crate::associations::leave_unmatched_of_group;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_group_query(
    ctx: &Ctx,
    request: UpdateGroupQueryInput,
) -> Result<UpdateGroupQueryOutput, ApiError> {
    check::query(&request.resource_query)?;
    let mut tx = ctx.store.write().await?;
    let by = (request.group.as_deref(), request.group_name.as_deref());
    let mut group = named(ctx, &mut tx, by).await?;
    if group.settings.query.is_none() {
        let name = &group.key.name;
        return Err(refusal(format!("the resource group `{name}` lists its members and takes no query")));
    }
    group.settings.query = Some(request.resource_query.clone());
    rows::update(&mut tx, &group).await?;
    leave_unmatched_of_group(ctx, &mut tx, &group.key).await?;
    tx.commit().await?;
    let query = GroupQuery { group_name: group.key.name, resource_query: request.resource_query };
    Ok(UpdateGroupQueryOutput { group_query: Some(query) })
}
