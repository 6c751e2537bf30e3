//! Executions of runbooks: what was asked for, how far each came, and the runs of its steps.
//! What follows in one is decided in `domain::automation`.

use api::Timestamp;
use api::ssm::StartAutomationExecutionRequest;
use domain::automation::{Progress, Status, StepRun};
use domain::ids::{AccountId, AutomationExecutionId, Region};

use crate::clause::{Clause, Comparison};
use crate::{Result, Row, Scope, StoreError, Tx, Value, dialect};

/// An execution within its account and region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AutomationKey {
    pub account: AccountId,
    pub region: Region,
    pub id: AutomationExecutionId,
}

impl AutomationKey {
    fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.region.as_str().into(), self.id.as_str().into()]
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Automation {
    pub key: AutomationKey,
    pub parent: Option<AutomationExecutionId>,
    /// As callers name it: of another account's, the ARN.
    pub document: String,
    pub document_version: String,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// An ARN: with whose rights it acts.
    pub executed_by: String,
    pub request: StartAutomationExecutionRequest,
    /// Of one that was started for a target.
    pub target: Option<String>,
    /// JSON; `None` where the parent's is run.
    pub runbook: Option<String>,
    /// Name and action of the step that is under way or was last.
    pub current: Option<(String, String)>,
    pub progress: Progress,
    /// When somebody is to go on.
    pub due_at: Option<Timestamp>,
}

/// Which executions a list shows. An empty list asks for nothing in particular.
#[derive(Clone, Copy, Debug, Default)]
pub struct AutomationFilter<'a> {
    pub document_prefixes: &'a [String],
    pub statuses: &'a [String],
    pub ids: &'a [String],
    pub parents: &'a [String],
    pub actions: &'a [String],
    pub tag_keys: &'a [String],
    pub started_after: Option<Timestamp>,
    pub started_before: Option<Timestamp>,
}

/// What became of an execution, for who started it.
#[derive(Clone, Debug, PartialEq)]
pub struct AutomationState {
    pub id: AutomationExecutionId,
    pub status: Status,
    pub outputs: serde_json::Map<String, serde_json::Value>,
    pub failure: Option<String>,
}

const COLUMNS: &str = "account, region, execution_id, parent_id, document, document_version, started_at,
    finished_at, executed_by, request, target, runbook, current_step, current_action, progress, due_at";
const OF_EXECUTION: &str = "account = $1 AND region = $2 AND execution_id = $3";
const ROWS_AT_ONCE: usize = 200;

/// Until the transaction ends nobody else goes on with it. `None` when there is no such execution.
pub async fn lock(tx: &mut Tx, key: &AutomationKey) -> Result<Option<Automation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM automation_executions WHERE {OF_EXECUTION}{}",
        dialect::keep_from_others(tx)
    );
    tx.query_opt(&sql, &key.values()).await?.map(|row| read(&row)).transpose()
}

pub async fn find(tx: &mut Tx, key: &AutomationKey) -> Result<Option<Automation>> {
    let sql = format!("SELECT {COLUMNS} FROM automation_executions WHERE {OF_EXECUTION}");
    tx.query_opt(&sql, &key.values()).await?.map(|row| read(&row)).transpose()
}

/// With all its steps.
pub async fn insert(tx: &mut Tx, automation: &Automation, steps: &[StepRun]) -> Result<()> {
    let sql = format!(
        "INSERT INTO automation_executions ({COLUMNS}, status)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
    );
    let [account, region, id] = automation.key.values();
    let (step, action) = current(automation);
    let values = [
        account,
        region,
        id,
        automation.parent.as_ref().map(AutomationExecutionId::as_str).into(),
        (&automation.document).into(),
        (&automation.document_version).into(),
        automation.started_at.into(),
        automation.finished_at.into(),
        (&automation.executed_by).into(),
        json(&automation.request)?.into(),
        automation.target.as_ref().into(),
        automation.runbook.as_ref().into(),
        step.into(),
        action.into(),
        json(&automation.progress)?.into(),
        automation.due_at.into(),
        automation.progress.status.as_str().into(),
    ];
    tx.execute(&sql, &values).await?;
    let steps: Vec<(usize, &StepRun)> = steps.iter().enumerate().collect();
    put_steps(tx, &automation.key, &steps).await
}

fn current(automation: &Automation) -> (Option<&str>, Option<&str>) {
    let current = automation.current.as_ref();
    (current.map(|(step, _)| step.as_str()), current.map(|(_, action)| action.as_str()))
}

/// How far it came.
pub async fn update(tx: &mut Tx, automation: &Automation) -> Result<()> {
    let sql = format!(
        "UPDATE automation_executions SET status = $4, finished_at = $5, current_step = $6, current_action = $7,
            progress = $8, due_at = $9 WHERE {OF_EXECUTION}"
    );
    let [account, region, id] = automation.key.values();
    let (step, action) = current(automation);
    let values = [
        account,
        region,
        id,
        automation.progress.status.as_str().into(),
        automation.finished_at.into(),
        step.into(),
        action.into(),
        json(&automation.progress)?.into(),
        automation.due_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// Writes runs of steps at their places, new ones and such as were there.
pub async fn put_steps(tx: &mut Tx, key: &AutomationKey, steps: &[(usize, &StepRun)]) -> Result<()> {
    for chunk in steps.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::after(key.values().to_vec());
        let mut rows = Vec::new();
        for (position, step) in chunk {
            let position = i64::try_from(*position).unwrap_or(i64::MAX);
            let (position, text) = (clause.bind(position), clause.bind(json(step)?));
            let call_at = clause.bind(step.call_at());
            rows.push(format!("($1, $2, $3, {position}, {text}, {call_at})"));
        }
        let sql = format!(
            "INSERT INTO automation_steps (account, region, execution_id, position, step, call_at) VALUES {}
            ON CONFLICT (account, region, execution_id, position)
            DO UPDATE SET step = excluded.step, call_at = excluded.call_at",
            rows.join(", ")
        );
        tx.execute(&sql, clause.values()).await?;
    }
    Ok(())
}

/// In their order. Primary key.
pub async fn list_steps(tx: &mut Tx, key: &AutomationKey) -> Result<Vec<StepRun>> {
    let sql = format!("SELECT step FROM automation_steps WHERE {OF_EXECUTION} ORDER BY position");
    tx.query(&sql, &key.values()).await?.iter().map(|row| row.json(0)).collect()
}

/// Newest first, after a start and an id. Index: automation_executions_by_time.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    filter: AutomationFilter<'_>,
    after: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Automation>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    let equal = [
        ("status", filter.statuses),
        ("execution_id", filter.ids),
        ("parent_id", filter.parents),
        ("current_action", filter.actions),
    ];
    for (column, values) in equal {
        if !values.is_empty() {
            clause.compare(column, Comparison::Equal, values);
        }
    }
    if !filter.document_prefixes.is_empty() {
        clause.compare("document", Comparison::BeginWith, filter.document_prefixes);
    }
    if !filter.tag_keys.is_empty() {
        let keys: Vec<String> = filter.tag_keys.iter().map(|key| clause.bind(key)).collect();
        clause.and(&format!(
            "EXISTS (SELECT 1 FROM tags t WHERE t.account = $1 AND t.region = $2 AND t.resource_type = 'Automation'
                AND t.resource_id = execution_id AND t.tag_key IN ({}))",
            keys.join(", ")
        ));
    }
    if let Some(at) = filter.started_after {
        let at = clause.bind(at);
        clause.and(&format!("started_at > {at}"));
    }
    if let Some(at) = filter.started_before {
        let at = clause.bind(at);
        clause.and(&format!("started_at < {at}"));
    }
    if let Some((at, id)) = after {
        let (at, id) = (clause.bind(at), clause.bind(id));
        clause.and(&format!("(started_at < {at} OR (started_at = {at} AND execution_id < {id}))"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM automation_executions WHERE account = $1 AND region = $2{}
        ORDER BY started_at DESC, execution_id DESC LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// Executions that somebody is to go on with by `now`, of all accounts, the longest due first.
/// Index: automation_executions_by_due.
pub async fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<AutomationKey>> {
    let sql = "SELECT account, region, execution_id FROM automation_executions
        WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";
    tx.query(sql, &[now.into(), limit.into()]).await?.iter().map(key).collect()
}

/// Steps for which something is to be called by `now`, of all accounts, the longest due first.
/// Index: automation_steps_by_call.
pub async fn list_calls(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<(AutomationKey, usize)>> {
    let sql = "SELECT account, region, execution_id, position FROM automation_steps
        WHERE call_at IS NOT NULL AND call_at <= $1 ORDER BY call_at LIMIT $2";
    let read = |row: &Row| {
        let position: i64 = row.get(3)?;
        Ok((key(row)?, usize::try_from(position).unwrap_or_default()))
    };
    tx.query(sql, &[now.into(), limit.into()]).await?.iter().map(read).collect()
}

/// What became of executions. Primary key.
pub async fn list_states(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    ids: &[AutomationExecutionId],
) -> Result<Vec<AutomationState>> {
    let mut states = Vec::new();
    for chunk in ids.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
        clause.one_of("execution_id", chunk.iter().map(AutomationExecutionId::as_str));
        let sql = format!(
            "SELECT execution_id, progress FROM automation_executions WHERE account = $1 AND region = $2{}",
            clause.sql()
        );
        for row in tx.query(&sql, clause.values()).await? {
            let progress: Progress = row.json(1)?;
            let Progress { status, outputs, failure, .. } = progress;
            states.push(AutomationState { id: row.parse(0)?, status, outputs, failure });
        }
    }
    Ok(states)
}

/// How many executions another started, by status. Index: automation_executions_by_parent.
pub async fn count_children(tx: &mut Tx, key: &AutomationKey) -> Result<Vec<(Status, i64)>> {
    let sql = "SELECT status, COUNT(*) FROM automation_executions
        WHERE account = $1 AND region = $2 AND parent_id = $3 GROUP BY status";
    let read = |row: &Row| {
        let text: String = row.get(0)?;
        let corrupt = || StoreError::Corrupt(format!("`{text}` is no status of an execution"));
        Ok((Status::parse(&text).ok_or_else(corrupt)?, row.get(1)?))
    };
    tx.query(sql, &key.values()).await?.iter().map(read).collect()
}

/// Those that another started, by id. Index: automation_executions_by_parent.
pub async fn list_children(
    tx: &mut Tx,
    key: &AutomationKey,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Automation>> {
    let mut clause = Clause::after(key.values().to_vec());
    if let Some(after) = after {
        let after = clause.bind(after);
        clause.and(&format!("execution_id > {after}"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM automation_executions WHERE account = $1 AND region = $2 AND parent_id = $3{}
        ORDER BY execution_id LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// Those that nobody else started and that have not ended. Index: automation_executions_open.
pub async fn count_open(tx: &mut Tx, (account, region): Scope<'_>) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM automation_executions
        WHERE parent_id IS NULL AND account = $1 AND region = $2 AND finished_at IS NULL";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Deletes up to `limit` executions that ended before `before`, but for those whose parent goes on, with their steps and
/// tags, and previews that were made before it; how many executions. Index: automation_executions_by_time.
pub async fn delete_older(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM automation_executions WHERE (account, region, execution_id) IN (
            SELECT e.account, e.region, e.execution_id FROM automation_executions e
            WHERE e.started_at < $1 AND e.finished_at < $1 AND NOT EXISTS (
                SELECT 1 FROM automation_executions p WHERE p.account = e.account AND p.region = e.region
                    AND p.execution_id = e.parent_id AND p.finished_at IS NULL)
            ORDER BY e.started_at LIMIT $2)
        RETURNING account, region, execution_id";
    let gone = tx.query(sql, &[before.into(), limit.into()]).await?;
    for row in &gone {
        let key = key(row)?;
        tx.execute(&format!("DELETE FROM automation_steps WHERE {OF_EXECUTION}"), &key.values()).await?;
        let resource = crate::tags::Tagged {
            account: &key.account,
            region: &key.region,
            resource_type: "Automation",
            resource_id: key.id.as_str(),
        };
        crate::tags::remove_all(tx, resource).await?;
    }
    tx.execute("DELETE FROM automation_previews WHERE created_at < $1", &[before.into()]).await?;
    Ok(gone.len() as u64)
}

pub async fn insert_preview(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    id: &str,
    preview: &impl serde::Serialize,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO automation_previews (account, region, preview_id, created_at, preview)
        VALUES ($1, $2, $3, $4, $5)";
    let values =
        [account.as_str().into(), region.as_str().into(), id.into(), now.into(), json(preview)?.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Primary key.
pub async fn find_preview<T: serde::de::DeserializeOwned>(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    id: &str,
) -> Result<Option<T>> {
    let sql =
        "SELECT preview FROM automation_previews WHERE account = $1 AND region = $2 AND preview_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), id.into()];
    tx.query_opt(sql, &values).await?.map(|row| row.json(0)).transpose()
}

fn key(row: &Row) -> Result<AutomationKey> {
    Ok(AutomationKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? })
}

fn read(row: &Row) -> Result<Automation> {
    let parent: Option<String> = row.get(3)?;
    let (step, action): (Option<String>, Option<String>) = (row.get(12)?, row.get(13)?);
    Ok(Automation {
        key: key(row)?,
        parent: parent.is_some().then(|| row.parse(3)).transpose()?,
        document: row.get(4)?,
        document_version: row.get(5)?,
        started_at: row.get(6)?,
        finished_at: row.get(7)?,
        executed_by: row.get(8)?,
        request: row.json(9)?,
        target: row.get(10)?,
        runbook: row.get(11)?,
        current: step.zip(action),
        progress: row.json(14)?,
        due_at: row.get(15)?,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}
