//! Numbers of nodes that fleet-wide questions ask for, kept by difference: whoever changes a node's
//! row adds what changed in the same transaction, and an unchanged node adds nothing.
//! What is counted is the owner's of that row: `compliance`, `patch_states`.

use crate::{Result, Scope, Tx, Value};

/// Rows per number.
const SHARDS: u32 = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    pub subject: String,
    pub bucket: String,
    pub nodes: i64,
}

/// Which node's row changed, and the kind of number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub kind: &'a str,
    pub node: &'a str,
}

pub(crate) async fn add(
    tx: &mut Tx,
    scope: Scope<'_>,
    source: Source<'_>,
    mut changes: Vec<Counter>,
) -> Result<()> {
    changes.retain(|change| change.nodes != 0);
    if changes.is_empty() {
        return Ok(());
    }
    // One order for all writers, so that none waits for another in a circle.
    changes.sort_by(|a, b| (&a.subject, &a.bucket).cmp(&(&b.subject, &b.bucket)));
    let rows: Vec<String> = (0..changes.len())
        .map(|i| 5 + 3 * i)
        .map(|i| format!("($1, $2, $3, ${}, ${}, $4, ${})", i, i + 1, i + 2))
        .collect();
    let sql = format!(
        "INSERT INTO fleet_counters (account, region, kind, subject, bucket, shard, nodes) VALUES {}
        ON CONFLICT (account, region, kind, subject, bucket, shard)
        DO UPDATE SET nodes = fleet_counters.nodes + excluded.nodes",
        rows.join(", ")
    );
    let (account, region) = scope;
    let mut values: Vec<Value<'_>> = vec![
        account.as_str().into(),
        region.as_str().into(),
        source.kind.into(),
        shard_of(source.node).into(),
    ];
    for change in &changes {
        values.extend([(&change.subject).into(), (&change.bucket).into(), change.nodes.into()]);
    }
    tx.execute(&sql, &values).await.map(drop)
}

/// Numbers above zero, by subject and bucket.
pub(crate) async fn list(tx: &mut Tx, (account, region): Scope<'_>, kind: &str) -> Result<Vec<Counter>> {
    let sql = "SELECT subject, bucket, CAST(SUM(nodes) AS BIGINT) FROM fleet_counters
        WHERE account = $1 AND region = $2 AND kind = $3 GROUP BY subject, bucket HAVING SUM(nodes) > 0
        ORDER BY subject, bucket";
    let values = [account.as_str().into(), region.as_str().into(), kind.into()];
    tx.query(sql, &values).await?.iter().map(read).collect()
}

pub(crate) async fn list_of(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    kind: &str,
    subject: &str,
) -> Result<Vec<Counter>> {
    let sql = "SELECT subject, bucket, CAST(SUM(nodes) AS BIGINT) FROM fleet_counters
        WHERE account = $1 AND region = $2 AND kind = $3 AND subject = $4
        GROUP BY subject, bucket HAVING SUM(nodes) > 0 ORDER BY bucket";
    let values = [account.as_str().into(), region.as_str().into(), kind.into(), subject.into()];
    tx.query(sql, &values).await?.iter().map(read).collect()
}

fn read(row: &crate::Row) -> Result<Counter> {
    Ok(Counter { subject: row.get(0)?, bucket: row.get(1)?, nodes: row.get(2)? })
}

/// FNV-1a: spreads, and is the same in every release.
pub(crate) fn shard_of(node: &str) -> u32 {
    let hash =
        node.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % SHARDS
}
