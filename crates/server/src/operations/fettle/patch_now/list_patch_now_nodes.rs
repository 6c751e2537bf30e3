//! ListPatchNowNodes: how far each node is, and what its report of this run says. Read from the command's invocations
//! and the nodes' newest reports.

use std::collections::BTreeMap;

use api::fettle::{ListPatchNowNodesRequest, ListPatchNowNodesResponse, PatchNowNode};
use api::ssm::PingStatus;
use domain::ids::NodeId;
use store::clause::Comparison;
use store::commands::CommandKey;
use store::invocations::{self, Invocation};
use store::nodes::{self, Node, NodeCondition, NodeField};
use store::reports::Report;
use store::rollouts::{self, Rollout};
use store::{Tx, patch_states};

use super::super::list_node_reports;
use super::{find, words};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_patch_now_nodes(
    ctx: &Ctx,
    request: ListPatchNowNodesRequest,
) -> Result<ListPatchNowNodesResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListPatchNowNodes", &request.patch_now_id, token, size)?;

    let mut tx = ctx.store.read().await?;
    let command = find(ctx, &mut tx, &request.patch_now_id).await?.command;
    let after = page.after.as_deref();
    let rows = invocations::list_of_command(&mut tx, &command.key, (None, None), after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| row.key.node.to_string());
    let ids: Vec<String> = cut.rows.iter().map(|row| row.key.node.to_string()).collect();
    let scope = (&ctx.account, &ctx.region);
    let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let reports = patch_states::list_of(&mut tx, scope, &ids, None, limit).await?;
    let named = NodeCondition { field: NodeField::Id, comparison: Comparison::Equal, values: ids };
    let found = match limit {
        0 => Vec::new(),
        _ => nodes::list(&mut tx, scope, &[named], ctx.now, None, limit).await?,
    };
    let mut rings = rings(&mut tx, &command.key, &cut.rows).await?;
    drop(tx);

    let is_of_this = |report: &Report| report.summary.frame.execution.id == command.key.id.as_str();
    let reports = reports.into_iter().filter(is_of_this).map(|report| (report.node.clone(), report));
    let mut reports: BTreeMap<NodeId, Report> = reports.collect();
    let found: BTreeMap<NodeId, Node> = found.into_iter().map(|node| (node.id.clone(), node)).collect();
    let shown = cut.rows.into_iter().map(|row| {
        let id = row.key.node.clone();
        PatchNowNode { ring: rings.remove(&id), ..to_wire(ctx, row, found.get(&id), reports.remove(&id)) }
    });
    Ok(ListPatchNowNodesResponse { nodes: shown.collect(), next_token: cut.next_token })
}

/// The ring of each, by name; of none where it does not go by rings.
async fn rings(
    tx: &mut Tx,
    key: &CommandKey,
    rows: &[Invocation],
) -> Result<BTreeMap<NodeId, String>, ApiError> {
    let Some(Rollout { plan, .. }) = rollouts::find(tx, key).await? else { return Ok(BTreeMap::new()) };
    let names = plan.rings.unwrap_or_default();
    let ids: Vec<String> = rows.iter().map(|row| row.key.node.to_string()).collect();
    let found = rollouts::rings_of(tx, key, &ids).await?;
    let name = |(node, ring): (NodeId, usize)| Some((node, names.get(ring)?.name.clone()));
    Ok(found.into_iter().filter_map(name).collect())
}

fn to_wire(ctx: &Ctx, row: Invocation, node: Option<&Node>, report: Option<Report>) -> PatchNowNode {
    let (status, status_details) = words(row.status);
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let name = node.and_then(|node| node.information.computer_name.clone());
    let ping =
        |node: &Node| if node.is_online(ctx.now) { PingStatus::Online } else { PingStatus::ConnectionLost };
    PatchNowNode {
        instance_id: row.key.node.to_string(),
        computer_name: name.or_else(|| given(row.node_name)),
        ping_status: node.map(|node| ping(node).as_str().to_owned()),
        status,
        status_details,
        trace: given(row.trace_output),
        ended_at: row.finished_at,
        report: report.map(list_node_reports::to_wire),
        ring: None,
    }
}
