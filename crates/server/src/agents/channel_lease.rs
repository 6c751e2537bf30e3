//! The note in the store that a node's control channel is open, and on which server.
//! Kept up by the renewing job; it runs out by itself when the server dies.

use api::Timestamp;
use store::channels::{self, Channel};
use store::node_messages::NodeKey;

use super::retry;
use crate::app::App;
use crate::error::ApiError;

/// How long an open channel counts as open without a renewal: three renewals may fail.
pub const OPEN_SECONDS: i64 = 90;
/// Connections of one renewing transaction.
const CONNECTIONS_AT_ONCE: usize = 200;

pub async fn open(app: &App, node: &NodeKey, connection_id: &str, now: Timestamp) -> Result<(), ApiError> {
    let channel = Channel { server_id: app.agents.hub.server_id(), connection_id };
    retry(app, || async {
        let mut tx = app.store().write().await?;
        channels::open(&mut tx, node, channel, now.plus_seconds(OPEN_SECONDS), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

pub async fn close(app: &App, node: &NodeKey, connection_id: &str, now: Timestamp) -> Result<(), ApiError> {
    retry(app, || async {
        let mut tx = app.store().write().await?;
        channels::close(&mut tx, node, connection_id, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Renews this server's channels and closes those that another server has taken over.
pub async fn renew(app: &App, now: Timestamp) -> Result<u64, ApiError> {
    let hub = &app.agents.hub;
    let connections = hub.connection_ids();
    let mut renewed = 0;
    for chunk in connections.chunks(CONNECTIONS_AT_ONCE) {
        let held = retry(app, || async {
            let mut tx = app.store().write().await?;
            let until = now.plus_seconds(OPEN_SECONDS);
            let held = channels::renew(&mut tx, hub.server_id(), chunk, until, now).await?;
            tx.commit().await?;
            Ok(held)
        })
        .await?;
        renewed += held.len() as u64;
        let replaced: Vec<String> = chunk.iter().filter(|id| !held.contains(id)).cloned().collect();
        hub.close_replaced(&replaced);
    }
    Ok(renewed)
}
