//! CancelCommand: ends what has not started, asks agents to end what has.
//! Source: API reference, CancelCommand; systems-manager.md 1.5.

use api::Timestamp;
use api::agent::JobId;
use api::ssm::{CancelCommandRequest, CancelCommandResult, ErrorCode};
use domain::command::{Event, InvocationStatus};
use domain::ids::NodeId;
use store::Tx;
use store::commands::{self, Command, CommandKey};
use store::invocations::{self, Invocation};
use store::node_messages::{self, MessageKind, NodeKey, NodeMessage};

use super::{command_key, invalid_command_id, node_id, refuse_duplicates};
use crate::agents::delivery::job_id;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::keyring::random_uuid;
use crate::progress;

pub async fn cancel_command(
    ctx: &Ctx,
    request: CancelCommandRequest,
) -> Result<CancelCommandResult, ApiError> {
    let key = command_key(ctx, &request.command_id)?;
    let ids = request.instance_ids.unwrap_or_default();
    refuse_duplicates(&ids)?;
    let nodes = ids.iter().map(|id| node_id(ctx, id)).collect::<Result<Vec<NodeId>, _>>()?;

    let mut tx = ctx.store.write().await?;
    let command = commands::find(&mut tx, &key).await?;
    let mut command = command.ok_or_else(|| invalid_command_id(&request.command_id))?;
    let addressed = invocations::addressed(&mut tx, &key, &nodes).await?;
    if let Some(stranger) = nodes.iter().find(|node| !addressed.contains(node)) {
        let message = format!("command `{}` was not sent to instance `{stranger}`", key.id);
        return Err(ApiError::new(ErrorCode::InvalidInstanceId, message));
    }
    if command.finished_at.is_some() {
        return Ok(CancelCommandResult {});
    }
    let is_whole = nodes.is_empty() || i64::try_from(nodes.len()) == Ok(command.counters.targets);
    if is_whole {
        command.cancelled_at.get_or_insert(ctx.now);
        invocations::end_held(&mut tx, &key, InvocationStatus::Cancelled, ctx.now).await?;
    }
    let woken = cancel_open(&mut tx, &mut command, &nodes, ctx.now).await?;
    tx.commit().await?;
    woken.iter().for_each(|node| ctx.app.agents.hub.wake(node));
    Ok(CancelCommandResult {})
}

/// Cancels all of it: what waits never begins. Returns the nodes that are to be told after the commit.
pub async fn cancel_whole(
    tx: &mut Tx,
    command: &mut Command,
    now: Timestamp,
) -> Result<Vec<NodeKey>, ApiError> {
    command.cancelled_at.get_or_insert(now);
    invocations::end_held(tx, &command.key, InvocationStatus::Cancelled, now).await?;
    cancel_open(tx, command, &[], now).await
}

/// Cancels what is open on these nodes, on all if there are none, and writes the command. Returns the nodes that are to
/// be told after the commit.
pub async fn cancel_open(
    tx: &mut Tx,
    command: &mut Command,
    nodes: &[NodeId],
    now: Timestamp,
) -> Result<Vec<NodeKey>, ApiError> {
    let open = invocations::list_open(tx, &command.key, nodes).await?;
    let mut woken = Vec::new();
    // Bounded by MaxConcurrency, or by the 50 ids of a request.
    for mut invocation in open {
        woken.extend(cancel(tx, command, &mut invocation, now).await?);
    }
    woken.extend(progress::advance_in(tx, command, now).await?);
    commands::update_progress(tx, command).await?;
    Ok(woken)
}

/// Returns the node when there is something to tell it.
async fn cancel(
    tx: &mut Tx,
    command: &Command,
    invocation: &mut Invocation,
    now: Timestamp,
) -> Result<Option<NodeKey>, ApiError> {
    let CommandKey { account, region, .. } = command.key.clone();
    let node = NodeKey { account, region, node: invocation.key.node.clone() };
    let sent = node_messages::find(tx, &node, &job_id(&command.key, &node)).await?;
    if !progress::apply(invocation, Event::CancelRequested, now) {
        return Ok(None);
    }
    invocations::update(tx, invocation).await?;
    if invocation.status.is_terminal() {
        node_messages::delete_for_invocation(tx, &command.key, &node.node).await?;
        // An attempt may be under way: then the agent is told all the same.
        if sent.is_none_or(|message| message.attempts == 0) {
            return Ok(None);
        }
    }
    let job = JobId { command_id: random_uuid().to_string(), instance_id: node.node.to_string() };
    let message = NodeMessage {
        node: node.clone(),
        job_id: job.to_string(),
        kind: MessageKind::Cancel,
        command_id: command.key.id.clone(),
        created_at: now,
        due_at: now,
        attempts: 0,
        deliver_until: command.expires_at,
    };
    node_messages::insert_many(tx, &[message]).await?;
    Ok(Some(node))
}
