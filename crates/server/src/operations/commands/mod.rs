//! Run Command: making commands, reading how they go, cancelling them.
//! Delivering them is `agents`' work, letting them on `progress`'. Source: systems-manager.md 1.

mod cancel_command;
mod filters;
mod get_command_invocation;
mod list_command_invocations;
mod list_commands;
pub mod logs;
pub mod make;
pub mod notifications;
mod output_urls;
mod send_command;
pub mod targets;
#[cfg(test)]
mod tests;

pub use cancel_command::{cancel_command, cancel_whole};
pub use get_command_invocation::get_command_invocation;
pub use list_command_invocations::list_command_invocations;
pub use list_commands::list_commands;
pub use send_command::{Order, check_output, issue, place, prepare, refuse_platforms, send_command};
pub use targets::select_ids;

use api::Timestamp;
use api::ssm::{self, CloudWatchOutputConfig, ErrorCode};
use domain::ids::{CommandId, NodeId};
use store::commands::{After, Command, CommandKey};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// The same id twice in one request.
fn refuse_duplicates(ids: &[String]) -> Result<(), ApiError> {
    let mut sorted: Vec<&String> = ids.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let message = format!("instance `{}` is listed twice", pair[0]);
            Err(ApiError::new(ErrorCode::DuplicateInstanceId, message))
        }
    }
}

fn invalid_command_id(id: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidCommandId, format!("command `{id}` does not exist"))
}

fn command_key(ctx: &Ctx, id: &str) -> Result<CommandKey, ApiError> {
    let id: CommandId = id.parse().map_err(|_| invalid_command_id(id))?;
    Ok(CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id })
}

fn node_id(ctx: &Ctx, id: &str) -> Result<NodeId, ApiError> {
    id.parse().map_err(|_| crate::error::node_not_managed(id, ctx.account.as_str()))
}

/// As the API shows a command.
fn to_wire(command: Command) -> ssm::Command {
    let Command { key, requested_at, expires_at, request, status, counters, .. } = command;
    let count = |count| i32::try_from(count).ok();
    ssm::Command {
        command_id: Some(key.id.to_string()),
        document_name: Some(request.document_name),
        document_version: request.document_version,
        comment: Some(request.comment.unwrap_or_default()),
        expires_after: Some(expires_at),
        parameters: Some(request.parameters.unwrap_or_default()),
        instance_ids: Some(request.instance_ids.unwrap_or_default()),
        targets: Some(request.targets.unwrap_or_default()),
        requested_date_time: Some(requested_at),
        status: Some(status.as_status_str().into()),
        status_details: Some(status.as_str().to_owned()),
        output_s3_region: request.output_s3_region,
        output_s3_bucket_name: Some(request.output_s3_bucket_name.unwrap_or_default()),
        output_s3_key_prefix: Some(request.output_s3_key_prefix.unwrap_or_default()),
        max_concurrency: request.max_concurrency,
        max_errors: request.max_errors,
        target_count: count(counters.targets),
        completed_count: count(counters.completed),
        error_count: count(counters.errors),
        delivery_timed_out_count: count(counters.delivery_timed_out),
        service_role: Some(request.service_role_arn.unwrap_or_default()),
        notification_config: Some(request.notification_config.unwrap_or_default()),
        cloud_watch_output_config: Some(cloud_watch(request.cloud_watch_output_config)),
        timeout_seconds: request.timeout_seconds,
        alarm_configuration: request.alarm_configuration,
        triggered_alarms: None,
    }
}

/// Always shown, and off unless asked for.
fn cloud_watch(config: Option<CloudWatchOutputConfig>) -> CloudWatchOutputConfig {
    let config = config.unwrap_or_default();
    CloudWatchOutputConfig {
        cloud_watch_log_group_name: Some(config.cloud_watch_log_group_name.unwrap_or_default()),
        cloud_watch_output_enabled: Some(config.cloud_watch_output_enabled.unwrap_or_default()),
    }
}

/// The key of a row in lists that show the newest first: `MILLISECONDS/REST`.
fn page_key(requested_at: Timestamp, rest: &str) -> String {
    format!("{}/{rest}", requested_at.as_millis())
}

fn after(key: &str) -> Option<After<'_>> {
    let (at, id) = key.split_once('/')?;
    Some(After { requested_at: Timestamp::from_millis(at.parse().ok()?), id })
}

/// At most so many characters.
fn cut(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}
