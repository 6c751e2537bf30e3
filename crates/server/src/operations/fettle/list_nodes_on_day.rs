//! ListNodesOnDay: the rows behind a day of the fleet's trend, each node as it stood when the day ended.

use api::Timestamp;
use api::fettle::{ListNodesOnDayRequest, ListNodesOnDayResponse, NodeOnDay, NodeStanding};
use domain::fleet::{Standing, WorstState};
use domain::patch::PatchCounts;
use store::past_fleet::{self, PastNode};

use super::counts_by_state;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::jobs::count_fleet::{day, first_day};
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;
const DAY_SECONDS: i64 = 86_400;
/// Nodes per read, and reads per page: a page that finds less than asked for goes on from there.
const BATCH: usize = 200;
const BATCHES: usize = 10;

pub async fn list_nodes_on_day(
    ctx: &Ctx,
    request: ListNodesOnDayRequest,
) -> Result<ListNodesOnDayResponse, ApiError> {
    let at = end_of(ctx, &request.day)?;
    let wanted = request.compliance_status.as_ref().map(NodeStanding::as_str);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.day, wanted);
    let page = Page::open(ctx, "ListNodesOnDay", &binding, request.next_token.as_deref(), size)?;

    let scope = (&ctx.account, &ctx.region);
    let mut tx = ctx.store.read().await?;
    let counted = store::fleet::days(&mut tx, scope, &request.day).await?.remove(&request.day);
    let mut after = page.after.clone().unwrap_or_default();
    let mut found = Vec::new();
    let mut cut_short = None;
    let batch = if wanted.is_none() { size + 1 } else { BATCH };
    for round in 1.. {
        let nodes = past_fleet::list(&mut tx, scope, at, &after, number(batch)).await?;
        let is_last = nodes.len() < batch;
        if let Some(last) = nodes.last() {
            after = last.id.to_string();
        }
        found.extend(
            nodes
                .into_iter()
                .map(|node| to_wire(node, at))
                .filter(|node| wanted.is_none_or(|standing| node.compliance_status.as_str() == standing)),
        );
        if is_last || found.len() > size {
            break;
        }
        if round == BATCHES {
            cut_short = Some(page.token(ctx, &after));
            break;
        }
    }
    let cut = page.cut(ctx, found, |node| node.node_id.clone());
    Ok(ListNodesOnDayResponse {
        nodes: cut.rows,
        next_token: cut.next_token.or(cut_short),
        by_status: counted.map(|counts| {
            let count = |(name, nodes)| (name, i32::try_from(nodes).unwrap_or(i32::MAX));
            counts.into_iter().map(count).collect()
        }),
        as_of: at,
    })
}

/// The last moment of the day, or now on the day that it is.
fn end_of(ctx: &Ctx, text: &str) -> Result<Timestamp, ApiError> {
    let begin = Timestamp::parse(&format!("{text}T00:00:00Z")).filter(|begin| day(*begin) == text);
    let begin =
        begin.ok_or_else(|| error::validation(format!("Day: `{text}` is no day such as 2026-01-31")))?;
    if begin > ctx.now {
        return Err(error::validation(format!("Day: {text} is still to come")));
    }
    let first = first_day(ctx.now);
    if text < first.as_str() {
        return Err(error::validation(format!("Day: {text} is before {first}, the first day that is kept")));
    }
    let end = begin.plus_seconds(DAY_SECONDS).plus_millis(-1).min(ctx.now);
    // Which report was the newest then cannot be told once older ones have been deleted.
    let kept = ctx
        .app
        .retention
        .reports_days
        .map(|days| (days, ctx.now.plus_seconds(-DAY_SECONDS * i64::from(days))));
    match kept {
        Some((days, since)) if end < since => Err(error::validation(format!(
            "Day: this server keeps reports for {days} days, and those of {text} are gone"
        ))),
        _ => Ok(end),
    }
}

fn to_wire(node: PastNode, at: Timestamp) -> NodeOnDay {
    let seen = node.report.as_ref().map(|report| (&report.counts, report.captured_at));
    let mut row = NodeOnDay {
        node_id: node.id.to_string(),
        name: node.name,
        computer_name: node.computer_name,
        compliance_status: Standing::of(seen, at).as_str().into(),
        worst_state: WorstState::of(seen, at).as_str().to_owned(),
        deregistered_at: node.deregistered_at,
        ..NodeOnDay::default()
    };
    if let Some(report) = node.report {
        row.report_id = Some(report.key.to_string());
        row.baseline_id = Some(report.baseline_id).filter(|id| !id.is_empty());
        row.operation = Some(report.operation);
        row.operation_end_time = Some(report.key.ended_at);
        row.captured_at = Some(report.captured_at);
        add_counts(&mut row, &report.counts);
    }
    row
}

/// A run that could not look has counted nothing.
fn add_counts(row: &mut NodeOnDay, counts: &PatchCounts) {
    if counts.installed < 0 {
        return;
    }
    let count = |number: i64| Some(i32::try_from(number).unwrap_or(i32::MAX));
    row.critical_non_compliant_count = count(counts.critical_non_compliant);
    row.security_non_compliant_count = count(counts.security_non_compliant);
    row.other_non_compliant_count = count(counts.other_non_compliant);
    row.counts = Some(counts_by_state(counts));
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
