//! ListCommandInvocations: how commands went on each node, newest first.
//! Source: API reference, ListCommandInvocations; systems-manager.md 1.6.

use std::collections::BTreeMap;

use api::agent::reply::{ERROR_SEPARATOR, MAX_OUTPUT_CHARS};
use api::ssm::{
    CommandInvocation, CommandPlugin, ListCommandInvocationsRequest, ListCommandInvocationsResult,
};
use domain::command::{Progress, StepResult};
use domain::object::Stream;
use store::commands::{self, Command, CommandKey};
use store::invocations::{self, Invocation, InvocationFilter, InvocationKey};
use store::{Tx, step_results};

use super::filters::Filters;
use super::output_urls::OutputUrls;
use super::{after, cloud_watch, command_key, cut, invalid_command_id, node_id, page_key};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

type Steps = BTreeMap<InvocationKey, BTreeMap<String, StepResult>>;

pub async fn list_command_invocations(
    ctx: &Ctx,
    request: ListCommandInvocationsRequest,
) -> Result<ListCommandInvocationsResult, ApiError> {
    let scope = (&request.command_id, &request.instance_id, &request.filters, &request.details);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListCommandInvocations", &scope, request.next_token.as_deref(), size)?;
    let filters = Filters::of_invocations(&request.filters.unwrap_or_default())?;
    let key = request.command_id.as_deref().map(|id| command_key(ctx, id)).transpose()?;
    let node = request.instance_id.as_deref().map(|id| node_id(ctx, id)).transpose()?;

    let mut tx = ctx.store.read().await?;
    if let Some(key) = &key
        && commands::find(&mut tx, key).await?.is_none()
    {
        return Err(invalid_command_id(key.id.as_str()));
    }
    let filter = InvocationFilter {
        command_id: key.as_ref().map(|key| &key.id),
        node: node.as_ref(),
        requested_after: filters.requested_after,
        requested_before: filters.requested_before,
        document_name: filters.document_name.as_deref(),
        statuses: filters.invocation_statuses(),
    };
    let after = page.after.as_deref().and_then(after);
    let scope = (&ctx.account, &ctx.region);
    let rows = invocations::list(&mut tx, scope, &filter, after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| {
        page_key(row.requested_at, &format!("{}/{}", row.key.command.id, row.key.node))
    });
    let commands = commands_of(&mut tx, &cut.rows).await?;
    let steps = match request.details {
        Some(true) => {
            let keys: Vec<InvocationKey> = cut.rows.iter().map(|row| row.key.clone()).collect();
            Some(step_results::list_many(&mut tx, &keys).await?)
        }
        _ => None,
    };
    let sent = cut.rows.iter().filter_map(|row| Some((commands.get(&row.key.command)?, &row.key.node)));
    let urls = OutputUrls::find(ctx, &mut tx, sent).await?;
    let rows = cut.rows.into_iter().filter_map(|row| {
        let command = commands.get(&row.key.command)?;
        Some(to_wire(row, command, steps.as_ref(), &urls))
    });
    Ok(ListCommandInvocationsResult { command_invocations: Some(rows.collect()), next_token: cut.next_token })
}

async fn commands_of(tx: &mut Tx, rows: &[Invocation]) -> Result<BTreeMap<CommandKey, Command>, ApiError> {
    let keys: Vec<CommandKey> = rows.iter().map(|row| row.key.command.clone()).collect();
    let commands = commands::find_many(tx, &keys).await?;
    Ok(commands.into_iter().map(|command| (command.key.clone(), command)).collect())
}

fn to_wire(
    row: Invocation,
    command: &Command,
    steps: Option<&Steps>,
    urls: &OutputUrls,
) -> CommandInvocation {
    let request = &command.request;
    // With several steps each plugin has its own.
    let only = |stream| match command.steps.as_slice() {
        [step] => urls.of(command, &row.key.node, step, stream),
        _ => String::new(),
    };
    let (output_url, error_url) = (only(Stream::Output), only(Stream::Error));
    let plugins = steps.map(|steps| plugins(&row, command, steps.get(&row.key), urls)).unwrap_or_default();
    CommandInvocation {
        command_id: Some(row.key.command.id.to_string()),
        instance_id: Some(row.key.node.to_string()),
        instance_name: Some(row.node_name),
        comment: Some(request.comment.clone().unwrap_or_default()),
        document_name: Some(request.document_name.clone()),
        document_version: request.document_version.clone(),
        requested_date_time: Some(row.requested_at),
        status: Some(row.status.as_status_str().into()),
        status_details: Some(row.status.as_str().to_owned()),
        trace_output: Some(cut(&row.trace_output, MAX_OUTPUT_CHARS)),
        standard_output_url: Some(output_url),
        standard_error_url: Some(error_url),
        command_plugins: Some(plugins),
        service_role: Some(request.service_role_arn.clone().unwrap_or_default()),
        notification_config: Some(request.notification_config.clone().unwrap_or_default()),
        cloud_watch_output_config: Some(cloud_watch(request.cloud_watch_output_config.clone())),
    }
}

fn plugins(
    row: &Invocation,
    command: &Command,
    steps: Option<&BTreeMap<String, StepResult>>,
    urls: &OutputUrls,
) -> Vec<CommandPlugin> {
    let progress = Progress {
        status: row.status,
        steps: steps.cloned().unwrap_or_default(),
        trace_output: String::new(),
    };
    let shown = command.steps.iter().map(|step| {
        let url = |stream| urls.of(command, &row.key.node, step, stream);
        let mut plugin = plugin(&step.name, progress.shown(&step.name, &step.plugin), command);
        plugin.standard_output_url = Some(url(Stream::Output));
        plugin.standard_error_url = Some(url(Stream::Error));
        plugin
    });
    shown.collect()
}

fn plugin(name: &str, result: StepResult, command: &Command) -> CommandPlugin {
    let request = &command.request;
    CommandPlugin {
        name: Some(name.to_owned()),
        status: Some(result.status.as_str().into()),
        status_details: Some(result.status.as_details_str().to_owned()),
        response_code: i32::try_from(result.code).ok(),
        response_start_date_time: result.started_at,
        response_finish_date_time: result.ended_at,
        output: Some(output(&result)),
        standard_output_url: None,
        standard_error_url: None,
        output_s3_region: request.output_s3_region.clone(),
        output_s3_bucket_name: Some(request.output_s3_bucket_name.clone().unwrap_or_default()),
        output_s3_key_prefix: Some(request.output_s3_key_prefix.clone().unwrap_or_default()),
    }
}

/// The agent's text; made of the two streams when it sent none.
fn output(result: &StepResult) -> String {
    if !result.output.is_empty() || result.standard_error.is_empty() && result.standard_output.is_empty() {
        return cut(&result.output, MAX_OUTPUT_CHARS);
    }
    let mut text = result.standard_output.clone();
    if !result.standard_error.is_empty() {
        text.push_str(&format!("\n{ERROR_SEPARATOR}\n{}", result.standard_error));
    }
    cut(&text, MAX_OUTPUT_CHARS)
}
