//! SearchResources: the nodes that a query selects at the moment, without a group.
//! Source: API reference, SearchResources.

use api::resourcegroups::{SearchResourcesInput, SearchResourcesOutput};
use domain::resource_group::Members;

use super::{DEFAULT_PAGE, check, open_page, page_of, query_errors};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::page_size;

pub async fn search_resources(
    ctx: &Ctx,
    request: SearchResourcesInput,
) -> Result<SearchResourcesOutput, ApiError> {
    let query = check::query(&request.resource_query)?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = open_page(ctx, "SearchResources", &request.resource_query, token, size)?;

    let mut tx = ctx.store.read().await?;
    let query_errors = query_errors(&query);
    let cut = page_of(ctx, &mut tx, &page, (&Members::Query(query), None)).await?;
    Ok(SearchResourcesOutput {
        resource_identifiers: Some(cut.rows),
        next_token: cut.next_token,
        query_errors,
    })
}
