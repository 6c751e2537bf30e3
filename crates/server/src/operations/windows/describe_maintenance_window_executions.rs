//! DescribeMaintenanceWindowExecutions: the runs of a window, newest first; also of one that was deleted.
//! Source: API reference, DescribeMaintenanceWindowExecutions; systems-manager.md 4.4.

use api::Timestamp;
use api::ssm::{
    DescribeMaintenanceWindowExecutionsRequest, DescribeMaintenanceWindowExecutionsResult,
    MaintenanceWindowExecution,
};
use domain::ids::WindowId;
use store::window_executions::{self, Execution, ExecutionFilter};

use super::executions::details;
use super::filters::Filters;
use super::{DEFAULT_PAGE, scope};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeMaintenanceWindowExecutions";
const BEFORE: &str = "ExecutedBefore";
const AFTER: &str = "ExecutedAfter";

pub async fn describe_maintenance_window_executions(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowExecutionsRequest,
) -> Result<DescribeMaintenanceWindowExecutionsResult, ApiError> {
    let window: WindowId = request.window_id.parse()?;
    let filters = Filters::read(request.filters.as_deref(), &[BEFORE, AFTER])?;
    let filter =
        ExecutionFilter { started_after: filters.time(AFTER)?, started_before: filters.time(BEFORE)? };
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let bound_to = (&request.window_id, &request.filters);
    let page = Page::open(ctx, OPERATION, &bound_to, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read_each().await?;
    let after = page.after.as_deref().and_then(after);
    let found = window_executions::list(&mut tx, scope(ctx), &window, filter, after, page.fetch()).await?;
    let cut = page.cut(ctx, found, |execution| {
        let started_at = execution.state.started_at.unwrap_or_default();
        format!("{}/{}", started_at.as_millis(), execution.key.id)
    });
    Ok(DescribeMaintenanceWindowExecutionsResult {
        window_executions: Some(cut.rows.into_iter().map(shown).collect()),
        next_token: cut.next_token,
    })
}

fn after(key: &str) -> Option<(Timestamp, &str)> {
    let (at, id) = key.split_once('/')?;
    Some((Timestamp::from_millis(at.parse().ok()?), id))
}

fn shown(execution: Execution) -> MaintenanceWindowExecution {
    MaintenanceWindowExecution {
        window_id: Some(execution.window.to_string()),
        window_execution_id: Some(execution.key.id.to_string()),
        status: Some(execution.state.status.as_str().into()),
        status_details: details(&execution.state.details),
        start_time: execution.state.started_at,
        end_time: execution.state.finished_at,
    }
}
