//! GetCommandInvocation: one step of a command on one node, with its output.
//! Source: API reference, GetCommandInvocation; systems-manager.md 1.6.

use api::Timestamp;
use api::agent::reply::MAX_STREAM_CHARS;
use api::ssm::{ErrorCode, GetCommandInvocationRequest, GetCommandInvocationResult};
use domain::command::{Progress, StepResult};
use domain::ids::NodeId;
use domain::object::Stream;
use store::commands::{self, Command, Step};
use store::invocations::{self, InvocationKey};
use store::step_results;

use super::output_urls::OutputUrls;
use super::{cloud_watch, command_key, cut};
use crate::ctx::Ctx;
use crate::error::ApiError;

const MAX_ERROR_CHARS: usize = 8_000;

pub async fn get_command_invocation(
    ctx: &Ctx,
    request: GetCommandInvocationRequest,
) -> Result<GetCommandInvocationResult, ApiError> {
    let key = command_key(ctx, &request.command_id)?;
    // An id that cannot be a node's has no invocation.
    let node: NodeId = request.instance_id.parse().map_err(|_| does_not_exist())?;

    let mut tx = ctx.store.read().await?;
    let key = InvocationKey { command: key, node };
    let row = invocations::find(&mut tx, &key).await?.ok_or_else(does_not_exist)?;
    let command = commands::find(&mut tx, &key.command).await?.ok_or_else(does_not_exist)?;
    let steps = step_results::list(&mut tx, &key).await?;

    let urls = OutputUrls::find(ctx, &mut tx, std::iter::once((&command, &key.node))).await?;
    let step = step(&command, request.plugin_name.as_deref())?;
    let progress = Progress { status: row.status, steps, trace_output: row.trace_output };
    let result = progress.shown(&step.name, &step.plugin);
    let is_done = result.status.is_terminal();
    let when_done = |text: &str, max| if is_done { cut(text, max) } else { String::new() };
    Ok(GetCommandInvocationResult {
        command_id: Some(key.command.id.to_string()),
        instance_id: Some(key.node.to_string()),
        comment: Some(command.request.comment.clone().unwrap_or_default()),
        document_name: Some(command.request.document_name.clone()),
        document_version: command.request.document_version.clone(),
        plugin_name: Some(step.name.clone()),
        response_code: Some(if is_done { i32::try_from(result.code).unwrap_or(-1) } else { -1 }),
        execution_start_date_time: Some(time_text(result.started_at)),
        execution_elapsed_time: Some(elapsed(&result)),
        execution_end_date_time: Some(time_text(result.ended_at)),
        status: Some(row.status.as_status_str().into()),
        status_details: Some(row.status.as_str().to_owned()),
        standard_output_content: Some(when_done(&result.standard_output, MAX_STREAM_CHARS)),
        standard_output_url: Some(urls.of(&command, &key.node, step, Stream::Output)),
        standard_error_content: Some(when_done(&error_text(&result), MAX_ERROR_CHARS)),
        standard_error_url: Some(urls.of(&command, &key.node, step, Stream::Error)),
        cloud_watch_output_config: Some(cloud_watch(command.request.cloud_watch_output_config)),
    })
}

fn does_not_exist() -> ApiError {
    let message = "the command was not sent to this instance, or not in this account and region";
    ApiError::new(ErrorCode::InvocationDoesNotExist, message)
}

/// The only step, or the one that is named.
fn step<'a>(command: &'a Command, name: Option<&str>) -> Result<&'a Step, ApiError> {
    let found = match (name, command.steps.as_slice()) {
        (None, [step]) => Some(step),
        (None, _) => None,
        (Some(name), steps) => steps.iter().find(|step| step.name == name || step.plugin == name),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = command.steps.iter().map(|step| step.name.as_str()).collect();
        let message = format!("PluginName: expected one of {}", names.join(", "));
        ApiError::new(ErrorCode::InvalidPluginName, message)
    })
}

/// What went to standard error, or the agent's own words about a step that wrote nothing.
fn error_text(result: &StepResult) -> String {
    let is_silent = result.standard_error.is_empty() && result.standard_output.is_empty();
    if is_silent && result.code != 0 { result.output.clone() } else { result.standard_error.clone() }
}

fn time_text(at: Option<Timestamp>) -> String {
    at.map(Timestamp::to_iso_millis).unwrap_or_default()
}

/// `PT1.482S`; empty until the step has ended.
fn elapsed(result: &StepResult) -> String {
    match (result.started_at, result.ended_at) {
        (Some(start), Some(end)) => {
            let millis = end.millis_since(start).max(0);
            match millis % 1000 {
                0 => format!("PT{}S", millis / 1000),
                rest => {
                    let fraction = format!("{rest:03}");
                    format!("PT{}.{}S", millis / 1000, fraction.trim_end_matches('0'))
                }
            }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::command::PluginStatus;

    #[test]
    fn durations_are_iso_8601() {
        for (millis, expected) in [(77, "PT0.077S"), (1482, "PT1.482S"), (60_000, "PT60S"), (1500, "PT1.5S")]
        {
            let result = StepResult {
                status: PluginStatus::Success,
                started_at: Some(Timestamp::from_millis(1_000)),
                ended_at: Some(Timestamp::from_millis(1_000 + millis)),
                code: 0,
                plugin: String::new(),
                output: String::new(),
                standard_output: String::new(),
                standard_error: String::new(),
            };
            assert_eq!(elapsed(&result), expected);
        }
    }
}
