//! What the operations on registered tasks share: what is checked against the window, and how a task is shown.
//! Source: systems-manager.md 4.3.

use std::collections::BTreeSet;

use api::ssm::{ErrorCode, GetMaintenanceWindowTaskResult, MaintenanceWindowTask, MaintenanceWindowTaskType};
use domain::ids::{WindowId, WindowTaskId};
use domain::parameter::references_in_text;
use domain::window::{WINDOW_TARGET_IDS, Window, check_task, named_nodes, webhook_name};
use store::Tx;
use store::window_parts::{TARGETS, TASKS};

use super::{scope, targets};
use crate::automations;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::commands::notifications;
use crate::operations::parameters::fetched;
use crate::operations::parameters::references::look_up;

/// Without Priority.
pub const DEFAULT_PRIORITY: i32 = 1;
/// Shown where a task has no targets, and so no limits.
const ONE: &str = "1";

pub async fn load(
    tx: &mut Tx,
    ctx: &Ctx,
    window: &WindowId,
    id: &str,
) -> Result<(WindowTaskId, GetMaintenanceWindowTaskResult), ApiError> {
    let id: WindowTaskId = id.parse()?;
    let found = TASKS.find(tx, scope(ctx), window, &id).await?;
    let missing = || {
        let message = format!("the task `{id}` is not registered with maintenance window {window}");
        ApiError::new(ErrorCode::DoesNotExistException, message)
    };
    let task = found.ok_or_else(missing)?;
    Ok((id, task))
}

/// What the task alone shows, then that its targets are there and may be used.
pub async fn check(
    tx: &mut Tx,
    ctx: &Ctx,
    window: &Window,
    task: &GetMaintenanceWindowTaskResult,
) -> Result<(), ApiError> {
    check_task(task)?;
    check_webhook(ctx, task)?;
    check_notification(ctx, task)?;
    check_runbook(ctx, task).await?;
    check_references(ctx, tx, task).await?;
    let given = task.targets.as_deref().unwrap_or_default();
    if given.is_empty() {
        return Ok(());
    }
    let registered = TARGETS.list(tx, scope(ctx), &window.id).await?;
    let by_target = given.iter().filter(|target| target.key.as_deref() == Some(WINDOW_TARGET_IDS));
    for id in by_target.flat_map(|target| target.values.iter().flatten()) {
        if !registered.iter().any(|target| target.window_target_id.as_ref() == Some(id)) {
            let message =
                format!("the target `{id}` is not registered with maintenance window {}", window.id);
            return Err(ApiError::new(ErrorCode::DoesNotExistException, message));
        }
    }
    let by_id = given.iter().filter(|target| target.key.as_deref() != Some(WINDOW_TARGET_IDS));
    for id in by_id.flat_map(|target| target.values.iter().flatten()) {
        id.parse::<domain::ids::NodeId>()?;
    }
    if window.settings.allow_unassociated_targets {
        return Ok(());
    }
    match targets::unassociated(tx, ctx, &registered, named_nodes(given)).await?.as_slice() {
        [] => Ok(()),
        strangers => {
            let names: Vec<&str> = strangers.iter().map(AsRef::as_ref).collect();
            Err(error::validation(format!(
                "maintenance window {} does not allow unassociated targets, and no registered target contains {}",
                window.id,
                names.join(", ")
            )))
        }
    }
}

/// A server whose operator named no webhook has no way to do what such tasks are for.
pub fn refuse_without_webhooks(ctx: &Ctx, task: &GetMaintenanceWindowTaskResult) -> Result<(), ApiError> {
    let kind = task.task_type.clone().unwrap_or_default();
    match webhook_name(&kind, task.task_arn.as_deref().unwrap_or_default()) {
        Some(name) if ctx.app.webhooks.is_empty() => Err(ApiError::new(
            ErrorCode::FeatureNotAvailableException,
            format!(
                "tasks of type {kind} are webhooks here, and this server has none: its operator starts it with --webhooks \
                 FILE, in which a line `{name} URL` is"
            ),
        )),
        _ => Ok(()),
    }
}

/// What a task would call must be known when it is registered, not in the night in which the window opens.
fn check_webhook(ctx: &Ctx, task: &GetMaintenanceWindowTaskResult) -> Result<(), ApiError> {
    let kind = task.task_type.clone().unwrap_or_default();
    match webhook_name(&kind, task.task_arn.as_deref().unwrap_or_default()) {
        Some(name) if !ctx.app.webhooks.has(name) => Err(error::validation(format!(
            "this server has no webhook `{name}` for a task of type {kind}: its operator adds a line `{name} URL` to the file of --webhooks"
        ))),
        _ => Ok(()),
    }
}

/// So must whoever is to be told.
fn check_notification(ctx: &Ctx, task: &GetMaintenanceWindowTaskResult) -> Result<(), ApiError> {
    let given = task.task_invocation_parameters.as_ref().and_then(|given| given.run_command.as_ref());
    let Some(given) = given else { return Ok(()) };
    let role = given.service_role_arn.as_deref();
    let wish = notifications::read(ctx, given.notification_config.as_ref(), role);
    wish.map(drop).map_err(|error| error::validation(error.message))
}

/// So must a runbook.
async fn check_runbook(ctx: &Ctx, task: &GetMaintenanceWindowTaskResult) -> Result<(), ApiError> {
    if task.task_type != Some(MaintenanceWindowTaskType::Automation) {
        return Ok(());
    }
    let given = task.task_invocation_parameters.as_ref().and_then(|given| given.automation.as_ref());
    let version = given.and_then(|given| given.document_version.clone());
    let found = automations::check(ctx, task.task_arn.as_deref().unwrap_or_default(), version).await;
    found.map_err(|error| match error.code.status {
        500.. => error,
        _ => error::validation(format!("TaskArn: {}", error.message)),
    })
}

/// When the window opens nobody is there who could be asked for the right to read what the parameters refer to.
async fn check_references(
    ctx: &Ctx,
    tx: &mut Tx,
    task: &GetMaintenanceWindowTaskResult,
) -> Result<(), ApiError> {
    let given = task.task_invocation_parameters.as_ref().and_then(|given| given.run_command.as_ref());
    let parameters = given.and_then(|given| given.parameters.as_ref());
    let mut found = BTreeSet::new();
    let values = parameters.into_iter().flat_map(|parameters| parameters.values()).flatten();
    values.for_each(|text| references_in_text(text, &mut found));
    // Task parameters of the old form.
    let old = task.task_parameters.iter().flat_map(|parameters| parameters.values());
    let old = old.flat_map(|value| value.values.iter().flatten());
    old.for_each(|text| references_in_text(text, &mut found));
    let refused = |message: String| error::validation(message);
    look_up(ctx, tx, &found, &refused).await?;
    if task.task_type != Some(MaintenanceWindowTaskType::RunCommand) {
        return Ok(());
    }
    // Nor about what the document refers to, and those that it fetches.
    let version = given.and_then(|given| given.document_version.as_deref());
    let name = task.task_arn.as_deref().unwrap_or_default();
    let parameters = parameters.cloned().unwrap_or_default();
    fetched::require_of_document(ctx, (name, version), &parameters, &refused).await
}

/// As GetMaintenanceWindowTask shows it.
pub fn shown(mut task: GetMaintenanceWindowTaskResult) -> GetMaintenanceWindowTaskResult {
    task.max_concurrency.get_or_insert_with(|| ONE.to_owned());
    task.max_errors.get_or_insert_with(|| ONE.to_owned());
    task
}

/// As lists show it: without what it is invoked with.
pub fn to_list_entry(task: GetMaintenanceWindowTaskResult) -> MaintenanceWindowTask {
    let task = shown(task);
    MaintenanceWindowTask {
        window_id: task.window_id,
        window_task_id: task.window_task_id,
        task_arn: task.task_arn,
        r#type: task.task_type,
        targets: task.targets,
        task_parameters: task.task_parameters,
        priority: task.priority,
        logging_info: task.logging_info,
        service_role_arn: task.service_role_arn,
        max_concurrency: task.max_concurrency,
        max_errors: task.max_errors,
        name: task.name,
        description: task.description,
        cutoff_behavior: task.cutoff_behavior,
        alarm_configuration: task.alarm_configuration,
    }
}
