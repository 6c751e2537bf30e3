//! Old rows that nothing shows any more: found by age, a bounded number at a time, each call safe to
//! repeat and to run on several servers. How old is old is the caller's to say. Interned strings stay:
//! there are as many as there are distinct package versions, and numbers once given are never reused.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;

use crate::clause::placeholders;
use crate::{Result, Row, Tx, Value, dialect};

/// What one call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    pub deleted: u64,
    /// Where to go on; `None` when nothing older is left.
    pub next: Option<Timestamp>,
}

/// Deletes up to `limit` inventory types that no upload named since `before`; how many. What the patch
/// state of a node is made of stays in its reports. Index: inventory_items_by_age.
pub async fn delete_inventory(tx: &mut Tx, before: Timestamp, now: Timestamp, limit: i64) -> Result<u64> {
    tx.execute("UPDATE inventory_items SET updated_at = $1 WHERE updated_at = 0", &[now.into()]).await?;
    let key = "account, region, node_id, type_name, context_type";
    let sql = format!(
        "DELETE FROM inventory_items WHERE ({key}) IN (
            SELECT {key} FROM inventory_items WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)"
    );
    tx.execute(&sql, &[before.into(), limit.into()]).await
}

/// Deletes up to `limit` reports that ended and arrived before `before`, but never the newest of a
/// node, with the items that only they had; how many reports. To be called in a transaction by locks.
/// Indexes: patch_reports_by_age, patch_reports_by_items.
pub async fn delete_reports(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    dialect::lock_report_items(tx).await?;
    let sql = "DELETE FROM patch_reports WHERE (account, region, node_id, ended_at, sequence) IN (
            SELECT r.account, r.region, r.node_id, r.ended_at, r.sequence FROM patch_reports r
            WHERE r.received_at < $1 AND r.ended_at < $1 AND NOT EXISTS (
                SELECT 1 FROM node_patch_states s WHERE s.account = r.account AND s.region = r.region
                    AND s.node_id = r.node_id AND s.ended_at = r.ended_at AND s.sequence = r.sequence)
            ORDER BY r.received_at LIMIT $2)
        RETURNING account, region, items_hash";
    let rows = tx.query(sql, &[before.into(), limit.into()]).await?;
    for ((account, region), hashes) in by_scope(&rows)? {
        let sql = format!(
            "DELETE FROM report_items WHERE account = $1 AND region = $2 AND items_hash IN ({})
                AND NOT EXISTS (SELECT 1 FROM patch_reports r WHERE r.items_hash = report_items.items_hash)
                AND NOT EXISTS (SELECT 1 FROM inventory_items i WHERE i.items_hash = report_items.items_hash)
                AND NOT EXISTS (
                    SELECT 1 FROM compliance_summaries c WHERE c.items_hash = report_items.items_hash)",
            placeholders(3, hashes.len())
        );
        tx.execute(&sql, &scoped(&account, &region, &hashes)).await?;
    }
    Ok(rows.len() as u64)
}

/// Looks at the `limit` oldest observations that arrived at `from` or later and before `before`, and
/// deletes those that no report was made under and that a later one of the node replaced, with the fact
/// sets that only they had. To be called in a transaction that sees one moment.
/// Indexes: node_observations_by_age, node_observations_by_facts.
pub async fn delete_observations(
    tx: &mut Tx,
    from: Timestamp,
    before: Timestamp,
    limit: i64,
) -> Result<Swept> {
    let sql = "SELECT MAX(received_at) FROM (SELECT received_at FROM node_observations
        WHERE received_at >= $1 AND received_at < $2 ORDER BY received_at LIMIT $3) AS oldest";
    let last = tx.query_opt(sql, &[from.into(), before.into(), limit.into()]).await?;
    let Some(last) = last.map(|row| row.get::<Option<Timestamp>>(0)).transpose()?.flatten() else {
        return Ok(Swept { deleted: 0, next: None });
    };
    let of_node = |other: &str| {
        format!(
            "{other}.account = node_observations.account AND {other}.region = node_observations.region
                AND {other}.node_id = node_observations.node_id"
        )
    };
    let (later, report) = (of_node("l"), of_node("r"));
    let next = format!(
        "(SELECT MIN(l.captured_at) FROM node_observations l
            WHERE {later} AND l.captured_at > node_observations.captured_at)"
    );
    let sql = format!(
        "DELETE FROM node_observations WHERE received_at >= $1 AND received_at <= $2
            AND {next} IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM patch_reports r WHERE {report}
                AND r.ended_at >= node_observations.captured_at AND r.ended_at < {next})
        RETURNING account, region, facts_hash"
    );
    let rows = tx.query(&sql, &[from.into(), last.into()]).await?;
    for ((account, region), hashes) in by_scope(&rows)? {
        let after = hashes.len() + 3;
        let sql = format!(
            "DELETE FROM fact_sets WHERE account = $1 AND region = $2 AND facts_hash IN ({})
                AND received_at < ${after} AND NOT EXISTS (
                    SELECT 1 FROM node_observations o WHERE o.facts_hash = fact_sets.facts_hash)",
            placeholders(3, hashes.len())
        );
        let mut values = scoped(&account, &region, &hashes);
        values.push(before.into());
        tx.execute(&sql, &values).await?;
    }
    Ok(Swept { deleted: rows.len() as u64, next: Some(last.plus_millis(1)) })
}

type Hashes = BTreeSet<Vec<u8>>;

/// Rows of account, region and hash, each hash once.
fn by_scope(rows: &[Row]) -> Result<BTreeMap<(String, String), Hashes>> {
    let mut scopes: BTreeMap<(String, String), Hashes> = BTreeMap::new();
    for row in rows {
        scopes.entry((row.get(0)?, row.get(1)?)).or_default().insert(row.get(2)?);
    }
    Ok(scopes)
}

fn scoped<'a>(account: &'a str, region: &'a str, hashes: &'a Hashes) -> Vec<Value<'a>> {
    [account.into(), region.into()].into_iter().chain(hashes.iter().map(Value::from)).collect()
}
