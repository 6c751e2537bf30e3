//! Wakes the control channels of this server whose nodes have something due: repeated deliveries,
//! and what other servers wrote.

use std::sync::Arc;

use api::Timestamp;
use store::node_messages;

use crate::app::App;
use crate::error::ApiError;

/// Nodes of one run; the rest waits for the next.
const NODES_AT_ONCE: i64 = 1000;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let hub = &app.agents.hub;
    let mut tx = app.store().read_each().await?;
    let nodes = node_messages::due_on_server(&mut tx, hub.server_id(), now, NODES_AT_ONCE).await?;
    nodes.iter().for_each(|node| hub.wake(node));
    Ok(nodes.len() as u64)
}
