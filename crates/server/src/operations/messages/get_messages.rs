//! GetMessages: waits for what the node is to be told, for as long as agents wait.
//! Source: agent-protocol.md 3.1 to 3.3.

use std::time::Duration;

use api::mds::{ErrorCode, GetMessagesRequest, GetMessagesResult, Message};
use store::node_messages::NodeKey;
use store::nodes;
use tokio::time::{Instant, sleep_until};

use super::{calling_node, refuse_other_destination};
use crate::agents::delivery::{self, Job, Route};
use crate::agents::{engine, retry};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Stock agents give up after 20 s.
const HOLD: Duration = Duration::from_secs(15);
/// How soon a message is seen that another server wrote.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub async fn get_messages(ctx: &Ctx, request: GetMessagesRequest) -> Result<GetMessagesResult, ApiError> {
    let node = calling_node(ctx)?;
    refuse_other_destination(&node, &request.destination)?;
    note_sign_of_life(ctx, &node).await?;
    let mut jobs = wait(ctx, &node).await?;
    engine::complete_jobs(&ctx.app, &node, &ctx.endpoint, &mut jobs).await?;
    Ok(GetMessagesResult {
        messages: Some(jobs.into_iter().map(|job| message(&node, job)).collect()),
        destination: Some(request.destination),
        messages_request_id: Some(request.messages_request_id),
    })
}

/// Until there is something, the time is over, or the server stops.
async fn wait(ctx: &Ctx, node: &NodeKey) -> Result<Vec<Job>, ApiError> {
    let end = Instant::now() + HOLD;
    let poll = ctx.app.agents.hub.poll(node);
    loop {
        // Listening begins before looking, so that nothing falls in between.
        let mut woken = std::pin::pin!(poll.wake.notified());
        woken.as_mut().enable();
        let jobs = delivery::claim(&ctx.app, node, Route::LongPoll, ctx.app.now()).await?;
        if !jobs.is_empty() || Instant::now() >= end {
            return Ok(jobs);
        }
        tokio::select! {
            () = woken => {}
            () = sleep_until(end.min(Instant::now() + LOOK_EVERY)) => {}
            () = ctx.app.shutting_down() => return Ok(Vec::new()),
        }
    }
}

async fn note_sign_of_life(ctx: &Ctx, node: &NodeKey) -> Result<(), ApiError> {
    let mut tx = ctx.store.read_each().await?;
    let known = nodes::find(&mut tx, &node.account, &node.region, &node.node).await?;
    drop(tx);
    let known = known.ok_or_else(|| {
        ApiError::new(ErrorCode::InvalidDestinationException, format!("`{}` is not registered", node.node))
    })?;
    if !nodes::is_due(&known, ctx.now) {
        return Ok(());
    }
    retry(&ctx.app, || async {
        let mut tx = ctx.store.write().await?;
        nodes::record_seen(&mut tx, &node.node, ctx.now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

fn message(node: &NodeKey, job: Job) -> Message {
    Message {
        message_id: job.id,
        destination: node.node.to_string(),
        created_date: job.created_at.to_iso_millis(),
        topic: job.topic,
        payload: Some(job.content),
        payload_digest: None,
    }
}
