//! ListGroupResources: the nodes that are in a group at the moment, by id.
//! Source: API reference, ListGroupResources.

use api::resourcegroups::{ListGroupResourcesInput, ListGroupResourcesItem, ListGroupResourcesOutput};
use domain::resource_group::Members;

use super::{DEFAULT_PAGE, arn, named, open_page, page_of, query_errors, types_of};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::groups;
use crate::operations::page::page_size;

pub async fn list_group_resources(
    ctx: &Ctx,
    request: ListGroupResourcesInput,
) -> Result<ListGroupResourcesOutput, ApiError> {
    let filters = request.filters.unwrap_or_default();
    let mut tx = ctx.store.read().await?;
    let by = (request.group.as_deref(), request.group_name.as_deref());
    let group = named(ctx, &mut tx, by).await?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let scope = (arn(&group.key), &filters);
    let page = open_page(ctx, "ListGroupResources", &scope, request.next_token.as_deref(), size)?;

    let members = groups::members(&mut tx, &group).await?;
    let cut = page_of(ctx, &mut tx, &page, (&members, types_of(&filters).as_ref())).await?;
    let item = |identifier| ListGroupResourcesItem { identifier: Some(identifier), status: None };
    Ok(ListGroupResourcesOutput {
        resources: Some(cut.rows.iter().cloned().map(item).collect()),
        resource_identifiers: Some(cut.rows),
        next_token: cut.next_token,
        query_errors: match &members {
            Members::Query(query) => query_errors(query),
            Members::Listed(_) => None,
        },
    })
}
