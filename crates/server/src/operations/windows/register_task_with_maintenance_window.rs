//! RegisterTaskWithMaintenanceWindow: work that is done whenever the window opens.
//! Source: API reference, RegisterTaskWithMaintenanceWindow; systems-manager.md 4.3.

use api::ssm::{
    GetMaintenanceWindowTaskResult, RegisterTaskWithMaintenanceWindowRequest,
    RegisterTaskWithMaintenanceWindowResult,
};
use domain::ids::WindowTaskId;
use store::window_parts::TASKS;

use super::{MAX_TASKS, load, scope, tasks};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::idempotency::{self, Repeat};

const OPERATION: &str = "RegisterTaskWithMaintenanceWindow";

pub async fn register_task_with_maintenance_window(
    ctx: &Ctx,
    mut request: RegisterTaskWithMaintenanceWindowRequest,
) -> Result<RegisterTaskWithMaintenanceWindowResult, ApiError> {
    let token = request.client_token.take();
    let repeat = Repeat::new(OPERATION, token, &request);

    let mut tx = ctx.store.write().await?;
    if let Some(first) = idempotency::first_answer(&mut tx, ctx, &repeat).await? {
        return Ok(first);
    }
    let window = load(&mut tx, ctx, &request.window_id).await?.window;
    let id = WindowTaskId::mint(random());
    let task = task(&id, request);
    tasks::refuse_without_webhooks(ctx, &task)?;
    tasks::check(&mut tx, ctx, &window, &task).await?;
    if TASKS.list(&mut tx, scope(ctx), &window.id).await?.len() >= MAX_TASKS {
        return Err(error::too_many_of_window(&window.id, MAX_TASKS, "tasks"));
    }
    TASKS.put(&mut tx, scope(ctx), (&window.id, &id), &task).await?;
    let result = RegisterTaskWithMaintenanceWindowResult { window_task_id: Some(id.to_string()) };
    idempotency::remember(&mut tx, ctx, &repeat, &result).await?;
    tx.commit().await?;
    Ok(result)
}

fn task(
    id: &WindowTaskId,
    request: RegisterTaskWithMaintenanceWindowRequest,
) -> GetMaintenanceWindowTaskResult {
    GetMaintenanceWindowTaskResult {
        window_id: Some(request.window_id),
        window_task_id: Some(id.to_string()),
        targets: request.targets.filter(|targets| !targets.is_empty()),
        task_arn: Some(request.task_arn),
        service_role_arn: request.service_role_arn,
        task_type: Some(request.task_type),
        task_parameters: request.task_parameters,
        task_invocation_parameters: request.task_invocation_parameters,
        priority: Some(request.priority.unwrap_or(tasks::DEFAULT_PRIORITY)),
        max_concurrency: request.max_concurrency,
        max_errors: request.max_errors,
        logging_info: request.logging_info,
        name: request.name,
        description: request.description,
        cutoff_behavior: request.cutoff_behavior,
        alarm_configuration: request.alarm_configuration,
    }
}
