//! GetGroupQuery: the query of a group, as it was given.
//! Source: API reference, GetGroupQuery.

use api::resourcegroups::{GetGroupQueryInput, GetGroupQueryOutput, GroupQuery};

use super::{named, refusal};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_group_query(
    ctx: &Ctx,
    request: GetGroupQueryInput,
) -> Result<GetGroupQueryOutput, ApiError> {
    let mut tx = ctx.store.read().await?;
    let by = (request.group.as_deref(), request.group_name.as_deref());
    let group = named(ctx, &mut tx, by).await?;
    let group_name = group.key.name;
    match group.settings.query {
        Some(resource_query) => {
            Ok(GetGroupQueryOutput { group_query: Some(GroupQuery { group_name, resource_query }) })
        }
        None => Err(refusal(format!("the resource group `{group_name}` lists its members and has no query"))),
    }
}
