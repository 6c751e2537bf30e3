//! Who holds a node's control channel: one server at a time, for as long as it renews.
//! The columns of `nodes` that others read follow in the same transaction.

use api::Timestamp;
use domain::ids::NodeId;

use crate::clause::placeholders;
use crate::node_messages::NodeKey;
use crate::{Result, Tx, Value};

/// One open websocket.
#[derive(Clone, Copy, Debug)]
pub struct Channel<'a> {
    pub server_id: &'a str,
    pub connection_id: &'a str,
}

/// Takes over the node's channel, whoever held it.
pub async fn open(
    tx: &mut Tx,
    node: &NodeKey,
    channel: Channel<'_>,
    open_until: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO channels (account, region, node_id, server_id, connection_id, open_until)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account, region, node_id) DO UPDATE SET
            server_id = excluded.server_id, connection_id = excluded.connection_id,
            open_until = excluded.open_until";
    let [account, region, id] = node.values();
    let values =
        [account, region, id, channel.server_id.into(), channel.connection_id.into(), open_until.into()];
    tx.execute(sql, &values).await?;
    crate::nodes::record_channel(tx, &node.node, open_until, now).await
}

/// Gives the channel up, unless another connection took it over.
pub async fn close(tx: &mut Tx, node: &NodeKey, connection_id: &str, now: Timestamp) -> Result<bool> {
    let sql = "DELETE FROM channels
        WHERE account = $1 AND region = $2 AND node_id = $3 AND connection_id = $4";
    let [account, region, id] = node.values();
    let ours = tx.execute(sql, &[account, region, id, connection_id.into()]).await? == 1;
    if ours {
        crate::nodes::record_channel(tx, &node.node, now, now).await?;
    }
    Ok(ours)
}

/// Extends the channels that these connections of `server_id` still hold, and returns those
/// connections: the others were replaced, or their nodes are no longer registered.
pub async fn renew(
    tx: &mut Tx,
    server_id: &str,
    connection_ids: &[String],
    open_until: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>> {
    if connection_ids.is_empty() {
        return Ok(Vec::new());
    }
    let list = placeholders(3, connection_ids.len());
    let sql = format!(
        "UPDATE channels SET open_until = $2 WHERE server_id = $1 AND connection_id IN ({list})
            AND node_id IN (SELECT n.node_id FROM nodes n WHERE n.account = channels.account
                AND n.region = channels.region AND n.node_id = channels.node_id)
        RETURNING connection_id, node_id"
    );
    let mut values: Vec<Value<'_>> = vec![server_id.into(), open_until.into()];
    values.extend(connection_ids.iter().map(Value::from));
    let rows = tx.query(&sql, &values).await?;
    let mut nodes = Vec::with_capacity(rows.len());
    let mut held = Vec::with_capacity(rows.len());
    for row in &rows {
        held.push(row.get(0)?);
        nodes.push(row.parse::<NodeId>(1)?);
    }
    crate::nodes::record_channels(tx, &nodes, open_until, now).await?;
    Ok(held)
}

/// The connection that holds the node's channel, on whichever server.
pub async fn find_connection(tx: &mut Tx, node: &NodeKey, now: Timestamp) -> Result<Option<String>> {
    let sql = "SELECT connection_id FROM channels
        WHERE account = $1 AND region = $2 AND node_id = $3 AND open_until > $4";
    let [account, region, id] = node.values();
    let row = tx.query_opt(sql, &[account, region, id, now.into()]).await?;
    row.map(|row| row.get(0)).transpose()
}
