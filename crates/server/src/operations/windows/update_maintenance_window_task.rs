//! UpdateMaintenanceWindowTask: changes what is sent, or with Replace everything. The type stays.
//! Source: API reference, UpdateMaintenanceWindowTask; systems-manager.md 4.3.

use api::ssm::{
    GetMaintenanceWindowTaskResult, UpdateMaintenanceWindowTaskRequest, UpdateMaintenanceWindowTaskResult,
};
use store::window_parts::TASKS;

use super::{load, scope, tasks};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn update_maintenance_window_task(
    ctx: &Ctx,
    request: UpdateMaintenanceWindowTaskRequest,
) -> Result<UpdateMaintenanceWindowTaskResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window;
    let (id, before) = tasks::load(&mut tx, ctx, &window.id, &request.window_task_id).await?;
    let base = match request.replace {
        Some(true) if request.task_arn.is_none() => {
            return Err(error::validation("with Replace the member TaskArn is required"));
        }
        Some(true) => GetMaintenanceWindowTaskResult {
            window_id: before.window_id,
            window_task_id: before.window_task_id,
            task_type: before.task_type,
            priority: Some(tasks::DEFAULT_PRIORITY),
            ..GetMaintenanceWindowTaskResult::default()
        },
        _ => before,
    };
    let task = changed(base, request);
    tasks::check(&mut tx, ctx, &window, &task).await?;
    TASKS.put(&mut tx, scope(ctx), (&window.id, &id), &task).await?;
    tx.commit().await?;
    Ok(to_result(tasks::shown(task)))
}

fn changed(
    base: GetMaintenanceWindowTaskResult,
    request: UpdateMaintenanceWindowTaskRequest,
) -> GetMaintenanceWindowTaskResult {
    let targets = request.targets.or(base.targets).filter(|targets| !targets.is_empty());
    // Limits that an earlier form of the task had go with its targets.
    let before = |limit: Option<String>| limit.filter(|_| targets.is_some());
    GetMaintenanceWindowTaskResult {
        max_concurrency: request.max_concurrency.or(before(base.max_concurrency)),
        max_errors: request.max_errors.or(before(base.max_errors)),
        targets,
        task_arn: request.task_arn.or(base.task_arn),
        service_role_arn: request.service_role_arn.or(base.service_role_arn),
        task_parameters: request.task_parameters.or(base.task_parameters),
        task_invocation_parameters: request.task_invocation_parameters.or(base.task_invocation_parameters),
        priority: request.priority.or(base.priority),
        logging_info: request.logging_info.or(base.logging_info),
        name: request.name.or(base.name),
        description: request.description.or(base.description),
        cutoff_behavior: request.cutoff_behavior.or(base.cutoff_behavior),
        alarm_configuration: request.alarm_configuration.or(base.alarm_configuration),
        window_id: base.window_id,
        window_task_id: base.window_task_id,
        task_type: base.task_type,
    }
}

fn to_result(task: GetMaintenanceWindowTaskResult) -> UpdateMaintenanceWindowTaskResult {
    UpdateMaintenanceWindowTaskResult {
        window_id: task.window_id,
        window_task_id: task.window_task_id,
        targets: task.targets,
        task_arn: task.task_arn,
        service_role_arn: task.service_role_arn,
        task_parameters: task.task_parameters,
        task_invocation_parameters: task.task_invocation_parameters,
        priority: task.priority,
        max_concurrency: task.max_concurrency,
        max_errors: task.max_errors,
        logging_info: task.logging_info,
        name: task.name,
        description: task.description,
        cutoff_behavior: task.cutoff_behavior,
        alarm_configuration: task.alarm_configuration,
    }
}
