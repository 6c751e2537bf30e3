//! Ends invocations whose time is over: not delivered in time, or never reported to their end.
//! Source: systems-manager.md 1.3.

use std::sync::Arc;

use api::Timestamp;
use domain::command::Event;
use store::invocations::{self, Invocation};
use store::node_messages;

use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::progress;

/// Invocations of one transaction.
const BATCH: i64 = 200;
/// Of one run; what is left waits for the next.
const BATCHES: u32 = 50;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut ended = 0;
    for _ in 0..BATCHES {
        let batch = retry(&app, || async { batch(&app, now).await }).await?;
        ended += batch.len() as u64;
        let is_last = i64::try_from(batch.len()).is_ok_and(|count| count < BATCH);
        batch.into_iter().for_each(|invocation| app.agents.touch(invocation.key.command));
        if is_last {
            break;
        }
    }
    while app.agents.settle(&app).await {}
    retry(&app, || async { delete_messages(&app, now).await }).await?;
    Ok(ended)
}

/// Asks first: an idle server writes nothing.
async fn delete_messages(app: &App, now: Timestamp) -> Result<(), ApiError> {
    let mut tx = app.store().read().await?;
    if !node_messages::has_expired(&mut tx, now).await? {
        return Ok(());
    }
    drop(tx);
    let mut tx = app.store().write().await?;
    node_messages::delete_expired(&mut tx, now).await?;
    Ok(tx.commit().await?)
}

async fn batch(app: &App, now: Timestamp) -> Result<Vec<Invocation>, ApiError> {
    let mut tx = app.store().read().await?;
    if invocations::list_overdue(&mut tx, now, 1).await?.is_empty() {
        return Ok(Vec::new());
    }
    drop(tx);
    let mut tx = app.store().write().await?;
    let mut overdue = invocations::list_overdue(&mut tx, now, BATCH).await?;
    // Rare rows, each its own state: two statements for each.
    for invocation in &mut overdue {
        let is_over = invocation.expires_at <= now;
        let event = if is_over { Event::Expired } else { Event::DeliveryExpired };
        if progress::apply(invocation, event, now) {
            let key = &invocation.key;
            node_messages::delete_for_invocation(&mut tx, &key.command, &key.node).await?;
        } else {
            // It has been delivered: the later limit counts.
            invocation.deadline_at = Some(invocation.expires_at);
        }
        invocations::update(&mut tx, invocation).await?;
    }
    tx.commit().await?;
    Ok(overdue)
}
