//! Which facts each node has now, and what changed of that since somebody looked.
//! A change takes the next number of one of several counters, and holds that counter's row until it is committed: whoever
//! sees a number sees every lower one of the same counter.

use domain::ids::NodeId;

use super::NodeFacts;
use crate::clause::placeholders;
use crate::compact::{Hash, hash_column};
use crate::counters::shard_of;
use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// Nodes per question.
const CHUNK: usize = 64;

/// What one node knows now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    pub node: NodeId,
    pub facts_hash: Hash,
}

/// The newest facts of a node, and the number that this took of its counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub revision: i64,
    pub newest: Newest,
}

/// The last number of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    pub shard: i64,
    pub last: i64,
}

/// Makes an observation the node's newest, if it is. To be called in a transaction by locks.
pub async fn put_newest(tx: &mut Tx, (account, region): Scope<'_>, facts: &NodeFacts) -> Result<()> {
    let captured_at = facts.observation.captured_at;
    let key = [account.as_str().into(), region.as_str().into(), facts.node.as_str().into()];
    let [account_value, region_value, node] = key.clone();
    // What almost every scan comes to: nothing changed.
    let sql = "UPDATE node_facts SET captured_at = $4
        WHERE account = $1 AND region = $2 AND node_id = $3 AND facts_hash = $5 AND captured_at <= $4";
    let values = [account_value, region_value, node, captured_at.into(), (&facts.facts_hash[..]).into()];
    if tx.execute(sql, &values).await? == 1 {
        return Ok(());
    }
    let sql = "SELECT captured_at FROM node_facts WHERE account = $1 AND region = $2 AND node_id = $3";
    let known = tx.query_opt(sql, &key).await?.map(|row| row.get(0)).transpose()?;
    if known.is_some_and(|known: api::Timestamp| known > captured_at) {
        return Ok(());
    }
    let shard = shard_of(facts.node.as_str());
    let sql = "INSERT INTO fact_revisions (account, region, shard, last) VALUES ($1, $2, $3, 1)
        ON CONFLICT (account, region, shard) DO UPDATE SET last = fact_revisions.last + 1 RETURNING last";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into(), shard.into()]).await?;
    let revision: i64 = row.ok_or_else(|| StoreError::Corrupt("a counter without a row".into()))?.get(0)?;
    let sql = "INSERT INTO node_facts (account, region, node_id, captured_at, facts_hash, shard, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account, region, node_id) DO UPDATE SET captured_at = excluded.captured_at,
            facts_hash = excluded.facts_hash, shard = excluded.shard, revision = excluded.revision
        WHERE node_facts.captured_at <= excluded.captured_at";
    let [account_value, region_value, node] = key;
    let values = [
        account_value,
        region_value,
        node,
        captured_at.into(),
        (&facts.facts_hash[..]).into(),
        shard.into(),
        revision.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// For a node that is no longer managed.
pub async fn delete_newest(tx: &mut Tx, (account, region): Scope<'_>, node: &NodeId) -> Result<()> {
    let sql = "DELETE FROM node_facts WHERE account = $1 AND region = $2 AND node_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into()];
    tx.execute(sql, &values).await.map(drop)
}

/// The last number of every counter.
pub async fn revisions(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Revision>> {
    let sql = "SELECT shard, last FROM fact_revisions WHERE account = $1 AND region = $2";
    let rows = tx.query(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    rows.iter().map(|row| Ok(Revision { shard: row.get(0)?, last: row.get(1)? })).collect()
}

/// The first `limit` nodes of this counter whose facts changed after the number. Index: node_facts_by_revision.
pub async fn changed(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    since: Revision,
    limit: usize,
) -> Result<Vec<Change>> {
    let sql = "SELECT node_id, facts_hash, revision FROM node_facts
        WHERE account = $1 AND region = $2 AND shard = $3 AND revision > $4 ORDER BY revision LIMIT $5";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        since.shard.into(),
        since.last.into(),
        limit.into(),
    ];
    let change = |row: &Row| Ok(Change { newest: read(row)?, revision: row.get(2)? });
    tx.query(sql, &values).await?.iter().map(change).collect()
}

/// Every node that has told facts, by id. Primary key order.
pub async fn nodes(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<NodeId>> {
    let sql = "SELECT node_id FROM node_facts WHERE account = $1 AND region = $2 ORDER BY node_id";
    let rows = tx.query(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    let mut nodes = rows.iter().map(|row| row.parse(0)).collect::<Result<Vec<NodeId>>>()?;
    // Engines may order text in their own way.
    nodes.sort_unstable();
    Ok(nodes)
}

/// What these nodes know now, by node; those that are gone are left out.
pub async fn newest_hashes(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    nodes: &[NodeId],
) -> Result<Vec<Newest>> {
    let mut found = Vec::with_capacity(nodes.len());
    for chunk in nodes.chunks(CHUNK) {
        let sql = format!(
            "SELECT node_id, facts_hash FROM node_facts
            WHERE account = $1 AND region = $2 AND node_id IN ({}) ORDER BY node_id",
            placeholders(3, chunk.len())
        );
        let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into()];
        values.extend(chunk.iter().map(|node| Value::from(node.as_str())));
        found.extend(tx.query(&sql, &values).await?.iter().map(read).collect::<Result<Vec<_>>>()?);
    }
    Ok(found)
}

fn read(row: &Row) -> Result<Newest> {
    Ok(Newest { node: row.parse(0)?, facts_hash: hash_column(row.get(1)?)? })
}
