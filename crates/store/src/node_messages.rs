//! What nodes are still to be told: one row per job until the node has taken it.
//! A delivery attempt leases the row, so that two servers or two channels never deliver it at once.

use api::Timestamp;
use domain::ids::{AccountId, CommandId, NodeId, Region};

use crate::clause::Clause;
use crate::commands::CommandKey;
use crate::{Result, Row, Tx, Value, wakeups};

/// A node within its account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    pub account: AccountId,
    pub region: Region,
    pub node: NodeId,
}

impl NodeKey {
    pub(crate) fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.region.as_str().into(), self.node.as_str().into()]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    Send,
    Cancel,
}

impl MessageKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Cancel => "cancel",
        }
    }

    fn read(text: &str) -> Self {
        if text == "cancel" { Self::Cancel } else { Self::Send }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeMessage {
    pub node: NodeKey,
    pub job_id: String,
    pub kind: MessageKind,
    pub command_id: CommandId,
    pub created_at: Timestamp,
    /// Free for a delivery attempt from then on.
    pub due_at: Timestamp,
    pub attempts: i64,
    /// Not delivered any more from then on.
    pub deliver_until: Timestamp,
}

const COLUMNS: &str =
    "account, region, node_id, job_id, kind, command_id, created_at, due_at, attempts, deliver_until";

fn read(row: &Row) -> Result<NodeMessage> {
    let kind: String = row.get(4)?;
    Ok(NodeMessage {
        node: NodeKey { account: row.parse(0)?, region: row.parse(1)?, node: row.parse(2)? },
        job_id: row.get(3)?,
        kind: MessageKind::read(&kind),
        command_id: row.parse(5)?,
        created_at: row.get(6)?,
        due_at: row.get(7)?,
        attempts: row.get(8)?,
        deliver_until: row.get(9)?,
    })
}

/// Rows of one statement: far below either engine's limit of parameters.
const ROWS_AT_ONCE: usize = 200;

/// Messages that are there already stay as they are. Other servers hear of them with the commit.
pub async fn insert_many(tx: &mut Tx, messages: &[NodeMessage]) -> Result<()> {
    for chunk in messages.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::default();
        let rows: Vec<String> = chunk.iter().map(|row| format!("({})", bind(&mut clause, row))).collect();
        let sql = format!(
            "INSERT INTO node_messages ({COLUMNS}) VALUES {}
            ON CONFLICT (account, region, node_id, job_id) DO NOTHING",
            rows.join(", ")
        );
        tx.execute(&sql, clause.values()).await?;
    }
    let nodes: Vec<&NodeKey> = messages.iter().map(|message| &message.node).collect();
    wakeups::announce(tx, &nodes).await
}

fn bind<'a>(clause: &mut Clause<'a>, message: &'a NodeMessage) -> String {
    let [account, region, node] = message.node.values();
    let values: [Value<'a>; 10] = [
        account,
        region,
        node,
        (&message.job_id).into(),
        message.kind.as_str().into(),
        message.command_id.as_str().into(),
        message.created_at.into(),
        message.due_at.into(),
        message.attempts.into(),
        message.deliver_until.into(),
    ];
    values.map(|value| clause.bind(value)).join(", ")
}

/// Leases up to `limit` due messages of a node until `lease_until`, oldest first.
pub async fn claim(
    tx: &mut Tx,
    node: &NodeKey,
    now: Timestamp,
    lease_until: Timestamp,
    limit: i64,
) -> Result<Vec<NodeMessage>> {
    let [account, region, id] = node.values();
    let sql = format!(
        "UPDATE node_messages SET due_at = $5, attempts = attempts + 1
        WHERE account = $1 AND region = $2 AND node_id = $3 AND job_id IN (
            SELECT job_id FROM node_messages
            WHERE account = $1 AND region = $2 AND node_id = $3 AND due_at <= $4 AND deliver_until > $4
            ORDER BY created_at, job_id LIMIT $6)
        RETURNING {COLUMNS}"
    );
    let values = [account, region, id, now.into(), lease_until.into(), limit.into()];
    let mut messages: Vec<_> = tx.query(&sql, &values).await?.iter().map(read).collect::<Result<_>>()?;
    messages.sort_by(|a, b| (a.created_at, &a.job_id).cmp(&(b.created_at, &b.job_id)));
    Ok(messages)
}

/// When the node's next message falls due, if it has one.
pub async fn next_due(tx: &mut Tx, node: &NodeKey, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "SELECT MIN(due_at) FROM node_messages
        WHERE account = $1 AND region = $2 AND node_id = $3 AND deliver_until > $4";
    let [account, region, id] = node.values();
    let row = tx.query_opt(sql, &[account, region, id, now.into()]).await?;
    Ok(row.map(|row| row.get(0)).transpose()?.flatten())
}

/// Nodes with due messages whose control channel `server_id` holds. Index: node_messages_by_due.
pub async fn due_on_server(tx: &mut Tx, server_id: &str, now: Timestamp, limit: i64) -> Result<Vec<NodeKey>> {
    let sql = "SELECT DISTINCT m.account, m.region, m.node_id FROM node_messages m
        JOIN channels c ON c.account = m.account AND c.region = m.region AND c.node_id = m.node_id
        WHERE m.due_at <= $1 AND m.deliver_until > $1 AND c.server_id = $2 AND c.open_until > $1 LIMIT $3";
    let rows = tx.query(sql, &[now.into(), server_id.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| Ok(NodeKey { account: row.parse(0)?, region: row.parse(1)?, node: row.parse(2)? }))
        .collect()
}

pub async fn find(tx: &mut Tx, node: &NodeKey, job_id: &str) -> Result<Option<NodeMessage>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM node_messages
        WHERE account = $1 AND region = $2 AND node_id = $3 AND job_id = $4"
    );
    let [account, region, id] = node.values();
    tx.query_opt(&sql, &[account, region, id, job_id.into()]).await?.as_ref().map(read).transpose()
}

/// The node said "later": free again from `due_at` on.
pub async fn postpone(tx: &mut Tx, node: &NodeKey, job_id: &str, due_at: Timestamp) -> Result<bool> {
    let sql = "UPDATE node_messages SET due_at = $5
        WHERE account = $1 AND region = $2 AND node_id = $3 AND job_id = $4";
    let [account, region, id] = node.values();
    Ok(tx.execute(sql, &[account, region, id, job_id.into(), due_at.into()]).await? == 1)
}

/// Whether it was there.
pub async fn delete(tx: &mut Tx, node: &NodeKey, job_id: &str) -> Result<bool> {
    let sql = "DELETE FROM node_messages
        WHERE account = $1 AND region = $2 AND node_id = $3 AND job_id = $4";
    let [account, region, id] = node.values();
    Ok(tx.execute(sql, &[account, region, id, job_id.into()]).await? == 1)
}

/// All messages of one command to one node: the invocation has ended.
pub async fn delete_for_invocation(tx: &mut Tx, command: &CommandKey, node: &NodeId) -> Result<()> {
    let sql = "DELETE FROM node_messages
        WHERE account = $1 AND region = $2 AND node_id = $3 AND command_id = $4";
    let [account, region, id] = command.values();
    tx.execute(sql, &[account, region, node.as_str().into(), id]).await.map(drop)
}

/// Whether there are messages past their time.
pub async fn has_expired(tx: &mut Tx, now: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM node_messages WHERE deliver_until <= $1 LIMIT 1";
    Ok(tx.query_opt(sql, &[now.into()]).await?.is_some())
}

/// What is left of messages past their time.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    tx.execute("DELETE FROM node_messages WHERE deliver_until <= $1", &[now.into()]).await
}
