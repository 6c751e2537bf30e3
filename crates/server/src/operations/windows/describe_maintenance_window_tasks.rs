//! DescribeMaintenanceWindowTasks: what is registered with a window as tasks, by id.
//! Source: API reference, DescribeMaintenanceWindowTasks; systems-manager.md 4.3.

use api::ssm::{DescribeMaintenanceWindowTasksRequest, DescribeMaintenanceWindowTasksResult};
use store::window_parts::TASKS;

use super::filters::Filters;
use super::{DEFAULT_PAGE, load, page_of, scope, tasks};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeMaintenanceWindowTasks";

pub async fn describe_maintenance_window_tasks(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowTasksRequest,
) -> Result<DescribeMaintenanceWindowTasksResult, ApiError> {
    let filters =
        Filters::read(request.filters.as_deref(), &["WindowTaskId", "TaskArn", "Priority", "TaskType"])?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let bound_to = (&request.window_id, &request.filters);
    let page = Page::open(ctx, OPERATION, &bound_to, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window.id;
    let mut found = TASKS.list(&mut tx, scope(ctx), &window).await?;
    found.retain(|task| {
        filters.pass("WindowTaskId", |id| task.window_task_id.as_deref() == Some(id))
            && filters.pass("TaskArn", |arn| task.task_arn.as_deref() == Some(arn))
            && filters
                .pass("Priority", |text| task.priority.is_some_and(|priority| priority.to_string() == text))
            && filters.pass("TaskType", |kind| task.task_type.as_ref().is_some_and(|of| of.as_str() == kind))
    });
    let cut = page_of(ctx, &page, found, |task| task.window_task_id.clone().unwrap_or_default());
    let entries = cut.rows.into_iter().map(tasks::to_list_entry);
    Ok(DescribeMaintenanceWindowTasksResult { tasks: Some(entries.collect()), next_token: cut.next_token })
}
