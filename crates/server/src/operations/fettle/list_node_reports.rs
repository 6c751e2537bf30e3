//! ListNodeReports: every patch report that is kept of a node, newest first.

use api::fettle::{ListNodeReportsRequest, ListNodeReportsResponse, NodeReportSummary};
use store::reports::{self, Report};

use super::{counts_by_state, managed_node};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_node_reports(
    ctx: &Ctx,
    request: ListNodeReportsRequest,
) -> Result<ListNodeReportsResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListNodeReports", &request.instance_id, token, size)?;

    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?.id;
    let before = page.after.as_deref().and_then(|key| key.parse().ok());
    let rows = reports::list(&mut tx, (&ctx.account, &ctx.region), &node, before, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |report| report.key.to_string());
    Ok(ListNodeReportsResponse {
        reports: cut.rows.into_iter().map(to_wire).collect(),
        next_token: cut.next_token,
    })
}

/// One row, as lists show it.
pub fn to_wire(report: Report) -> NodeReportSummary {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let frame = report.summary.frame;
    NodeReportSummary {
        report_id: report.key.to_string(),
        snapshot_id: given(frame.snapshot_id),
        baseline_id: given(frame.baseline_id),
        operation: Some(frame.operation.as_str().into()),
        started_at: Some(frame.started_at),
        ended_at: Some(frame.ended_at),
        status: report.summary.counts.status().as_str().into(),
        counts: counts_by_state(&report.summary.counts),
    }
}
