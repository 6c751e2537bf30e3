//! One open control channel: jobs out, acknowledgements and replies in, until either side ends it.
//! The socket outlives errors of what it carries: a closed one loses replies for minutes.
//! Source: agent-protocol.md 4.2 to 4.6.

use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use api::agent::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentMessage, MessageId, MessageType,
};
use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use store::node_messages::NodeKey;
use tokio::time::Instant;

use super::delivery::{self, Job, Route};
use super::hub::Channel;
use super::{channel_lease, engine, replies};
use crate::app::App;
use crate::error::ApiError;
use crate::keyring::random;

/// A frame that cannot be written for so long ends the channel.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Stock agents ping every 54 s: a node silent for three of them is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(180);
/// Storing a reply may take so long; the agent repeats one that was not acknowledged.
const STORE_TIMEOUT: Duration = Duration::from_secs(20);

/// An upgraded connection's frames, both ways.
pub trait Socket:
    Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Send + Unpin
{
}
impl<S> Socket for S where
    S: Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Send + Unpin
{
}

/// Why a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ByAgent,
    Replaced,
    Silent,
    Shutdown,
    Unwritable,
    /// The store does not answer; the agent tries again in seconds.
    NotNoted,
}

/// `endpoint` is this server as the node knows it.
pub async fn run(app: &Arc<App>, node: NodeKey, endpoint: &str, mut socket: impl Socket) {
    let _counted = app.agents.count_connection();
    let channel = app.agents.hub.open(&node);
    app.metrics.control_channels.inc();
    tracing::info!(node_id = %node.node, connection_id = channel.connection_id, "control channel open");
    let opened = Box::pin(channel_lease::open(app, &node, &channel.connection_id, app.now()));
    let end = match opened.await {
        Ok(()) => exchange(app, (&node, endpoint), &channel, &mut socket).await,
        Err(error) => {
            tracing::error!(node_id = %node.node, cause = error.chain(), "cannot note the open channel");
            End::NotNoted
        }
    };
    app.agents.hub.close(&node, &channel.connection_id);
    app.metrics.control_channels.dec();
    let closed = Box::pin(channel_lease::close(app, &node, &channel.connection_id, app.now()));
    if let Err(error) = closed.await {
        tracing::warn!(node_id = %node.node, cause = error.chain(), "cannot note the closed channel");
    }
    // Nobody is left to tell when closing fails.
    let _ = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(None))).await;
    tracing::info!(node_id = %node.node, connection_id = channel.connection_id, ?end, "control channel closed");
}

async fn exchange(
    app: &Arc<App>,
    (node, endpoint): (&NodeKey, &str),
    channel: &Channel,
    socket: &mut impl Socket,
) -> End {
    // What is rarely under way is boxed: an idle connection does not keep room for it.
    if let Err(end) = Box::pin(deliver(app, (node, endpoint), channel, socket)).await {
        return end;
    }
    let mut heard_at = Instant::now();
    loop {
        let frame = tokio::select! {
            // In this order, so that a simulation repeats itself. Wake-ups are rare beside frames.
            biased;
            () = app.shutting_down() => return End::Shutdown,
            () = channel.replaced() => return End::Replaced,
            () = channel.woken() => {
                match Box::pin(deliver(app, (node, endpoint), channel, socket)).await {
                    Ok(()) => continue,
                    Err(end) => return end,
                }
            }
            frame = tokio::time::timeout_at(heard_at + SILENCE_TIMEOUT, socket.next()) => frame,
        };
        heard_at = Instant::now();
        match frame {
            Err(_) => return End::Silent,
            // Pings are answered by the socket itself while it is read.
            Ok(Some(Ok(Message::Binary(bytes)))) => {
                if let Some(answer) = Box::pin(receive(app, node, &bytes)).await
                    && let Err(end) = send(socket, &answer).await
                {
                    return end;
                }
                Box::pin(app.agents.settle(app)).await;
            }
            Ok(Some(Ok(Message::Close(_)))) | Ok(Some(Err(_)) | None) => return End::ByAgent,
            Ok(Some(Ok(_))) => {}
        }
    }
}

/// Sends what is due. What cannot be read from the store now is read at the next wake-up.
async fn deliver(
    app: &Arc<App>,
    (node, endpoint): (&NodeKey, &str),
    channel: &Channel,
    socket: &mut impl Socket,
) -> Result<(), End> {
    let route = Route::ControlChannel { connection_id: &channel.connection_id };
    let claimed = async {
        let mut jobs = delivery::claim(app, node, route, app.now()).await?;
        engine::complete_jobs(app, node, endpoint, &mut jobs).await?;
        Ok::<_, ApiError>(jobs)
    };
    let jobs = match claimed.await {
        Ok(jobs) => jobs,
        Err(error) => {
            tracing::error!(node_id = %node.node, cause = error.chain(), "cannot read what is to be delivered");
            return Ok(());
        }
    };
    for job in jobs {
        // Writing the lease may have taken so long that its time is over: a window's cut-off is kept to all the same.
        if job.deliver_until <= app.now() {
            tracing::info!(node_id = %node.node, job_id = job.id, "job not sent: its time is over");
            continue;
        }
        tracing::debug!(node_id = %node.node, job_id = job.id, "job sent");
        send(socket, &job_frame(job, app.now())).await?;
    }
    Ok(())
}

fn job_frame(job: Job, now: Timestamp) -> AgentMessage {
    let Job { id, topic, content, .. } = job;
    let payload = AgentJob { schema_version: 1, job_id: id, topic, content };
    frame(MessageType::AgentJob, &payload, now)
}

fn frame(message_type: MessageType, payload: &impl serde::Serialize, now: Timestamp) -> AgentMessage {
    let payload = serde_json::to_vec(payload).unwrap_or_default();
    AgentMessage::new(message_type, MessageId::from_bytes(random()), now, payload)
}

async fn send(socket: &mut impl Socket, message: &AgentMessage) -> Result<(), End> {
    let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Binary(message.encode().into())));
    match sent.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Unwritable),
    }
}

/// Takes one frame in; the answer, if one is due, goes out only after the commit.
async fn receive(app: &Arc<App>, node: &NodeKey, bytes: &[u8]) -> Option<AgentMessage> {
    let message = match AgentMessage::decode(bytes) {
        Ok(message) => message,
        Err(error) => {
            tracing::warn!(node_id = %node.node, %error, "frame not understood");
            return None;
        }
    };
    let outcome = match message.message_type {
        MessageType::AgentJobAck => job_ack(app, node, &message).await.map(|()| None),
        MessageType::AgentJobReply => job_reply(app, node, &message).await.map(Some),
        // Telemetry, and whatever newer agents may say.
        _ => Ok(None),
    };
    outcome.unwrap_or_else(|error| {
        let (message_type, cause) = (message.message_type.as_str(), error.chain());
        match error.code.status {
            500.. => tracing::error!(node_id = %node.node, message_type, cause, "frame not taken in"),
            // What a node says wrongly is no fault of the server's.
            _ => tracing::warn!(node_id = %node.node, message_type, cause, "frame not taken in"),
        }
        None
    })
}

async fn job_ack(app: &Arc<App>, node: &NodeKey, message: &AgentMessage) -> Result<(), ApiError> {
    let ack: AgentJobAck = parse(&message.payload)?;
    in_time(replies::acknowledged(app, node, &ack.job_id, &ack.status_code)).await
}

async fn job_reply(app: &Arc<App>, node: &NodeKey, message: &AgentMessage) -> Result<AgentMessage, ApiError> {
    let reply: AgentJobReply = parse(&message.payload)?;
    let id = message.message_id;
    in_time(replies::received(app, node, &reply.job_id, &id.to_string(), &reply.content)).await?;
    let ack = AgentJobReplyAck { job_id: reply.job_id, acknowledged_message_id: id };
    Ok(frame(MessageType::AgentJobReplyAck, &ack, app.now()))
}

fn parse<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(payload).map_err(|error| crate::error::validation(error.to_string()))
}

async fn in_time<T>(work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let late = || crate::error::validation("the store did not answer in time");
    tokio::time::timeout(STORE_TIMEOUT, work).await.unwrap_or_else(|_| Err(late()))
}
