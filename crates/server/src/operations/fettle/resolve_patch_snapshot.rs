//! ResolvePatchSnapshot: the frozen baseline of a run that names its baseline by a tag. AWS lets nodes list all baselines
//! and tags for that; here the server chooses, and a node learns the one that an order it was given leads to.
//! Source: spec patch-manager 4.8 and 5.2.

use api::fettle::{ErrorCode, ResolvePatchSnapshotRequest, ResolvePatchSnapshotResponse};
use domain::baseline::{BaselineChoice, TagSelector};
use domain::ids::{CommandId, PatchGroup, SnapshotId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::commands::CommandKey;
use store::invocations::InvocationKey;
use store::nodes::Node;
use store::snapshots::{self, SnapshotKey};
use store::{Tx, baselines, commands, invocations};

use super::managed_node;
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::patch_baselines::resolve::{self, ResolvedBaseline};
use crate::operations::patch_baselines::snapshot;

pub async fn resolve_patch_snapshot(
    ctx: &Ctx,
    request: ResolvePatchSnapshotRequest,
) -> Result<ResolvePatchSnapshotResponse, ApiError> {
    let snapshot_id: SnapshotId = request.snapshot_id.to_ascii_lowercase().parse()?;
    let tag: TagSelector =
        request.baseline_tags.parse().map_err(|error| error::validation(format!("BaselineTags: {error}")))?;

    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    if let Caller::Node { .. } = ctx.caller {
        check_order(ctx, &mut tx, &node, &request).await?;
    }
    let resolved = resolve::baseline_of_node(&mut tx, ctx, &node).await?;
    let key = key(ctx, &resolved, snapshot_id, &request.baseline_tags);
    let (baseline_id, created_at) =
        match snapshots::find(&mut tx, &key, snapshot::gone_since(ctx.now)).await? {
            Some(kept) => (kept.baseline_id, kept.created_at),
            None => {
                let choice = choose(ctx, &mut tx, &tag, resolved.choice).await?;
                drop(tx);
                let id = Some(choice.baseline.id.clone());
                let content = snapshot::content_of(&choice.baseline, &key, ctx.now);
                (id.clone(), snapshot::freeze(ctx, &key, id, &content).await?)
            }
        };
    Ok(ResolvePatchSnapshotResponse {
        snapshot_download_url: snapshot::address(ctx, &key, created_at),
        product: Some(resolved.system.product),
        baseline_id: baseline_id.map(|id| id.to_string()),
    })
}

/// A node may ask for what a command that was sent to it, and has not ended, names somewhere: in its parameters, or in
/// a document that runs another one with it.
async fn check_order(
    ctx: &Ctx,
    tx: &mut Tx,
    node: &Node,
    request: &ResolvePatchSnapshotRequest,
) -> Result<(), ApiError> {
    let refusal = || {
        let tags = format!("BaselineTags {}", request.baseline_tags);
        error::access_denied(ctx.caller.arn(), "fettle:ResolvePatchSnapshot", &tags)
    };
    let id: CommandId = request.command_id.as_deref().unwrap_or_default().parse().map_err(|_| refusal())?;
    let command = CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id };
    let key = InvocationKey { command: command.clone(), node: node.id.clone() };
    let invocation = invocations::find(tx, &key).await?.ok_or_else(refusal)?;
    if invocation.finished_at.is_some() {
        return Err(refusal());
    }
    let payload = commands::find_payload(tx, &command).await?.unwrap_or_default();
    let payload: Value = serde_json::from_str(&payload).unwrap_or_default();
    if names(&payload, &request.baseline_tags) { Ok(()) } else { Err(refusal()) }
}

/// Whether some text of it is this one, or quotes it whole.
fn names(value: &Value, text: &str) -> bool {
    let ends = |rest: &str| rest.chars().next().is_none_or(|next| matches!(next, '\'' | '"' | '\\'));
    match value {
        Value::String(found) => found.match_indices(text).any(|(at, _)| ends(&found[at + text.len()..])),
        Value::Array(elements) => elements.iter().any(|element| names(element, text)),
        Value::Object(members) => members.values().any(|member| names(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

async fn choose(
    ctx: &Ctx,
    tx: &mut Tx,
    tag: &TagSelector,
    otherwise: BaselineChoice,
) -> Result<BaselineChoice, ApiError> {
    let os = otherwise.baseline.rules.operating_system;
    let tagged = baselines::list_tagged(tx, &ctx.account, &ctx.region, os, tag).await?;
    BaselineChoice::by_tag(tagged, otherwise)
        .map_err(|error| ApiError::new(ErrorCode::AmbiguousBaselineException, error.to_string()))
}

fn key(ctx: &Ctx, resolved: &ResolvedBaseline, snapshot_id: SnapshotId, tags: &str) -> SnapshotKey {
    SnapshotKey {
        account: ctx.account.clone(),
        region: ctx.region.clone(),
        patch_group: resolved.choice.patch_group.as_ref().map(PatchGroup::to_string).unwrap_or_default(),
        operating_system: resolved.system.operating_system,
        snapshot_id,
        override_sha256: hex::encode(Sha256::digest(format!("BaselineTags {tags}"))),
    }
}
