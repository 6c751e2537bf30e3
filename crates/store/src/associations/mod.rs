//! Associations: what is to be so, of which version, and when it runs next. Their runs are in `executions`, how they
//! stand on nodes in `standing`. When a run is due is decided in `domain::association`.

pub mod executions;
pub mod standing;

use std::collections::BTreeMap;

use api::Timestamp;
use api::ssm::{AssociationStatus, CreateAssociationBatchRequestEntry};
use domain::association::Counts;
use domain::command::InvocationStatus;
use domain::ids::{AccountId, AssociationId, NodeId, Region};

use crate::clause::Clause;
use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// Everything about a version that a request can say.
pub type Settings = CreateAssociationBatchRequestEntry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssociationKey {
    pub account: AccountId,
    pub region: Region,
    pub id: AssociationId,
}

impl AssociationKey {
    pub(crate) fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.region.as_str().into(), self.id.as_str().into()]
    }

    pub fn scope(&self) -> Scope<'_> {
        (&self.account, &self.region)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Association {
    pub key: AssociationKey,
    /// From 1.
    pub version: i64,
    /// The newest version's. Its `name` is the document, as [`list_of_document`] finds it.
    pub settings: Settings,
    /// What a client said of an association of the old form.
    pub legacy_status: Option<AssociationStatus>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub runs_made: i64,
    pub next_run_at: Option<Timestamp>,
    pub last_run_at: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    /// Nodes by the state of the newest run on each.
    pub counts: Counts,
    /// The ARN of who made this version; `None`: the server itself.
    pub made_by: Option<String>,
}

/// One version, as it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub version: i64,
    pub settings: Settings,
    pub created_at: Timestamp,
}

const COLUMNS: &str =
    "account, region, association_id, version, settings, legacy_status, created_at, updated_at,
    runs_made, next_run_at, last_run_at, last_success_at, counts, made_by";

fn read(row: &Row) -> Result<Association> {
    let legacy: Option<String> = row.get(5)?;
    Ok(Association {
        key: AssociationKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? },
        version: row.get(3)?,
        settings: row.json(4)?,
        legacy_status: legacy.is_some().then(|| row.json(5)).transpose()?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        runs_made: row.get(8)?,
        next_run_at: row.get(9)?,
        last_run_at: row.get(10)?,
        last_success_at: row.get(11)?,
        counts: counts(&row.json(12)?)?,
        made_by: row.get(13)?,
    })
}

/// Counts as they are kept: by StatusDetails.
pub(crate) fn counts(kept: &BTreeMap<String, u32>) -> Result<Counts> {
    let mut counts = Counts::default();
    for (status, count) in kept {
        counts.add(invocation_status(status)?, *count);
    }
    Ok(counts)
}

pub(crate) fn counts_to_json(counts: &Counts) -> Result<String> {
    let kept: BTreeMap<&str, u32> = InvocationStatus::ALL
        .into_iter()
        .map(|status| (status.as_str(), counts.count(status)))
        .filter(|(_, count)| *count > 0)
        .collect();
    json(&kept)
}

pub(crate) fn invocation_status(text: &str) -> Result<InvocationStatus> {
    InvocationStatus::parse(text)
        .ok_or_else(|| StoreError::Corrupt(format!("`{text}` is no target's status")))
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Backend(error.into()))
}

/// With its first version.
pub async fn insert(tx: &mut Tx, association: &Association) -> Result<()> {
    let sql = format!(
        "INSERT INTO associations ({COLUMNS}, document, legacy_node_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    );
    let [account, region, id] = association.key.values();
    let legacy = association.legacy_status.as_ref().map(json).transpose()?;
    let values = [
        account,
        region,
        id,
        association.version.into(),
        json(&association.settings)?.into(),
        legacy.into(),
        association.created_at.into(),
        association.updated_at.into(),
        association.runs_made.into(),
        association.next_run_at.into(),
        association.last_run_at.into(),
        association.last_success_at.into(),
        counts_to_json(&association.counts)?.into(),
        association.made_by.as_deref().into(),
        (&association.settings.name).into(),
        association.settings.instance_id.as_ref().into(),
    ];
    tx.execute(&sql, &values).await?;
    insert_version(tx, association).await
}

async fn insert_version(tx: &mut Tx, association: &Association) -> Result<()> {
    let sql =
        "INSERT INTO association_versions (account, region, association_id, version, settings, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let [account, region, id] = association.key.values();
    let settings = json(&association.settings)?;
    let made_at = association.updated_at;
    let values = [account, region, id, association.version.into(), settings.into(), made_at.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// A new version takes the place of the one before, which stays to be listed.
pub async fn update(tx: &mut Tx, association: &Association) -> Result<()> {
    let sql = "UPDATE associations SET version = $4, settings = $5, document = $6, updated_at = $7, next_run_at = $8,
            legacy_node_id = $9, made_by = $10
        WHERE account = $1 AND region = $2 AND association_id = $3";
    let [account, region, id] = association.key.values();
    let values = [
        account,
        region,
        id,
        association.version.into(),
        json(&association.settings)?.into(),
        (&association.settings.name).into(),
        association.updated_at.into(),
        association.next_run_at.into(),
        association.settings.instance_id.as_ref().into(),
        association.made_by.as_deref().into(),
    ];
    tx.execute(sql, &values).await?;
    insert_version(tx, association).await
}

pub async fn set_legacy_status(tx: &mut Tx, key: &AssociationKey, status: &AssociationStatus) -> Result<()> {
    let sql = "UPDATE associations SET legacy_status = $4
        WHERE account = $1 AND region = $2 AND association_id = $3";
    let [account, region, id] = key.values();
    tx.execute(sql, &[account, region, id, json(status)?.into()]).await.map(drop)
}

/// A run is due at once, whatever the schedule says.
pub async fn set_due(tx: &mut Tx, key: &AssociationKey, now: Timestamp) -> Result<()> {
    let sql = "UPDATE associations SET next_run_at = $4
        WHERE account = $1 AND region = $2 AND association_id = $3 AND (next_run_at IS NULL OR next_run_at > $4)";
    let [account, region, id] = key.values();
    tx.execute(sql, &[account, region, id, now.into()]).await.map(drop)
}

/// Takes the next number, and with it the right to make this run; false when somebody else did, or when the
/// association is no longer as it was read. Nobody else changes it until the transaction ends.
pub async fn claim_run(
    tx: &mut Tx,
    association: &Association,
    next_run_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
) -> Result<bool> {
    let sql = "UPDATE associations SET runs_made = runs_made + 1, next_run_at = $6,
            last_run_at = COALESCE($7, last_run_at)
        WHERE account = $1 AND region = $2 AND association_id = $3 AND version = $4 AND runs_made = $5";
    let [account, region, id] = association.key.values();
    let values = [
        account,
        region,
        id,
        association.version.into(),
        association.runs_made.into(),
        next_run_at.into(),
        started_at.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

pub async fn find(tx: &mut Tx, key: &AssociationKey) -> Result<Option<Association>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM associations WHERE account = $1 AND region = $2 AND association_id = $3"
    );
    tx.query_opt(&sql, &key.values()).await?.as_ref().map(read).transpose()
}

/// The one of the old form. Index: associations_by_legacy_node.
pub async fn find_legacy(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    document: &str,
    node: &NodeId,
) -> Result<Option<Association>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM associations
        WHERE account = $1 AND region = $2 AND document = $3 AND legacy_node_id = $4"
    );
    let values = [account.as_str().into(), region.as_str().into(), document.into(), node.as_str().into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// Those of `ids` that exist.
pub async fn find_many(tx: &mut Tx, (account, region): Scope<'_>, ids: &[&str]) -> Result<Vec<Association>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    clause.one_of("association_id", ids.iter().copied());
    let sql =
        format!("SELECT {COLUMNS} FROM associations WHERE account = $1 AND region = $2{}", clause.sql());
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// By id, after `after`. Primary key order.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Association>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM associations WHERE account = $1 AND region = $2 AND association_id > $3
        ORDER BY association_id LIMIT $4"
    );
    let after = after.unwrap_or_default();
    let values = [account.as_str().into(), region.as_str().into(), after.into(), limit.into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// Of all accounts, for jobs. Primary key order.
pub async fn list_all(tx: &mut Tx, after: Option<&AssociationKey>, limit: i64) -> Result<Vec<Association>> {
    let mut clause = Clause::default();
    if let Some(after) = after {
        let [account, region, id] = after.values().map(|value| clause.bind(value));
        clause.and(&format!(
            "(account > {account} OR (account = {account} AND (region > {region}
                OR (region = {region} AND association_id > {id}))))"
        ));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM associations WHERE 1 = 1{} ORDER BY account, region, association_id LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// Those whose time has come, longest overdue first. Index: associations_by_next_run.
pub async fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Association>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM associations WHERE next_run_at IS NOT NULL AND next_run_at <= $1
        ORDER BY next_run_at LIMIT $2"
    );
    tx.query(&sql, &[now.into(), limit.into()]).await?.iter().map(read).collect()
}

/// Index: associations_by_document.
pub async fn list_of_document(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    document: &str,
) -> Result<Vec<Association>> {
    let sql =
        format!("SELECT {COLUMNS} FROM associations WHERE account = $1 AND region = $2 AND document = $3");
    let values = [account.as_str().into(), region.as_str().into(), document.into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

pub async fn count(tx: &mut Tx, (account, region): Scope<'_>) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM associations WHERE account = $1 AND region = $2";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Newest first, below `before`. Primary key order.
pub async fn list_versions(
    tx: &mut Tx,
    key: &AssociationKey,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Version>> {
    let sql = "SELECT version, settings, created_at FROM association_versions
        WHERE account = $1 AND region = $2 AND association_id = $3 AND version < $4
        ORDER BY version DESC LIMIT $5";
    let [account, region, id] = key.values();
    let values = [account, region, id, before.unwrap_or(i64::MAX).into(), limit.into()];
    let rows = tx.query(sql, &values).await?;
    rows.iter()
        .map(|row| Ok(Version { version: row.get(0)?, settings: row.json(1)?, created_at: row.get(2)? }))
        .collect()
}

/// With its versions and runs; the commands of its runs stay, and what it said of nodes until that is taken back.
pub async fn delete(tx: &mut Tx, key: &AssociationKey) -> Result<()> {
    standing::leave_all(tx, key).await?;
    executions::delete_of(tx, key).await?;
    for table in ["association_versions", "associations"] {
        let sql = format!("DELETE FROM {table} WHERE account = $1 AND region = $2 AND association_id = $3");
        tx.execute(&sql, &key.values()).await?;
    }
    Ok(())
}
