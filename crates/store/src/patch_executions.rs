//! Runs that changed a node's packages, a row each; the same run told again replaces what was known of it.
//! What they mean for an undo is `domain::patch::execution`'s.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::NodeId;
use domain::patch::execution::{PatchExecution, Undoer};

use crate::clause::placeholders;
use crate::{Result, Scope, StoreError, Tx, Value};

/// The place in a list after which a page begins: newest first.
#[derive(Clone, Copy, Debug)]
pub struct After<'a> {
    pub ended_at: Timestamp,
    pub execution_id: &'a str,
}

pub async fn put(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    execution: &PatchExecution,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO patch_executions
            (account, region, node_id, execution_id, ended_at, received_at, undo_of, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (account, region, node_id, execution_id) DO UPDATE
        SET ended_at = excluded.ended_at, received_at = excluded.received_at, undo_of = excluded.undo_of,
            body = excluded.body";
    let body = serde_json::to_string(execution).map_err(|error| StoreError::Backend(error.into()))?;
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        node.as_str().into(),
        (&execution.execution_id).into(),
        execution.ended_at.into(),
        now.into(),
        execution.undo_of.as_deref().into(),
        body.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub async fn find(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    execution_id: &str,
) -> Result<Option<PatchExecution>> {
    let sql = "SELECT body FROM patch_executions
        WHERE account = $1 AND region = $2 AND node_id = $3 AND execution_id = $4";
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into(), execution_id.into()];
    tx.query_opt(sql, &values).await?.map(|row| row.json(0)).transpose()
}

/// Newest first. Index: patch_executions_by_time.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    after: Option<After<'_>>,
    limit: i64,
) -> Result<Vec<PatchExecution>> {
    let sql = "SELECT body FROM patch_executions
        WHERE account = $1 AND region = $2 AND node_id = $3 AND (ended_at, execution_id) < ($4, $5)
        ORDER BY ended_at DESC, execution_id DESC LIMIT $6";
    let after = after.unwrap_or(After { ended_at: Timestamp::from_millis(i64::MAX), execution_id: "" });
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        node.as_str().into(),
        after.ended_at.into(),
        after.execution_id.into(),
        limit.into(),
    ];
    tx.query(sql, &values).await?.iter().map(|row| row.json(0)).collect()
}

/// By each of these runs: those that took it back and were not taken back themselves.
/// Index: patch_executions_by_undone.
pub async fn undoers(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    execution_ids: &[&str],
) -> Result<BTreeMap<String, Vec<Undoer>>> {
    let mut found: BTreeMap<String, Vec<Undoer>> = BTreeMap::new();
    if execution_ids.is_empty() {
        return Ok(found);
    }
    let sql = format!(
        "SELECT u.undo_of, u.body FROM patch_executions u
        WHERE u.account = $1 AND u.region = $2 AND u.node_id = $3 AND u.undo_of IN ({})
            AND NOT EXISTS (SELECT 1 FROM patch_executions l WHERE l.account = u.account
                AND l.region = u.region AND l.node_id = u.node_id AND l.undo_of = u.execution_id)
        ORDER BY u.ended_at, u.execution_id",
        placeholders(4, execution_ids.len())
    );
    let mut values: Vec<Value<'_>> =
        vec![account.as_str().into(), region.as_str().into(), node.as_str().into()];
    values.extend(execution_ids.iter().map(|id| Value::from(*id)));
    for row in &tx.query(&sql, &values).await? {
        let undo: PatchExecution = row.json(1)?;
        let undoer = Undoer { is_whole: undo.failed.is_empty(), execution_id: undo.execution_id };
        found.entry(row.get(0)?).or_default().push(undoer);
    }
    Ok(found)
}

/// Deletes up to `limit` runs that ended and arrived before `before`; how many. Index: patch_executions_by_age.
pub async fn delete_older(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let key = "account, region, node_id, execution_id";
    let sql = format!(
        "DELETE FROM patch_executions WHERE ({key}) IN (
            SELECT {key} FROM patch_executions WHERE received_at < $1 AND ended_at < $1
            ORDER BY received_at LIMIT $2)"
    );
    tx.execute(&sql, &[before.into(), limit.into()]).await
}
