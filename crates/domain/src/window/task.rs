//! What a task may be registered with. Source: spec systems-manager 4.3, 0.8.

use api::ssm::{self, MaintenanceWindowTaskType as TaskType};

use super::webhook::webhook_name;
use crate::notification::{InvalidNotification, Wish};

pub const WINDOW_TARGET_IDS: &str = "WindowTargetIds";
pub const INSTANCE_IDS: &str = "InstanceIds";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    #[error("a task of type RUN_COMMAND needs Targets")]
    NoTargets,
    #[error("Maintenance window tasks without targets don't support {0} values")]
    LimitWithoutTargets(&'static str),
    #[error("{0} is required for a maintenance window task with targets")]
    LimitMissing(&'static str),
    #[error("the targets of a task have the key WindowTargetIds or InstanceIds, not `{0}`")]
    Key(String),
    #[error("the target key {0} has no values")]
    NoValues(String),
    #[error("TaskInvocationParameters.{parameters} does not belong to a task of type {task_type}")]
    Parameters { parameters: &'static str, task_type: String },
    #[error("there are no tasks of type {0}: expected RUN_COMMAND, AUTOMATION, LAMBDA or STEP_FUNCTIONS")]
    NotRun(String),
    #[error("TaskArn `{task_arn}` is not the name or ARN of what a task of type {task_type} calls")]
    Name { task_arn: String, task_type: String },
    #[error("NotificationConfig: {0}")]
    Notification(InvalidNotification),
    #[error("this server has no alarms: leave out AlarmConfiguration")]
    Alarm,
}

/// What can be said without looking anything up. `task` is as it would be stored: without targets its limits are absent.
pub fn check_task(task: &ssm::GetMaintenanceWindowTaskResult) -> Result<(), TaskError> {
    let kind = task.task_type.clone().unwrap_or_default();
    let targets = task.targets.as_deref().unwrap_or_default();
    for target in targets {
        let key = target.key.as_deref().unwrap_or_default();
        if key != WINDOW_TARGET_IDS && !key.eq_ignore_ascii_case(INSTANCE_IDS) {
            return Err(TaskError::Key(key.chars().take(163).collect()));
        }
        if target.values.as_deref().unwrap_or_default().is_empty() {
            return Err(TaskError::NoValues(key.to_owned()));
        }
    }
    let limits = [("MaxConcurrency", &task.max_concurrency), ("MaxErrors", &task.max_errors)];
    for (name, limit) in limits {
        match (targets.is_empty(), limit) {
            (true, Some(_)) => return Err(TaskError::LimitWithoutTargets(name)),
            (false, None) => return Err(TaskError::LimitMissing(name)),
            _ => {}
        }
    }
    if targets.is_empty() && kind == TaskType::RunCommand {
        return Err(TaskError::NoTargets);
    }
    check_parameters(task, &kind)?;
    // Better now than in the night in which the window opens.
    let task_arn = task.task_arn.as_deref().unwrap_or_default();
    match kind {
        TaskType::RunCommand | TaskType::Automation => {}
        TaskType::Lambda | TaskType::StepFunctions if webhook_name(&kind, task_arn).is_some() => {}
        TaskType::Lambda | TaskType::StepFunctions => {
            let task_arn = task_arn.chars().take(256).collect();
            return Err(TaskError::Name { task_arn, task_type: kind.to_string() });
        }
        kind => return Err(TaskError::NotRun(kind.to_string())),
    }
    if task.alarm_configuration.is_some() {
        return Err(TaskError::Alarm);
    }
    Ok(())
}

/// Only those of its type.
fn check_parameters(task: &ssm::GetMaintenanceWindowTaskResult, kind: &TaskType) -> Result<(), TaskError> {
    let Some(given) = &task.task_invocation_parameters else { return Ok(()) };
    let members = [
        ("RunCommand", TaskType::RunCommand, given.run_command.is_some()),
        ("Automation", TaskType::Automation, given.automation.is_some()),
        ("StepFunctions", TaskType::StepFunctions, given.step_functions.is_some()),
        ("Lambda", TaskType::Lambda, given.lambda.is_some()),
    ];
    let stranger = members.into_iter().find(|(_, of, is_given)| *is_given && of != kind);
    if let Some((parameters, ..)) = stranger {
        return Err(TaskError::Parameters { parameters, task_type: kind.to_string() });
    }
    let notification = given.run_command.as_ref().and_then(|given| given.notification_config.as_ref());
    Wish::of(notification).map(drop).map_err(TaskError::Notification)
}
