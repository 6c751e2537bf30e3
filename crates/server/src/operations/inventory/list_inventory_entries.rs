//! ListInventoryEntries: what one node has of one type.
//! Source: systems-manager.md 5.4.

use api::ssm::{ListInventoryEntriesRequest, ListInventoryEntriesResult};

use super::content;
use super::query::Filter;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::nodes::managed_node;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_inventory_entries(
    ctx: &Ctx,
    request: ListInventoryEntriesRequest,
) -> Result<ListInventoryEntriesResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.instance_id, &request.type_name, &request.filters);
    let page = Page::open(ctx, "ListInventoryEntries", &binding, request.next_token.as_deref(), size)?;
    let filters = request.filters.as_deref().unwrap_or_default();
    let filters = filters
        .iter()
        .map(|filter| Filter::of_attribute(&request.type_name, filter))
        .collect::<Result<Vec<_>, _>>()?;

    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let mut contents = content::load(ctx, &mut tx, &request.type_name, std::slice::from_ref(&node)).await?;
    drop(tx);
    let found = contents.remove(node.id.as_str());
    let echo = ListInventoryEntriesResult {
        type_name: Some(request.type_name),
        instance_id: Some(request.instance_id),
        entries: Some(Vec::new()),
        ..ListInventoryEntriesResult::default()
    };
    let Some(found) = found else { return Ok(echo) };

    // Entries have no key of their own; a new upload between two pages replaces them all.
    let after: usize =
        page.after.as_deref().and_then(|place| place.parse().ok()).map_or(0, |place: usize| place + 1);
    let rows = found.entries.into_iter().enumerate().skip(after);
    let rows =
        rows.filter(|(_, entry)| filters.iter().all(|filter| filter.holds(entry))).take(size + 1).collect();
    let cut = page.cut(ctx, rows, |(place, _)| place.to_string());
    Ok(ListInventoryEntriesResult {
        schema_version: Some(found.schema_version),
        capture_time: Some(found.capture_time),
        entries: Some(cut.rows.into_iter().map(|(_, entry)| entry).collect()),
        next_token: cut.next_token,
        ..echo
    })
}
