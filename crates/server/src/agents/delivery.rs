//! What a node is to be told next, leased to this attempt: the same for the control channel and the long poll.

use api::Timestamp;
use api::agent::{CancelCommandPayload, JobId, TopicKind};
use domain::command::Event;
use store::commands::{self, CommandKey};
use store::invocations::{self, InvocationKey};
use store::node_messages::{self, MessageKind, NodeKey, NodeMessage};
use store::{Store, Tx, channels};

use crate::app::App;
use crate::error::ApiError;
use crate::progress;

/// Without an acknowledgement for so long a job is delivered again.
pub const LEASE_SECONDS: i64 = 10;
/// As many as a stock agent takes: 5 running and 5 waiting.
const JOBS_AT_ONCE: i64 = 10;

/// The way a job takes to its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// Only while this connection holds the node's channel.
    ControlChannel { connection_id: &'a str },
    /// Only while no control channel is open anywhere.
    LongPoll,
}

/// One job, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    pub topic: String,
    /// JSON text of the payload.
    pub content: String,
    pub created_at: Timestamp,
    /// Not to be sent from then on.
    pub deliver_until: Timestamp,
}

/// Leases and returns the node's due jobs; a lost race is run again.
pub async fn claim(
    app: &App,
    node: &NodeKey,
    route: Route<'_>,
    now: Timestamp,
) -> Result<Vec<Job>, ApiError> {
    super::retry(app, || async { claim_once(&app.store(), node, route, now).await }).await
}

async fn claim_once(
    store: &Store,
    node: &NodeKey,
    route: Route<'_>,
    now: Timestamp,
) -> Result<Vec<Job>, ApiError> {
    // Most of the time there is nothing, and readers do not wait for the writer.
    let mut tx = store.read_each().await?;
    let holder = channels::find_connection(&mut tx, node, now).await?;
    let is_ours = match route {
        Route::ControlChannel { connection_id } => holder.as_deref() == Some(connection_id),
        Route::LongPoll => holder.is_none(),
    };
    if !is_ours {
        return Ok(Vec::new());
    }
    let due = node_messages::next_due(&mut tx, node, now).await?;
    drop(tx);
    if due.is_none_or(|due| due > now) {
        return Ok(Vec::new());
    }
    let mut tx = store.write().await?;
    let lease_until = now.plus_seconds(LEASE_SECONDS);
    let messages = node_messages::claim(&mut tx, node, now, lease_until, JOBS_AT_ONCE).await?;
    let mut jobs = Vec::with_capacity(messages.len());
    // A handful at most: see `JOBS_AT_ONCE`.
    for message in &messages {
        if message.attempts > 1 && message.kind == MessageKind::Send {
            note_failed_attempt(&mut tx, message, now).await?;
        }
        match job(&mut tx, message).await? {
            Some(job) => jobs.push(job),
            // Its command is gone.
            None => drop(node_messages::delete(&mut tx, node, &message.job_id).await?),
        }
    }
    tx.commit().await?;
    Ok(jobs)
}

async fn note_failed_attempt(tx: &mut Tx, message: &NodeMessage, now: Timestamp) -> Result<(), ApiError> {
    let key = InvocationKey { command: command_key(message), node: message.node.node.clone() };
    if let Some(mut invocation) = invocations::find(tx, &key).await?
        && progress::apply(&mut invocation, Event::DeliveryFailed, now)
    {
        invocations::update(tx, &invocation).await?;
    }
    Ok(())
}

async fn job(tx: &mut Tx, message: &NodeMessage) -> Result<Option<Job>, ApiError> {
    let command = command_key(message);
    let Some(row) = commands::find(tx, &command).await? else {
        return Ok(None);
    };
    let (region, document) = (command.region.as_str(), row.document_name.as_str());
    let (topic, content) = match message.kind {
        MessageKind::Send => {
            let Some(payload) = commands::find_payload(tx, &command).await? else {
                return Ok(None);
            };
            (TopicKind::SendCommand.topic(region, document), payload)
        }
        MessageKind::Cancel => {
            let payload = CancelCommandPayload { cancel_message_id: job_id(&command, &message.node) };
            let content = serde_json::to_string(&payload).unwrap_or_default();
            (TopicKind::CancelCommand.topic(region, document), content)
        }
    };
    let NodeMessage { job_id: id, created_at, deliver_until, .. } = message.clone();
    Ok(Some(Job { id, topic, content, created_at, deliver_until }))
}

/// The job id under which a command is sent to a node.
pub fn job_id(command: &CommandKey, node: &NodeKey) -> String {
    JobId { command_id: command.id.to_string(), instance_id: node.node.to_string() }.to_string()
}

fn command_key(message: &NodeMessage) -> CommandKey {
    let NodeKey { account, region, .. } = message.node.clone();
    CommandKey { account, region, id: message.command_id.clone() }
}
