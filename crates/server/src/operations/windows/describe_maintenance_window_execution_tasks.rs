//! DescribeMaintenanceWindowExecutionTasks: the tasks of a run, by priority.
//! Source: API reference, DescribeMaintenanceWindowExecutionTasks; systems-manager.md 4.4.

use api::ssm::{
    DescribeMaintenanceWindowExecutionTasksRequest, DescribeMaintenanceWindowExecutionTasksResult,
    MaintenanceWindowExecutionTaskIdentity,
};
use store::window_executions::{self, TaskExecution};

use super::executions::{alarms, details, load, position_key};
use super::filters::Filters;
use super::{DEFAULT_PAGE, page_of};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeMaintenanceWindowExecutionTasks";

pub async fn describe_maintenance_window_execution_tasks(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowExecutionTasksRequest,
) -> Result<DescribeMaintenanceWindowExecutionTasksResult, ApiError> {
    let filters = Filters::read(request.filters.as_deref(), &["STATUS"])?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let bound_to = (&request.window_execution_id, &request.filters);
    let page = Page::open(ctx, OPERATION, &bound_to, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let execution = load(&mut tx, ctx, &request.window_execution_id).await?;
    let mut found = window_executions::list_tasks(&mut tx, &execution.key).await?;
    found.retain(|task| filters.pass("STATUS", |status| task.state.status.as_str() == status));
    let cut = page_of(ctx, &page, found, |task| position_key(task.position));
    let shown = cut.rows.into_iter().map(|task| shown(&request.window_execution_id, task));
    Ok(DescribeMaintenanceWindowExecutionTasksResult {
        window_execution_task_identities: Some(shown.collect()),
        next_token: cut.next_token,
    })
}

fn shown(execution: &str, task: TaskExecution) -> MaintenanceWindowExecutionTaskIdentity {
    MaintenanceWindowExecutionTaskIdentity {
        window_execution_id: Some(execution.to_owned()),
        task_execution_id: Some(task.id.to_string()),
        status: Some(task.state.status.as_str().into()),
        status_details: details(&task.state.details),
        start_time: task.state.started_at,
        end_time: task.state.finished_at,
        alarm_configuration: alarms(&task),
        task_arn: task.task.task_arn,
        task_type: task.task.task_type,
        triggered_alarms: None,
    }
}
