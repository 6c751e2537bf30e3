//! What nodes answered when they were asked for a plan: by the command that asked, and forgotten with it.

use api::Timestamp;
use domain::patch::execution::NodePlan;

use crate::invocations::InvocationKey;
use crate::{Result, StoreError, Tx};

pub async fn put(
    tx: &mut Tx,
    invocation: &InvocationKey,
    requested_at: Timestamp,
    plan: &NodePlan,
) -> Result<()> {
    let sql = "INSERT INTO patch_plans (account, region, command_id, node_id, requested_at, body)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account, region, command_id, node_id) DO UPDATE SET body = excluded.body";
    let body = serde_json::to_string(plan).map_err(|error| StoreError::Backend(error.into()))?;
    let [account, region, command, node] = invocation.values();
    tx.execute(sql, &[account, region, command, node, requested_at.into(), body.into()]).await.map(drop)
}

pub async fn find(tx: &mut Tx, invocation: &InvocationKey) -> Result<Option<NodePlan>> {
    let sql = "SELECT body FROM patch_plans
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id = $4";
    tx.query_opt(sql, &invocation.values()).await?.map(|row| row.json(0)).transpose()
}

/// Those of commands that were requested before `before`. Index: patch_plans_by_age.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.execute("DELETE FROM patch_plans WHERE requested_at < $1", &[before.into()]).await
}
