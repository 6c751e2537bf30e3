//! What is to be told of commands whose NotificationConfig asks for it: a row for the command, or one for each of its
//! nodes, until its end was told. Which states are told is decided in `domain::notification`.

use api::Timestamp;
use domain::ids::NodeId;

use crate::commands::CommandKey;
use crate::{Result, Row, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub command: CommandKey,
    /// `None`: of the command as a whole.
    pub node: Option<NodeId>,
    /// The webhook.
    pub topic: String,
    /// The state that was told last; `Pending`, which nobody is told, at the beginning.
    pub told: String,
    pub attempts: i64,
    pub due_at: Timestamp,
    /// Where it stands now: a state as `StatusDetails` has it.
    pub status: String,
}

fn values<'a>(command: &'a CommandKey, node: Option<&'a NodeId>) -> Vec<Value<'a>> {
    vec![
        command.account.as_str().into(),
        command.region.as_str().into(),
        command.id.as_str().into(),
        node.map_or("", NodeId::as_str).into(),
    ]
}

fn read(row: &Row) -> Result<Notification> {
    let node: String = row.get(3)?;
    Ok(Notification {
        command: CommandKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? },
        node: if node.is_empty() { None } else { Some(row.parse(3)?) },
        topic: row.get(4)?,
        told: row.get(5)?,
        attempts: row.get(6)?,
        due_at: row.get(7)?,
        status: row.get(8)?,
    })
}

/// Of the command as a whole.
pub async fn insert(tx: &mut Tx, command: &CommandKey, topic: &str, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO command_notifications (account, region, command_id, node_id, topic, told, attempts, due_at)
        VALUES ($1, $2, $3, $4, $5, 'Pending', 0, $6)";
    let mut values = values(command, None);
    values.extend([topic.into(), now.into()]);
    tx.execute(sql, &values).await.map(drop)
}

/// Of each node of the command, whose invocations are there.
pub async fn insert_of_nodes(tx: &mut Tx, command: &CommandKey, topic: &str, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO command_notifications (account, region, command_id, node_id, topic, told, attempts, due_at)
        SELECT account, region, command_id, node_id, $4, 'Pending', 0, $5 FROM invocations
            WHERE account = $1 AND region = $2 AND command_id = $3";
    let values = [
        command.account.as_str().into(),
        command.region.as_str().into(),
        command.id.as_str().into(),
        topic.into(),
        now.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Those whose state is another one than was told, the longest due first. Index: command_notifications_by_due.
pub async fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Notification>> {
    let sql = "SELECT n.account, n.region, n.command_id, n.node_id, n.topic, n.told, n.attempts, n.due_at,
            COALESCE(i.status, c.status)
        FROM command_notifications n
        JOIN commands c ON c.account = n.account AND c.region = n.region AND c.command_id = n.command_id
        LEFT JOIN invocations i ON i.account = n.account AND i.region = n.region AND i.command_id = n.command_id
            AND i.node_id = n.node_id
        WHERE n.due_at <= $1 AND COALESCE(i.status, c.status) <> n.told
        ORDER BY n.due_at LIMIT $2";
    tx.query(sql, &[now.into(), limit.into()]).await?.iter().map(read).collect()
}

/// Takes one for an attempt, unless somebody else did.
pub async fn claim(tx: &mut Tx, one: &Notification, until: Timestamp) -> Result<bool> {
    let sql = "UPDATE command_notifications SET attempts = attempts + 1, due_at = $5
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id = $4 AND due_at = $6 AND told = $7";
    let mut values = values(&one.command, one.node.as_ref());
    values.extend([until.into(), one.due_at.into(), (&one.told).into()]);
    Ok(tx.execute(sql, &values).await? == 1)
}

/// This state was told; what comes next may be told at once.
pub async fn set_told(tx: &mut Tx, one: &Notification, now: Timestamp) -> Result<()> {
    let sql = "UPDATE command_notifications SET told = $5, attempts = 0, due_at = $6
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id = $4";
    let mut values = values(&one.command, one.node.as_ref());
    values.extend([(&one.status).into(), now.into()]);
    tx.execute(sql, &values).await.map(drop)
}

/// Nothing more is to be told.
pub async fn delete(tx: &mut Tx, one: &Notification) -> Result<()> {
    let sql = "DELETE FROM command_notifications
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id = $4";
    tx.execute(sql, &values(&one.command, one.node.as_ref())).await.map(drop)
}
