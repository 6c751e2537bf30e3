//! The fleet as it was at a moment: the nodes that were registered then, also those that have gone since, each with the
//! newest report that had ended and arrived.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::NodeId;
use domain::patch::PatchCounts;

use crate::fleet::counts;
use crate::nodes::Node;
use crate::reports::ReportKey;
use crate::{Result, Row, Scope, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastNode {
    pub id: NodeId,
    /// As it is now, or was when the node left.
    pub name: Option<String>,
    pub computer_name: Option<String>,
    pub deregistered_at: Option<Timestamp>,
    pub report: Option<PastReport>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastReport {
    pub key: ReportKey,
    pub captured_at: Timestamp,
    pub operation: String,
    pub baseline_id: String,
    pub counts: PatchCounts,
}

/// Notes that a node leaves, beside its deletion.
pub async fn note_departure(tx: &mut Tx, node: &Node, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO node_departures
        (account, region, node_id, name, computer_name, registered_at, deregistered_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account, region, node_id) DO UPDATE SET name = excluded.name,
        computer_name = excluded.computer_name, registered_at = excluded.registered_at,
        deregistered_at = excluded.deregistered_at";
    let values = [
        node.account.as_str().into(),
        node.region.as_str().into(),
        node.id.as_str().into(),
        node.name.as_ref().into(),
        node.information.computer_name.as_ref().into(),
        node.registered_at.into(),
        at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// The first `limit` nodes of the moment `at` after the id `after`. Primary key order of both tables and of the reports.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    at: Timestamp,
    after: &str,
    limit: i64,
) -> Result<Vec<PastNode>> {
    let sql = "SELECT k.node_id, k.name, k.computer_name, k.deregistered_at, r.ended_at, r.sequence, r.captured_at,
            r.operation, r.baseline_id, r.installed, r.installed_other, r.installed_pending_reboot,
            r.installed_rejected, r.missing, r.failed, r.not_applicable, r.unreported_not_applicable,
            r.available_security_update, r.critical_non_compliant, r.security_non_compliant, r.other_non_compliant
        FROM (
            SELECT * FROM (
                SELECT node_id, name, computer_name, CAST(NULL AS BIGINT) AS deregistered_at FROM nodes
                WHERE account = $1 AND region = $2 AND node_id > $3 AND registered_at <= $4
                ORDER BY node_id LIMIT $5) present
            UNION ALL
            SELECT * FROM (
                SELECT node_id, name, computer_name, deregistered_at FROM node_departures
                WHERE account = $1 AND region = $2 AND node_id > $3 AND registered_at <= $4 AND deregistered_at > $4
                ORDER BY node_id LIMIT $5) departed
            ORDER BY node_id LIMIT $5) k
        LEFT JOIN patch_reports r ON r.account = $1 AND r.region = $2 AND r.node_id = k.node_id
            AND r.received_at <= $4 AND r.ended_at = (
                SELECT n.ended_at FROM patch_reports n
                WHERE n.account = $1 AND n.region = $2 AND n.node_id = k.node_id
                AND n.ended_at <= $4 AND n.received_at <= $4 ORDER BY n.ended_at DESC LIMIT 1)
        ORDER BY k.node_id, r.sequence";
    let values = [account.as_str().into(), region.as_str().into(), after.into(), at.into(), limit.into()];
    let mut found: BTreeMap<NodeId, PastNode> = BTreeMap::new();
    for row in tx.query(sql, &values).await? {
        // Of runs that ended at one moment the last one counts.
        let node = read(&row)?;
        found.insert(node.id.clone(), node);
    }
    Ok(found.into_values().collect())
}

fn read(row: &Row) -> Result<PastNode> {
    let ended_at: Option<Timestamp> = row.get(4)?;
    let report = match ended_at {
        Some(ended_at) => Some(PastReport {
            key: ReportKey { ended_at, sequence: row.get(5)? },
            captured_at: row.get(6)?,
            operation: row.get(7)?,
            baseline_id: row.get(8)?,
            counts: counts(row, 9)?,
        }),
        None => None,
    };
    Ok(PastNode {
        id: row.parse(0)?,
        name: row.get(1)?,
        computer_name: row.get(2)?,
        deregistered_at: row.get(3)?,
        report,
    })
}

/// Forgets who left before `before`; how many. Index: node_departures_by_age.
pub async fn delete_departures(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.execute("DELETE FROM node_departures WHERE deregistered_at < $1", &[before.into()]).await
}
