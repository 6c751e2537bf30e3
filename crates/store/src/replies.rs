//! Which replies of a node were taken in already: agents repeat those whose acknowledgement they missed.

use api::Timestamp;

use crate::node_messages::NodeKey;
use crate::{Result, Tx};

/// Notes a reply; false when it was noted before.
pub async fn insert(tx: &mut Tx, node: &NodeKey, reply_id: &str, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO replies (account, region, node_id, reply_id, received_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, region, node_id, reply_id) DO NOTHING";
    let [account, region, id] = node.values();
    Ok(tx.execute(sql, &[account, region, id, reply_id.into(), now.into()]).await? == 1)
}

/// Agents stop repeating after hours: older notes serve nobody. Index: replies_by_age.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.execute("DELETE FROM replies WHERE received_at < $1", &[before.into()]).await
}
