//! ListNodeSummaries: nodes and how they stand, filtered and sorted in the server.

use std::collections::HashMap;

use api::fettle::{
    ListNodeSummariesRequest, ListNodeSummariesResponse, NodeFilterOperator, NodeSummary, NodeSummaryFilter,
    SortOrder,
};
use fleet::{Column, Cursor, Filter, Operator, Order, Selection, patch_group, ping_status, standing, worst};
use store::fleet::FleetNode;

use super::counts_by_state;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_node_summaries(
    ctx: &Ctx,
    request: ListNodeSummariesRequest,
) -> Result<ListNodeSummariesResponse, ApiError> {
    let selection = selection(&request)?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListNodeSummaries", &selection, request.next_token.as_deref(), size)?;
    let after: Option<Cursor> = page.after.as_deref().and_then(|text| serde_json::from_str(text).ok());

    let scope = (&ctx.account, &ctx.region);
    let fleet = ctx.app.fleets.get(&ctx.store, scope, ctx.now).await?;
    let found = selection.page(fleet.nodes(), ctx.now, after.as_ref(), size);
    let ids: Vec<&str> = found.nodes.iter().map(|node| node.id.as_str()).collect();
    let rows = store::fleet::list_of(&mut ctx.store.read().await?, scope, &ids).await?;
    let mut rows: HashMap<String, FleetNode> =
        rows.into_iter().map(|row| (row.id.to_string(), row)).collect();
    // In the order that was found. What is gone by now, or is another now, is not shown.
    let shown = ids.iter().filter_map(|id| rows.remove(*id)).filter(|row| selection.holds(row, ctx.now));
    let token = |cursor: &Cursor| page.token(ctx, &serde_json::to_string(cursor).unwrap_or_default());
    Ok(ListNodeSummariesResponse {
        nodes: shown.map(|node| to_wire(ctx, node)).collect(),
        next_token: found.next.as_ref().map(token),
        total: i32::try_from(found.total).unwrap_or(i32::MAX),
        as_of: fleet.as_of,
    })
}

fn selection(request: &ListNodeSummariesRequest) -> Result<Selection, ApiError> {
    let column = |text: &str| {
        Column::parse(text)
            .ok_or_else(|| error::validation(format!("`{text}` is nothing that nodes are listed by")))
    };
    let filters = request.filters.as_deref().unwrap_or_default();
    let filters = filters.iter().map(|given| filter(given, column(&given.key)?)).collect::<Result<_, _>>()?;
    let by = column(request.sort_by.as_deref().unwrap_or("NodeId"))?;
    if !by.is_sortable() {
        return Err(error::validation("SortBy: nodes have no order by this; OperationEndTime sorts by age"));
    }
    let order = match request.sort_order {
        Some(SortOrder::Descending) => Order::Descending,
        _ => Order::Ascending,
    };
    Ok(Selection { filters, by, order })
}

fn filter(given: &NodeSummaryFilter, column: Column) -> Result<Filter, ApiError> {
    let operator = match given.operator {
        None | Some(NodeFilterOperator::Equal) => Operator::Equal,
        Some(NodeFilterOperator::NotEqual) => Operator::NotEqual,
        Some(NodeFilterOperator::BeginWith) => Operator::BeginWith,
        Some(NodeFilterOperator::Contains) => Operator::Contains,
        Some(NodeFilterOperator::LessThan) => Operator::LessThan,
        Some(NodeFilterOperator::GreaterThan) => Operator::GreaterThan,
        Some(NodeFilterOperator::Unknown(_)) => return Err(error::validation("Operator is not known")),
    };
    if column.is_number() {
        if matches!(operator, Operator::BeginWith | Operator::Contains) {
            return Err(error::validation(format!("`{}` is a number: it has no beginning", given.key)));
        }
        if let Some(value) = given.values.iter().find(|value| value.parse::<i64>().is_err()) {
            return Err(error::validation(format!("`{}`: `{value}` is not a whole number", given.key)));
        }
    }
    Ok(Filter { column, operator, values: given.values.clone() })
}

fn to_wire(ctx: &Ctx, node: FleetNode) -> NodeSummary {
    let count = |number: i64| Some(i32::try_from(number).unwrap_or(i32::MAX));
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let mut summary = NodeSummary {
        node_id: node.id.to_string(),
        name: text(&node.name),
        computer_name: text(&node.computer_name),
        ip_address: text(&node.ip_address),
        platform_type: text(&node.platform_type),
        platform_name: text(&node.platform_name),
        platform_version: text(&node.platform_version),
        agent_version: text(&node.agent_version),
        ping_status: ping_status(&node, ctx.now).to_owned(),
        last_ping_date_time: node.last_seen_at,
        patch_group: patch_group(&node).map(str::to_owned),
        compliance_status: standing(&node, ctx.now).as_str().into(),
        worst_state: worst(&node, ctx.now).as_str().to_owned(),
        tags: node.tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        ..NodeSummary::default()
    };
    if let Some(report) = node.report {
        summary.baseline_id = Some(report.baseline_id.to_string()).filter(|id| !id.is_empty());
        summary.operation = Some(report.operation.to_string());
        summary.operation_end_time = Some(report.ended_at);
        summary.captured_at = Some(report.captured_at);
        // A run that could not look has counted nothing.
        if report.counts.installed >= 0 {
            summary.critical_non_compliant_count = count(report.counts.critical_non_compliant);
            summary.security_non_compliant_count = count(report.counts.security_non_compliant);
            summary.other_non_compliant_count = count(report.counts.other_non_compliant);
            summary.counts = Some(counts_by_state(&report.counts));
        }
    }
    summary
}
