//! Runs of associations. What a run does on its nodes are the invocations of the command of the same id.

use api::Timestamp;
use domain::association::{Counts, ExecutionStatus};
use domain::ids::CommandId;

use super::{AssociationKey, counts, counts_to_json};
use crate::clause::Clause;
use crate::commands::CommandKey;
use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// Far below either engine's limit of parameters.
const IDS_AT_ONCE: usize = 500;

#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    pub association: AssociationKey,
    /// The command's.
    pub id: CommandId,
    /// From 1, within the association.
    pub run: i64,
    /// The association's.
    pub version: i64,
    pub created_at: Timestamp,
    /// Why nothing was started; then there is no command.
    pub omitted: Option<String>,
    /// What has not ended then is cancelled.
    pub cancel_at: Option<Timestamp>,
    /// Targets by state, as far as they were followed.
    pub counts: Counts,
    pub status: ExecutionStatus,
    pub finished_at: Option<Timestamp>,
}

impl Execution {
    pub fn command(&self) -> CommandKey {
        let AssociationKey { account, region, .. } = self.association.clone();
        CommandKey { account, region, id: self.id.clone() }
    }
}

/// Which runs a list shows; each time is exclusive.
#[derive(Clone, Debug, Default)]
pub struct ExecutionFilter<'a> {
    pub ids: Option<Vec<&'a str>>,
    pub statuses: Option<Vec<&'a str>>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
}

const COLUMNS: &str =
    "account, region, association_id, execution_id, run, version, created_at, omitted, cancel_at,
    counts, status, finished_at";

fn read(row: &Row) -> Result<Execution> {
    let status: String = row.get(10)?;
    let corrupt = || StoreError::Corrupt(format!("`{status}` is no status of a run"));
    Ok(Execution {
        association: AssociationKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? },
        id: row.parse(3)?,
        run: row.get(4)?,
        version: row.get(5)?,
        created_at: row.get(6)?,
        omitted: row.get(7)?,
        cancel_at: row.get(8)?,
        counts: counts(&row.json(9)?)?,
        status: ExecutionStatus::parse(&status).ok_or_else(corrupt)?,
        finished_at: row.get(11)?,
    })
}

pub async fn insert(tx: &mut Tx, execution: &Execution) -> Result<()> {
    let sql = format!(
        "INSERT INTO association_executions ({COLUMNS})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    );
    let [account, region, association] = execution.association.values();
    let values = [
        account,
        region,
        association,
        execution.id.as_str().into(),
        execution.run.into(),
        execution.version.into(),
        execution.created_at.into(),
        execution.omitted.as_ref().into(),
        execution.cancel_at.into(),
        counts_to_json(&execution.counts)?.into(),
        execution.status.as_str().into(),
        execution.finished_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// Index: association_executions_by_id.
pub async fn find(tx: &mut Tx, association: &AssociationKey, id: &str) -> Result<Option<Execution>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM association_executions
        WHERE account = $1 AND region = $2 AND association_id = $3 AND execution_id = $4"
    );
    let [account, region, association] = association.values();
    tx.query_opt(&sql, &[account, region, association, id.into()]).await?.as_ref().map(read).transpose()
}

/// Newest first, below the run `before`. Primary key order.
pub async fn list(
    tx: &mut Tx,
    association: &AssociationKey,
    filter: &ExecutionFilter<'_>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Execution>> {
    let mut clause = Clause::after(association.values().to_vec());
    if let Some(ids) = &filter.ids {
        clause.one_of("execution_id", ids.iter().copied());
    }
    if let Some(statuses) = &filter.statuses {
        clause.one_of("status", statuses.iter().copied());
    }
    if let Some(after) = filter.created_after {
        let after = clause.bind(after);
        clause.and(&format!("created_at > {after}"));
    }
    if let Some(before) = filter.created_before {
        let before = clause.bind(before);
        clause.and(&format!("created_at < {before}"));
    }
    if let Some(before) = before {
        let before = clause.bind(before);
        clause.and(&format!("run < {before}"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM association_executions WHERE account = $1 AND region = $2 AND association_id = $3{}
        ORDER BY run DESC LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// The first run of each of these associations. Primary key order.
pub async fn list_first(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    associations: &[&str],
) -> Result<Vec<Execution>> {
    let mut found = Vec::new();
    for ids in associations.chunks(IDS_AT_ONCE) {
        let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
        clause.one_of("association_id", ids.iter().copied());
        let sql = format!(
            "SELECT {COLUMNS} FROM association_executions WHERE account = $1 AND region = $2 AND run = 1{}",
            clause.sql()
        );
        for row in &tx.query(&sql, clause.values()).await? {
            found.push(read(row)?);
        }
    }
    Ok(found)
}

/// Those that have not ended, oldest first. Index: association_executions_open.
pub async fn list_open(
    tx: &mut Tx,
    after: Option<&(Timestamp, CommandId)>,
    limit: i64,
) -> Result<Vec<Execution>> {
    let mut clause = Clause::default();
    if let Some((at, id)) = after {
        let (at, id) = (clause.bind(*at), clause.bind(id.as_str()));
        clause.and(&format!("(created_at > {at} OR (created_at = {at} AND execution_id > {id}))"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM association_executions WHERE finished_at IS NULL{}
        ORDER BY created_at, execution_id LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// Counts, status and end.
pub async fn update(tx: &mut Tx, execution: &Execution) -> Result<()> {
    let sql = "UPDATE association_executions SET counts = $5, status = $6, finished_at = $7, cancel_at = $8
        WHERE account = $1 AND region = $2 AND association_id = $3 AND execution_id = $4";
    let [account, region, association] = execution.association.values();
    let values: [Value<'_>; 8] = [
        account,
        region,
        association,
        execution.id.as_str().into(),
        counts_to_json(&execution.counts)?.into(),
        execution.status.as_str().into(),
        execution.finished_at.into(),
        execution.cancel_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Ends what earlier runs of the association have not done: everything when `run` addresses all of its nodes, else what
/// is open on the nodes of `run`. Returns the commands that this changed.
pub async fn supersede(
    tx: &mut Tx,
    run: &Execution,
    scope: Superseded,
    now: Timestamp,
) -> Result<Vec<CommandKey>> {
    let same_node = match scope {
        Superseded::Everywhere => "",
        Superseded::OnItsNodes => {
            " AND node_id IN (SELECT n.node_id FROM invocations n
                WHERE n.account = $1 AND n.region = $2 AND n.command_id = $4)"
        }
    };
    let earlier = "command_id IN (SELECT e.execution_id FROM association_executions e
        WHERE e.account = $1 AND e.region = $2 AND e.association_id = $3 AND e.finished_at IS NULL
            AND e.execution_id <> $4)";
    let [account, region, association] = run.association.values();
    let key = [account, region, association, run.id.as_str().into()];
    let sql = format!(
        "SELECT DISTINCT command_id FROM invocations
        WHERE account = $1 AND region = $2 AND finished_at IS NULL AND {earlier}{same_node}"
    );
    let rows = tx.query(&sql, &key).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "UPDATE invocations SET status = 'DeliveryTimedOut', finished_at = $5, deadline_at = NULL
        WHERE account = $1 AND region = $2 AND finished_at IS NULL AND {earlier}{same_node}"
    );
    let mut values = key.to_vec();
    values.push(now.into());
    tx.execute(&sql, &values).await?;
    let sql = format!(
        "DELETE FROM node_messages WHERE account = $1 AND region = $2 AND {earlier}
            AND NOT EXISTS (SELECT 1 FROM invocations i WHERE i.account = node_messages.account
                AND i.region = node_messages.region AND i.command_id = node_messages.command_id
                AND i.node_id = node_messages.node_id AND i.finished_at IS NULL)"
    );
    tx.execute(&sql, &key).await?;
    let AssociationKey { account, region, .. } = &run.association;
    let command =
        |row: &Row| Ok(CommandKey { account: account.clone(), region: region.clone(), id: row.parse(0)? });
    rows.iter().map(command).collect()
}

/// Whom a run makes earlier ones needless for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseded {
    Everywhere,
    OnItsNodes,
}

/// Runs that were made before `before` and have ended. Index: association_executions_by_age.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM association_executions WHERE created_at < $1 AND finished_at IS NOT NULL";
    tx.execute(sql, &[before.into()]).await
}

pub(super) async fn delete_of(tx: &mut Tx, association: &AssociationKey) -> Result<()> {
    let sql = "DELETE FROM association_executions WHERE account = $1 AND region = $2 AND association_id = $3";
    tx.execute(sql, &association.values()).await.map(drop)
}
