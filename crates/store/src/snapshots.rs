//! Frozen baselines: what all nodes of one group and system get under one snapshot id.
//! How long one is kept and for how long its address is good is the server's decision.

use api::Timestamp;
use domain::ids::{AccountId, BaselineId, NodeId, Region, SnapshotId};
use domain::os::OperatingSystem;

use crate::{Result, Tx, Value};

/// What makes two requests ask for the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotKey {
    pub account: AccountId,
    pub region: Region,
    /// Empty for nodes without a group.
    pub patch_group: String,
    pub operating_system: OperatingSystem,
    pub snapshot_id: SnapshotId,
    /// Hex SHA-256 of the baseline that the caller brought, or of the tags that it chose one by; empty for the
    /// registered one.
    pub override_sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// `None` with a baseline that the caller brought.
    pub baseline_id: Option<BaselineId>,
    /// JSON: what is downloaded.
    pub content: String,
    pub created_at: Timestamp,
}

impl SnapshotKey {
    fn values(&self) -> [Value<'_>; 6] {
        [
            self.account.as_str().into(),
            self.region.as_str().into(),
            (&self.patch_group).into(),
            self.operating_system.as_str().into(),
            self.snapshot_id.as_str().into(),
            (&self.override_sha256).into(),
        ]
    }
}

/// Younger than `created_after` only: an older one counts as gone, deleted or not.
pub async fn find(tx: &mut Tx, key: &SnapshotKey, created_after: Timestamp) -> Result<Option<Snapshot>> {
    let sql = "SELECT baseline_id, content, created_at FROM snapshots
        WHERE account = $1 AND region = $2 AND patch_group = $3 AND operating_system = $4
        AND snapshot_id = $5 AND override_sha256 = $6 AND created_at > $7";
    let mut values = key.values().to_vec();
    values.push(created_after.into());
    let Some(row) = tx.query_opt(sql, &values).await? else { return Ok(None) };
    let baseline_id: Option<String> = row.get(0)?;
    let baseline_id = if baseline_id.is_some() { Some(row.parse(0)?) } else { None };
    Ok(Some(Snapshot { baseline_id, content: row.get(1)?, created_at: row.get(2)? }))
}

/// Takes the place of one that has become too old.
pub async fn put(tx: &mut Tx, key: &SnapshotKey, snapshot: &Snapshot) -> Result<()> {
    let sql = "INSERT INTO snapshots (account, region, patch_group, operating_system, snapshot_id,
            override_sha256, baseline_id, content, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (account, region, patch_group, operating_system, snapshot_id, override_sha256)
        DO UPDATE SET baseline_id = excluded.baseline_id, content = excluded.content,
            created_at = excluded.created_at";
    let mut values = key.values().to_vec();
    values.extend([
        snapshot.baseline_id.as_ref().map(BaselineId::as_str).into(),
        (&snapshot.content).into(),
        snapshot.created_at.into(),
    ]);
    tx.execute(sql, &values).await.map(drop)
}

/// The baseline that a node brought under this snapshot id, if that was after `created_after`.
pub async fn find_pin(
    tx: &mut Tx,
    key: &SnapshotKey,
    node: &NodeId,
    created_after: Timestamp,
) -> Result<Option<String>> {
    let sql = "SELECT override_sha256 FROM snapshot_pins
        WHERE account = $1 AND region = $2 AND node_id = $3 AND snapshot_id = $4 AND created_at > $5";
    let values = [
        key.account.as_str().into(),
        key.region.as_str().into(),
        node.as_str().into(),
        key.snapshot_id.as_str().into(),
        created_after.into(),
    ];
    tx.query_opt(sql, &values).await?.map(|row| row.get(0)).transpose()
}

/// Remembers that the node got this snapshot. Takes the place of a pin that has become too old.
pub async fn pin(tx: &mut Tx, key: &SnapshotKey, node: &NodeId, created_at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO snapshot_pins (account, region, node_id, snapshot_id, override_sha256, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account, region, node_id, snapshot_id)
        DO UPDATE SET override_sha256 = excluded.override_sha256, created_at = excluded.created_at";
    let values = [
        key.account.as_str().into(),
        key.region.as_str().into(),
        node.as_str().into(),
        key.snapshot_id.as_str().into(),
        (&key.override_sha256).into(),
        created_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Deletes those made at `created_until` or before, with the pins of that age; how many snapshots.
/// Indexes: snapshots_by_age, snapshot_pins_by_age.
pub async fn delete_older(tx: &mut Tx, created_until: Timestamp) -> Result<u64> {
    tx.execute("DELETE FROM snapshot_pins WHERE created_at <= $1", &[created_until.into()]).await?;
    tx.execute("DELETE FROM snapshots WHERE created_at <= $1", &[created_until.into()]).await
}
