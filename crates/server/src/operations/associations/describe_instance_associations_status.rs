//! DescribeInstanceAssociationsStatus: how each association that addresses a node stands there.
//! Source: API reference, DescribeInstanceAssociationsStatus; systems-manager.md 3.3, agent-protocol.md 5.3.

use std::collections::BTreeMap;

use api::ssm::{
    DescribeInstanceAssociationsStatusRequest, DescribeInstanceAssociationsStatusResult,
    InstanceAssociationOutputUrl, InstanceAssociationStatusInfo, S3OutputUrl,
};
use domain::association::TargetStatus;
use domain::command::{PluginStatus, StepResult};
use domain::ids::NodeId;
use store::associations::standing::{self, Standing};
use store::associations::{Association, Settings};
use store::commands::{self, Command, CommandKey};
use store::invocations::InvocationKey;
use store::{Tx, step_results};

use super::{DEFAULT_PAGE, addressing};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::nodes::managed_node;
use crate::operations::page::{Page, page_size};

pub async fn describe_instance_associations_status(
    ctx: &Ctx,
    request: DescribeInstanceAssociationsStatusRequest,
) -> Result<DescribeInstanceAssociationsStatusResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeInstanceAssociationsStatus", &request.instance_id, token, size)?;

    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let mut rows = addressing(ctx, &mut tx, &node).await?;
    rows.retain(|row| page.after.as_deref().is_none_or(|after| row.key.id.as_str() > after));
    let cut = page.cut(ctx, rows, |row| row.key.id.to_string());
    let standings =
        standing::list_of_nodes(&mut tx, (&ctx.account, &ctx.region), &[node.id.as_str()]).await?;
    let standings: BTreeMap<String, Standing> =
        standings.into_iter().map(|standing| (standing.association.to_string(), standing)).collect();
    let summaries = summaries(ctx, &mut tx, &node.id, &standings).await?;
    let to_wire = |association: Association| {
        let id = association.key.id.to_string();
        let standing = standings.get(&id);
        let summary = standing.and_then(|standing| summaries.get(&standing.execution)).cloned();
        to_wire(&node.id, association, standing, summary)
    };
    Ok(DescribeInstanceAssociationsStatusResult {
        instance_association_status_infos: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

/// By run: what its steps on the node came to, in the words of agents.
async fn summaries(
    ctx: &Ctx,
    tx: &mut Tx,
    node: &NodeId,
    standings: &BTreeMap<String, Standing>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let mut keys = Vec::new();
    for standing in standings.values().filter(|standing| standing.summary.is_empty()) {
        let id = standing.execution.parse()?;
        keys.push(CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id });
    }
    let commands = commands::find_many(tx, &keys).await?;
    let invocation = |command: &Command| InvocationKey { command: command.key.clone(), node: node.clone() };
    let invocations: Vec<InvocationKey> = commands.iter().map(invocation).collect();
    let results = step_results::list_many(tx, &invocations).await?;
    let none = BTreeMap::new();
    let summary = |command: &Command| {
        let results = results.get(&invocation(command)).unwrap_or(&none);
        Some((command.key.id.to_string(), summary(command, results)?))
    };
    Ok(commands.iter().filter_map(summary).collect())
}

/// `None` before any step has ended.
fn summary(command: &Command, results: &BTreeMap<String, StepResult>) -> Option<String> {
    let count = |status| results.values().filter(|result| result.status == status).count();
    let [good, failed, timed_out] =
        [PluginStatus::Success, PluginStatus::Failed, PluginStatus::TimedOut].map(count);
    let (ended, all) = (good + failed + timed_out, command.steps.len());
    let plugins = if all == 1 { "plugin" } else { "plugins" };
    (ended > 0).then(|| {
        format!(
            "{ended} out of {all} {plugins} processed, {good} success, {failed} failed, {timed_out} timedout, 0 skipped. "
        )
    })
}

fn to_wire(
    node: &NodeId,
    association: Association,
    standing: Option<&Standing>,
    summary: Option<String>,
) -> InstanceAssociationStatusInfo {
    let settings = association.settings;
    let (status, detail) = match standing {
        None => ("Pending", "Associated"),
        Some(standing) => (TargetStatus::of(standing.status).as_str(), TargetStatus::detail(standing.status)),
    };
    let said = standing.map(|standing| standing.summary.clone()).filter(|said| !said.is_empty());
    let version = standing.map_or(association.version, |standing| standing.version);
    InstanceAssociationStatusInfo {
        association_id: Some(association.key.id.to_string()),
        output_url: standing.and_then(|standing| output_url(&settings, &standing.execution, node)),
        name: Some(settings.name),
        document_version: settings.document_version,
        association_version: Some(version.to_string()),
        instance_id: Some(node.to_string()),
        execution_date: standing.and_then(|standing| standing.executed_at),
        status: Some(status.to_owned()),
        detailed_status: Some(detail.to_owned()),
        execution_summary: said.or(summary),
        error_code: None,
        association_name: settings.association_name,
    }
}

/// Where the run's output is: `bucket/prefix/command/node`.
fn output_url(settings: &Settings, run: &str, node: &NodeId) -> Option<InstanceAssociationOutputUrl> {
    let location = settings.output_location.as_ref()?.s3_location.as_ref()?;
    let bucket = location.output_s3_bucket_name.as_deref().filter(|name| !name.is_empty())?;
    let prefix = location.output_s3_key_prefix.as_deref().unwrap_or_default().trim_matches('/');
    let parts = [bucket, prefix, run, node.as_str()].into_iter().filter(|part| !part.is_empty());
    let output_url = Some(parts.collect::<Vec<_>>().join("/"));
    Some(InstanceAssociationOutputUrl { s3_output_url: Some(S3OutputUrl { output_url }) })
}
