//! What agents say of their jobs, taken in: the same for the control channel and the long poll.
//! Source: agent-protocol.md 3.7, 3.8, 4.6.

use std::sync::Arc;

use api::Timestamp;
use api::agent::{AckCode, JobId, ReplyPayload};
use domain::command::{Event, Progress};
use domain::ids::{CommandId, NodeId};
use store::commands::CommandKey;
use store::invocations::{self, InvocationKey};
use store::node_messages::{self, MessageKind, NodeKey};
use store::{Tx, replies, step_results};

use super::delivery::LEASE_SECONDS;
use super::{kept_logs, retry};
use crate::app::App;
use crate::error::ApiError;
use crate::progress;

/// The job id is not one of this node.
fn foreign(job_id: &str) -> ApiError {
    let code = api::mds::ErrorCode::InvalidMessageIdException;
    ApiError::new(code, format!("`{job_id}` is not a message of this node"))
}

/// The invocation a job id of this node may stand for: cancellations have ids of their own.
pub fn invocation_key(node: &NodeKey, job_id: &str) -> Result<InvocationKey, ApiError> {
    let job: JobId = job_id.parse().map_err(|_| foreign(job_id))?;
    let named: NodeId = job.instance_id.parse().map_err(|_| foreign(job_id))?;
    let id: CommandId = job.command_id.parse().map_err(|_| foreign(job_id))?;
    if named != node.node {
        return Err(foreign(job_id));
    }
    let command = CommandKey { account: node.account.clone(), region: node.region.clone(), id };
    Ok(InvocationKey { command, node: named })
}

/// The agent took the job, or said why not.
pub async fn acknowledged(app: &App, node: &NodeKey, job_id: &str, code: &AckCode) -> Result<(), ApiError> {
    let key = invocation_key(node, job_id)?;
    let now = app.now();
    let changed = retry(app, || async {
        let mut tx = app.store().write().await?;
        let changed = take_acknowledgement(&mut tx, node, job_id, &key, code, now).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await?;
    if changed {
        app.agents.touch(key.command);
    }
    Ok(())
}

async fn take_acknowledgement(
    tx: &mut Tx,
    node: &NodeKey,
    job_id: &str,
    key: &InvocationKey,
    code: &AckCode,
    now: Timestamp,
) -> Result<bool, ApiError> {
    let event = match code {
        AckCode::Successful | AckCode::DuplicateCommand => Event::PickedUp,
        AckCode::ClosedProcessor | AckCode::ProcessorBufferFull => {
            node_messages::postpone(tx, node, job_id, now.plus_seconds(LEASE_SECONDS)).await?;
            return Ok(false);
        }
        _ => Event::Refused,
    };
    let message = node_messages::find(tx, node, job_id).await?;
    node_messages::delete(tx, node, job_id).await?;
    if message.is_some_and(|message| message.kind == MessageKind::Cancel) {
        return Ok(false);
    }
    let Some(mut invocation) = invocations::find(tx, key).await? else {
        return Ok(false);
    };
    if !progress::apply(&mut invocation, event, now) {
        return Ok(false);
    }
    if event == Event::Refused {
        invocation.trace_output = format!("the agent refused the command: {}", code.message());
        node_messages::delete_for_invocation(tx, &key.command, &key.node).await?;
    }
    invocations::update(tx, &invocation).await?;
    Ok(true)
}

/// The agent reports progress or the end of a job. Returns after the commit; a report that came
/// before, or that is about nothing we know, is taken as it is: there is nothing to repeat.
pub async fn received(
    app: &Arc<App>,
    node: &NodeKey,
    job_id: &str,
    reply_id: &str,
    content: &str,
) -> Result<(), ApiError> {
    let key = invocation_key(node, job_id)?;
    let reply: ReplyPayload = match serde_json::from_str(content) {
        Ok(reply) => reply,
        Err(error) => {
            tracing::warn!(node_id = %node.node, job_id, %error, "reply not understood");
            return Ok(());
        }
    };
    // Before the agent hears that it is stored: it says it again otherwise.
    kept_logs::keep(app, &key, &reply).await;
    let now = app.now();
    let changed = retry(app, || async {
        let mut tx = app.store().write().await?;
        let changed = merge(&mut tx, node, &key, reply_id, &reply, now).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await?;
    if changed {
        app.agents.touch(key.command);
    }
    Ok(())
}

/// Whether the invocation's status changed.
async fn merge(
    tx: &mut Tx,
    node: &NodeKey,
    key: &InvocationKey,
    reply_id: &str,
    reply: &ReplyPayload,
    now: Timestamp,
) -> Result<bool, ApiError> {
    if !replies::insert(tx, node, reply_id, now).await? {
        return Ok(false);
    }
    let Some(mut invocation) = invocations::find(tx, key).await? else {
        return Ok(false);
    };
    let known = step_results::list(tx, key).await?;
    let mut merged = Progress {
        status: invocation.status,
        steps: known.clone(),
        trace_output: invocation.trace_output.clone(),
    };
    merged.merge(reply);
    // As many statements as steps in the reply: one, or a document's few.
    for (name, result) in merged.steps.iter().filter(|(name, result)| known.get(*name) != Some(*result)) {
        step_results::put(tx, key, invocation.requested_at, name, result).await?;
    }
    // Whatever the node reports, it has the command: it need not be sent again.
    if merged.status.is_terminal() {
        node_messages::delete_for_invocation(tx, &key.command, &key.node).await?;
    } else {
        node_messages::delete(tx, node, &super::delivery::job_id(&key.command, node)).await?;
    }
    let changed = progress::apply(&mut invocation, Event::of_reply(&reply.document_status), now);
    if changed || merged.trace_output != invocation.trace_output {
        invocation.trace_output = merged.trace_output;
        invocations::update(tx, &invocation).await?;
    }
    Ok(changed)
}
