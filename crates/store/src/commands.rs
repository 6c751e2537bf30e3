//! Commands: what was asked for, and how far it got. Their invocations are in `invocations`.
//! Which state follows which is decided in `domain::command`.

use api::Timestamp;
use api::ssm::SendCommandRequest;
use domain::command::CommandStatus;
use domain::ids::{AccountId, AssociationId, CommandId, DocumentName, NodeId, Region};

use serde::{Deserialize, Serialize};

use crate::clause::Clause;
use crate::clause::placeholders;
use crate::{Result, Row, StoreError, Tx, Value};

/// A command within its account and region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandKey {
    pub account: AccountId,
    pub region: Region,
    pub id: CommandId,
}

impl CommandKey {
    pub(crate) fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.region.as_str().into(), self.id.as_str().into()]
    }
}

/// How many invocations there are, and how many ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub targets: i64,
    pub completed: i64,
    pub errors: i64,
    pub delivery_timed_out: i64,
}

/// A step of the command's document: the name its result has, and its plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    pub plugin: String,
}

/// A reference to Parameter Store in a document that the command's steps fetch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Referred {
    /// As callers name it.
    pub document: String,
    pub version: i64,
    /// `{{ssm:NAME}}` or `{{ssm-secure:NAME}}`.
    pub reference: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub key: CommandKey,
    /// Never an ARN.
    pub document_name: DocumentName,
    pub requested_at: Timestamp,
    /// No delivery from then on.
    pub deliver_until: Timestamp,
    /// No report is waited for from then on.
    pub expires_at: Timestamp,
    /// As asked for, with defaults filled in.
    pub request: SendCommandRequest,
    /// The document's, in order.
    pub steps: Vec<Step>,
    pub status: CommandStatus,
    pub counters: Counters,
    pub cancelled_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// Whose run it is; its nodes start as they come online, and none waits for one that is not.
    pub association: Option<AssociationId>,
}

/// Which commands a list shows.
#[derive(Clone, Debug, Default)]
pub struct CommandFilter<'a> {
    pub command_id: Option<&'a CommandId>,
    /// Has an invocation on this node.
    pub node: Option<&'a NodeId>,
    pub requested_after: Option<Timestamp>,
    pub requested_before: Option<Timestamp>,
    pub document_name: Option<&'a str>,
    /// In one of these states; `None` is no condition.
    pub statuses: Option<Vec<CommandStatus>>,
    pub stage: Option<Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Executing,
    Complete,
}

/// The place in a list after which a page begins: newest first.
#[derive(Clone, Copy, Debug)]
pub struct After<'a> {
    pub requested_at: Timestamp,
    /// The rest of the key.
    pub id: &'a str,
}

const COLUMNS: &str = "account, region, command_id, document_name, requested_at, deliver_until, expires_at,
    request, steps, status, target_count, completed_count, error_count, delivery_timed_out_count,
    cancelled_at, finished_at, association_id";

fn read(row: &Row) -> Result<Command> {
    Ok(Command {
        key: CommandKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? },
        document_name: row.parse(3)?,
        requested_at: row.get(4)?,
        deliver_until: row.get(5)?,
        expires_at: row.get(6)?,
        request: row.json(7)?,
        steps: row.json(8)?,
        status: status(&row.get::<String>(9)?)?,
        counters: Counters {
            targets: row.get(10)?,
            completed: row.get(11)?,
            errors: row.get(12)?,
            delivery_timed_out: row.get(13)?,
        },
        cancelled_at: row.get(14)?,
        finished_at: row.get(15)?,
        association: row.get::<Option<String>>(16)?.is_some().then(|| row.parse(16)).transpose()?,
    })
}

fn status(text: &str) -> Result<CommandStatus> {
    CommandStatus::parse(text).ok_or_else(|| StoreError::Corrupt(format!("`{text}` is no command's status")))
}

/// `payload` is the JSON text that agents are sent.
pub async fn insert(tx: &mut Tx, command: &Command, payload: &str) -> Result<()> {
    let sql = format!(
        "INSERT INTO commands ({COLUMNS}, payload)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    );
    let [account, region, id] = command.key.values();
    let counters = command.counters;
    let values = [
        account,
        region,
        id,
        command.document_name.as_str().into(),
        command.requested_at.into(),
        command.deliver_until.into(),
        command.expires_at.into(),
        json(&command.request)?.into(),
        json(&command.steps)?.into(),
        command.status.as_str().into(),
        counters.targets.into(),
        counters.completed.into(),
        counters.errors.into(),
        counters.delivery_timed_out.into(),
        command.cancelled_at.into(),
        command.finished_at.into(),
        command.association.as_ref().map(AssociationId::as_str).into(),
        payload.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Backend(error.into()))
}

pub async fn find(tx: &mut Tx, key: &CommandKey) -> Result<Option<Command>> {
    let sql =
        format!("SELECT {COLUMNS} FROM commands WHERE account = $1 AND region = $2 AND command_id = $3");
    tx.query_opt(&sql, &key.values()).await?.as_ref().map(read).transpose()
}

/// Those of `keys`, all of one account and region, that exist.
pub async fn find_many(tx: &mut Tx, keys: &[CommandKey]) -> Result<Vec<Command>> {
    let Some(first) = keys.first() else {
        return Ok(Vec::new());
    };
    let mut ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let list = placeholders(3, ids.len());
    let sql = format!(
        "SELECT {COLUMNS} FROM commands WHERE account = $1 AND region = $2 AND command_id IN ({list})"
    );
    let mut values: Vec<Value<'_>> = vec![first.account.as_str().into(), first.region.as_str().into()];
    values.extend(ids.into_iter().map(Value::from));
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// The JSON text that agents are sent.
pub async fn find_payload(tx: &mut Tx, key: &CommandKey) -> Result<Option<String>> {
    let sql = "SELECT payload FROM commands WHERE account = $1 AND region = $2 AND command_id = $3";
    tx.query_opt(sql, &key.values()).await?.map(|row| row.get(0)).transpose()
}

/// The same of several, all of one account and region.
pub async fn find_payloads(tx: &mut Tx, keys: &[CommandKey]) -> Result<Vec<String>> {
    let Some(first) = keys.first() else {
        return Ok(Vec::new());
    };
    let list = placeholders(3, keys.len());
    let sql =
        format!("SELECT payload FROM commands WHERE account = $1 AND region = $2 AND command_id IN ({list})");
    let mut values: Vec<Value<'_>> = vec![first.account.as_str().into(), first.region.as_str().into()];
    values.extend(keys.iter().map(|key| Value::from(key.id.as_str())));
    tx.query(&sql, &values).await?.iter().map(|row| row.get(0)).collect()
}

/// What the documents refer to that its steps fetch.
pub async fn note_referred(tx: &mut Tx, key: &CommandKey, referred: &[Referred]) -> Result<()> {
    let sql = "UPDATE commands SET referred = $4 WHERE account = $1 AND region = $2 AND command_id = $3";
    let [account, region, id] = key.values();
    tx.execute(sql, &[account, region, id, json(&referred)?.into()]).await.map(drop)
}

/// The same of several, all of one account and region.
pub async fn list_referred(tx: &mut Tx, keys: &[CommandKey]) -> Result<Vec<Referred>> {
    let Some(first) = keys.first() else {
        return Ok(Vec::new());
    };
    let list = placeholders(3, keys.len());
    let sql = format!(
        "SELECT referred FROM commands WHERE account = $1 AND region = $2 AND command_id IN ({list})"
    );
    let mut values: Vec<Value<'_>> = vec![first.account.as_str().into(), first.region.as_str().into()];
    values.extend(keys.iter().map(|key| Value::from(key.id.as_str())));
    let rows = tx.query(&sql, &values).await?;
    let lists: Vec<Vec<Referred>> = rows.iter().map(|row| row.json(0)).collect::<Result<_>>()?;
    Ok(lists.into_iter().flatten().collect())
}

/// Newest first. Index: commands_by_time.
pub async fn list(
    tx: &mut Tx,
    (account, region): (&AccountId, &Region),
    filter: &CommandFilter<'_>,
    after: Option<After<'_>>,
    limit: i64,
) -> Result<Vec<Command>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    clause.equals("command_id", filter.command_id.map(CommandId::as_str));
    if let Some(node) = filter.node {
        let node = clause.bind(node.as_str());
        clause.and(&format!(
            "command_id IN (SELECT i.command_id FROM invocations i
                WHERE i.account = $1 AND i.region = $2 AND i.node_id = {node})"
        ));
    }
    add_times(&mut clause, filter.requested_after, filter.requested_before);
    clause.equals("document_name", filter.document_name);
    if let Some(statuses) = &filter.statuses {
        clause.one_of("status", statuses.iter().map(|status| status.as_str()));
    }
    match filter.stage {
        Some(Stage::Executing) => clause.and("finished_at IS NULL"),
        Some(Stage::Complete) => clause.and("finished_at IS NOT NULL"),
        None => {}
    }
    if let Some(after) = after {
        let (at, id) = (clause.bind(after.requested_at), clause.bind(after.id));
        clause.and(&format!("(requested_at < {at} OR (requested_at = {at} AND command_id < {id}))"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM commands WHERE account = $1 AND region = $2{}
        ORDER BY requested_at DESC, command_id DESC LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

pub(crate) fn add_times(clause: &mut Clause<'_>, after: Option<Timestamp>, before: Option<Timestamp>) {
    if let Some(after) = after {
        let after = clause.bind(after);
        clause.and(&format!("requested_at > {after}"));
    }
    if let Some(before) = before {
        let before = clause.bind(before);
        clause.and(&format!("requested_at < {before}"));
    }
}

/// Status, counters and the moments of cancellation and end.
pub async fn update_progress(tx: &mut Tx, command: &Command) -> Result<()> {
    let sql = "UPDATE commands SET status = $4, target_count = $5, completed_count = $6,
            error_count = $7, delivery_timed_out_count = $8, cancelled_at = $9, finished_at = $10
        WHERE account = $1 AND region = $2 AND command_id = $3";
    let [account, region, id] = command.key.values();
    let counters = command.counters;
    let values = [
        account,
        region,
        id,
        command.status.as_str().into(),
        counters.targets.into(),
        counters.completed.into(),
        counters.errors.into(),
        counters.delivery_timed_out.into(),
        command.cancelled_at.into(),
        command.finished_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Commands that have not ended, oldest first. Index: commands_running.
pub async fn list_running(
    tx: &mut Tx,
    after: Option<&(Timestamp, CommandKey)>,
    limit: i64,
) -> Result<Vec<(Timestamp, CommandKey)>> {
    let open = "commands WHERE finished_at IS NULL";
    list_keys(tx, (open, "requested_at", "command_id"), after, limit).await
}

/// Of rows that are called as their command is, in the order of time and id: those that are selected, from where the
/// columns of time and id are.
pub(crate) async fn list_keys(
    tx: &mut Tx,
    (selected, at_column, id_column): (&str, &str, &str),
    after: Option<&(Timestamp, CommandKey)>,
    limit: i64,
) -> Result<Vec<(Timestamp, CommandKey)>> {
    let mut clause = Clause::default();
    if let Some((at, key)) = after {
        let (at, id) = (clause.bind(*at), clause.bind(key.id.as_str()));
        clause.and(&format!("({at_column} > {at} OR ({at_column} = {at} AND {id_column} > {id}))"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {at_column}, account, region, {id_column} FROM {selected}{}
        ORDER BY {at_column}, {id_column} LIMIT {limit}",
        clause.sql()
    );
    let rows = tx.query(&sql, clause.values()).await?;
    let key = |row: &Row| {
        let key = CommandKey { account: row.parse(1)?, region: row.parse(2)?, id: row.parse(3)? };
        Ok((row.get(0)?, key))
    };
    rows.iter().map(key).collect()
}

/// Everything about commands requested before `before` that have ended, invocations and steps included.
/// Indexes: the four *_by_age.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let ended = "(account, region, command_id) IN (SELECT account, region, command_id FROM commands
        WHERE requested_at < $1 AND finished_at IS NOT NULL)";
    for table in ["step_results", "invocations"] {
        let sql = format!("DELETE FROM {table} WHERE requested_at < $1 AND {ended}");
        tx.execute(&sql, &[before.into()]).await?;
    }
    let sql = format!("DELETE FROM command_notifications WHERE {ended}");
    tx.execute(&sql, &[before.into()]).await?;
    let sql = "DELETE FROM commands WHERE requested_at < $1 AND finished_at IS NOT NULL";
    tx.execute(sql, &[before.into()]).await
}
