//! GetMaintenanceWindowExecutionTask: one task of a run, as it was when the window opened.
//! Source: API reference, GetMaintenanceWindowExecutionTask; systems-manager.md 4.4.

use api::ssm::{GetMaintenanceWindowExecutionTaskRequest, GetMaintenanceWindowExecutionTaskResult};

use super::executions::{alarms, details, load_task};
use super::tasks;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_maintenance_window_execution_task(
    ctx: &Ctx,
    request: GetMaintenanceWindowExecutionTaskRequest,
) -> Result<GetMaintenanceWindowExecutionTaskResult, ApiError> {
    let mut tx = ctx.store.read().await?;
    let found = load_task(&mut tx, ctx, &request.window_execution_id, &request.task_id).await?;
    let alarm_configuration = alarms(&found);
    let task = tasks::shown(found.task);
    Ok(GetMaintenanceWindowExecutionTaskResult {
        window_execution_id: Some(request.window_execution_id),
        task_execution_id: Some(found.id.to_string()),
        task_arn: task.task_arn,
        service_role: task.service_role_arn,
        r#type: task.task_type,
        task_parameters: Some(task.task_parameters.into_iter().collect()),
        priority: task.priority,
        max_concurrency: task.max_concurrency,
        max_errors: task.max_errors,
        status: Some(found.state.status.as_str().into()),
        status_details: details(&found.state.details),
        start_time: found.state.started_at,
        end_time: found.state.finished_at,
        alarm_configuration,
        triggered_alarms: None,
    })
}
