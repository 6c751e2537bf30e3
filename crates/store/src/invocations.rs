//! Invocations: one command on one node, from its making to its end.
//! Which state follows which is decided in `domain::command`.

use api::Timestamp;
use domain::command::InvocationStatus;
use domain::ids::{AccountId, CommandId, NodeId, Region};

use crate::clause::Clause;
use crate::clause::placeholders;
use crate::commands::{After, CommandKey, add_times};
use crate::nodes::online_since;
use crate::{Result, Row, StoreError, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvocationKey {
    pub command: CommandKey,
    pub node: NodeId,
}

impl InvocationKey {
    pub(crate) fn values(&self) -> [Value<'_>; 4] {
        let [account, region, command] = self.command.values();
        [account, region, command, self.node.as_str().into()]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub key: InvocationKey,
    /// The host name when the command was made; may be empty.
    pub node_name: String,
    pub document_name: String,
    pub requested_at: Timestamp,
    pub status: InvocationStatus,
    /// Rate control let it start.
    pub released_at: Option<Timestamp>,
    /// The node took it.
    pub delivered_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub deliver_until: Timestamp,
    pub expires_at: Timestamp,
    /// When the present state ends by itself; none at the end.
    pub deadline_at: Option<Timestamp>,
    /// What the agent says about the document as a whole.
    pub trace_output: String,
}

/// How many invocations of a command are in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCount {
    pub status: InvocationStatus,
    pub is_released: bool,
    pub count: i64,
}

/// Which invocations a list shows.
#[derive(Clone, Debug, Default)]
pub struct InvocationFilter<'a> {
    pub command_id: Option<&'a CommandId>,
    pub node: Option<&'a NodeId>,
    pub requested_after: Option<Timestamp>,
    pub requested_before: Option<Timestamp>,
    pub document_name: Option<&'a str>,
    /// In one of these states; `None` is no condition.
    pub statuses: Option<Vec<InvocationStatus>>,
}

const COLUMNS: &str = "account, region, command_id, node_id, node_name, document_name, requested_at, status,
    released_at, delivered_at, finished_at, deliver_until, expires_at, deadline_at, trace_output";

fn read(row: &Row) -> Result<Invocation> {
    let command = CommandKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? };
    Ok(Invocation {
        key: InvocationKey { command, node: row.parse(3)? },
        node_name: row.get(4)?,
        document_name: row.get(5)?,
        requested_at: row.get(6)?,
        status: status(&row.get::<String>(7)?)?,
        released_at: row.get(8)?,
        delivered_at: row.get(9)?,
        finished_at: row.get(10)?,
        deliver_until: row.get(11)?,
        expires_at: row.get(12)?,
        deadline_at: row.get(13)?,
        trace_output: row.get(14)?,
    })
}

fn status(text: &str) -> Result<InvocationStatus> {
    let corrupt = || StoreError::Corrupt(format!("`{text}` is no invocation's status"));
    InvocationStatus::parse(text).ok_or_else(corrupt)
}

/// Rows of one statement: far below either engine's limit of parameters.
const ROWS_AT_ONCE: usize = 200;

pub async fn insert_many(tx: &mut Tx, list: &[Invocation]) -> Result<()> {
    for chunk in list.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::default();
        let rows: Vec<String> = chunk.iter().map(|row| format!("({})", bind(&mut clause, row))).collect();
        let sql = format!("INSERT INTO invocations ({COLUMNS}) VALUES {}", rows.join(", "));
        tx.execute(&sql, clause.values()).await?;
    }
    Ok(())
}

fn bind<'a>(clause: &mut Clause<'a>, invocation: &'a Invocation) -> String {
    let [account, region, command, node] = invocation.key.values();
    let values: [Value<'a>; 15] = [
        account,
        region,
        command,
        node,
        (&invocation.node_name).into(),
        (&invocation.document_name).into(),
        invocation.requested_at.into(),
        invocation.status.as_str().into(),
        invocation.released_at.into(),
        invocation.delivered_at.into(),
        invocation.finished_at.into(),
        invocation.deliver_until.into(),
        invocation.expires_at.into(),
        invocation.deadline_at.into(),
        (&invocation.trace_output).into(),
    ];
    values.map(|value| clause.bind(value)).join(", ")
}

pub async fn find(tx: &mut Tx, key: &InvocationKey) -> Result<Option<Invocation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM invocations
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id = $4"
    );
    tx.query_opt(&sql, &key.values()).await?.as_ref().map(read).transpose()
}

/// State, moments and trace: whatever may change.
pub async fn update(tx: &mut Tx, invocation: &Invocation) -> Result<()> {
    let sql = "UPDATE invocations SET status = $5, released_at = $6, delivered_at = $7, finished_at = $8,
            deadline_at = $9, trace_output = $10
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id = $4";
    let [account, region, command, node] = invocation.key.values();
    let values = [
        account,
        region,
        command,
        node,
        invocation.status.as_str().into(),
        invocation.released_at.into(),
        invocation.delivered_at.into(),
        invocation.finished_at.into(),
        invocation.deadline_at.into(),
        (&invocation.trace_output).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Newest first. Index: invocations_by_time. `After::id` is `COMMAND/NODE`.
pub async fn list(
    tx: &mut Tx,
    (account, region): (&AccountId, &Region),
    filter: &InvocationFilter<'_>,
    after: Option<After<'_>>,
    limit: i64,
) -> Result<Vec<Invocation>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    clause.equals("command_id", filter.command_id.map(CommandId::as_str));
    clause.equals("node_id", filter.node.map(NodeId::as_str));
    add_times(&mut clause, filter.requested_after, filter.requested_before);
    clause.equals("document_name", filter.document_name);
    if let Some(statuses) = &filter.statuses {
        clause.one_of("status", statuses.iter().map(|status| status.as_str()));
    }
    if let Some(after) = after {
        let (command, node) = after.id.split_once('/').unwrap_or((after.id, ""));
        let (at, command, node) = (clause.bind(after.requested_at), clause.bind(command), clause.bind(node));
        clause.and(&format!(
            "(requested_at < {at} OR (requested_at = {at} AND (command_id < {command}
                OR (command_id = {command} AND node_id < {node}))))"
        ));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM invocations WHERE account = $1 AND region = $2{}
        ORDER BY requested_at DESC, command_id DESC, node_id DESC LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// All invocations of a command that have not ended, by node; of the given nodes only unless empty.
pub async fn list_open(tx: &mut Tx, key: &CommandKey, nodes: &[NodeId]) -> Result<Vec<Invocation>> {
    let mut sql = format!(
        "SELECT {COLUMNS} FROM invocations
        WHERE account = $1 AND region = $2 AND command_id = $3 AND finished_at IS NULL"
    );
    let mut values = key.values().to_vec();
    if !nodes.is_empty() {
        sql.push_str(&format!(" AND node_id IN ({})", placeholders(4, nodes.len())));
        values.extend(nodes.iter().map(|node| Value::from(node.as_str())));
    }
    sql.push_str(" ORDER BY node_id");
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// The commands that were let go to a node and have not ended there, the newest first. Index: invocations_by_node.
pub async fn list_commands_at(
    tx: &mut Tx,
    (account, region): (&AccountId, &Region),
    node: &NodeId,
    limit: i64,
) -> Result<Vec<CommandKey>> {
    let sql = "SELECT command_id FROM invocations
        WHERE account = $1 AND region = $2 AND node_id = $3 AND released_at IS NOT NULL AND finished_at IS NULL
        ORDER BY requested_at DESC LIMIT $4";
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into(), limit.into()];
    let rows = tx.query(sql, &values).await?;
    let key =
        |row: &Row| Ok(CommandKey { account: account.clone(), region: region.clone(), id: row.parse(0)? });
    rows.iter().map(key).collect()
}

/// Lets the next `limit` invocations start that rate control held back, and returns their nodes.
pub async fn release(tx: &mut Tx, key: &CommandKey, limit: i64, now: Timestamp) -> Result<Vec<NodeId>> {
    let sql = "UPDATE invocations SET released_at = $4
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id IN (
            SELECT node_id FROM invocations
            WHERE account = $1 AND region = $2 AND command_id = $3
                AND released_at IS NULL AND finished_at IS NULL
            ORDER BY node_id LIMIT $5)
        RETURNING node_id";
    let [account, region, id] = key.values();
    let rows = tx.query(sql, &[account, region, id, now.into(), limit.into()]).await?;
    rows.iter().map(|row| row.parse(0)).collect()
}

/// Of an invocation of an association's run: its node is online.
const IS_ONLINE: &str = "EXISTS (SELECT 1 FROM nodes n WHERE n.account = invocations.account
    AND n.region = invocations.region AND n.node_id = invocations.node_id
    AND (n.channel_until > $4 OR n.last_seen_at > $5))";

/// How many invocations that rate control holds back are on nodes that are online.
pub async fn count_held_online(tx: &mut Tx, key: &CommandKey, now: Timestamp) -> Result<u32> {
    let sql = format!(
        "SELECT COUNT(*) FROM invocations WHERE account = $1 AND region = $2 AND command_id = $3
            AND released_at IS NULL AND finished_at IS NULL AND {IS_ONLINE}"
    );
    let [account, region, id] = key.values();
    let row = tx.query_opt(&sql, &[account, region, id, now.into(), online_since(now).into()]).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// As [`release`], of nodes that are online only. Who takes it must report by `expires_at`.
pub async fn release_online(
    tx: &mut Tx,
    key: &CommandKey,
    limit: i64,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Vec<NodeId>> {
    let sql = format!(
        "UPDATE invocations SET released_at = $4, expires_at = $7
        WHERE account = $1 AND region = $2 AND command_id = $3 AND node_id IN (
            SELECT node_id FROM invocations
            WHERE account = $1 AND region = $2 AND command_id = $3
                AND released_at IS NULL AND finished_at IS NULL AND {IS_ONLINE}
            ORDER BY node_id LIMIT $6)
        RETURNING node_id"
    );
    let [account, region, id] = key.values();
    let since = online_since(now);
    let values = [account, region, id, now.into(), since.into(), limit.into(), expires_at.into()];
    tx.query(&sql, &values).await?.iter().map(|row| row.parse(0)).collect()
}

/// Lets these nodes start, of which each must report by `expires_at`; returns those that had not.
pub async fn release_listed(
    tx: &mut Tx,
    key: &CommandKey,
    nodes: &[NodeId],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Vec<NodeId>> {
    let mut released = Vec::new();
    for chunk in nodes.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::after(key.values().to_vec());
        let (now, expires_at) = (clause.bind(now), clause.bind(expires_at));
        clause.one_of("node_id", chunk.iter().map(NodeId::as_str));
        let sql = format!(
            "UPDATE invocations SET released_at = {now}, expires_at = {expires_at}
            WHERE account = $1 AND region = $2 AND command_id = $3
                AND released_at IS NULL AND finished_at IS NULL{}
            RETURNING node_id",
            clause.sql()
        );
        for row in tx.query(&sql, clause.values()).await? {
            released.push(row.parse(0)?);
        }
    }
    Ok(released)
}

/// Takes back what nodes that went offline were to start and have not taken, so that others may; whether there was any.
pub async fn withhold_offline(tx: &mut Tx, key: &CommandKey, now: Timestamp) -> Result<bool> {
    let [account, region, id] = key.values();
    let values = [account, region, id, now.into(), online_since(now).into()];
    let sql = format!(
        "UPDATE invocations SET released_at = NULL, status = 'Pending'
        WHERE account = $1 AND region = $2 AND command_id = $3 AND released_at IS NOT NULL
            AND delivered_at IS NULL AND finished_at IS NULL AND NOT {IS_ONLINE}"
    );
    if tx.execute(&sql, &values).await? == 0 {
        return Ok(false);
    }
    let sql = "DELETE FROM node_messages WHERE account = $1 AND region = $2 AND command_id = $3
        AND EXISTS (SELECT 1 FROM invocations i WHERE i.account = node_messages.account
            AND i.region = node_messages.region AND i.command_id = node_messages.command_id
            AND i.node_id = node_messages.node_id AND i.released_at IS NULL)";
    tx.execute(sql, &key.values()).await?;
    Ok(true)
}

/// Whether [`withhold_offline`] would find any.
pub async fn has_released_offline(tx: &mut Tx, key: &CommandKey, now: Timestamp) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM invocations WHERE account = $1 AND region = $2 AND command_id = $3
            AND released_at IS NOT NULL AND delivered_at IS NULL AND finished_at IS NULL AND NOT {IS_ONLINE}
        LIMIT 1"
    );
    let [account, region, id] = key.values();
    let values = [account, region, id, now.into(), online_since(now).into()];
    Ok(tx.query_opt(&sql, &values).await?.is_some())
}

/// Of one command, by node, after `after`; in one of `statuses`, if there are any. Primary key order.
pub async fn list_of_command(
    tx: &mut Tx,
    key: &CommandKey,
    (statuses, node): (Option<&[InvocationStatus]>, Option<&str>),
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Invocation>> {
    let mut clause = Clause::after(key.values().to_vec());
    if let Some(statuses) = statuses {
        clause.one_of("status", statuses.iter().map(|status| status.as_str()));
    }
    clause.equals("node_id", node);
    if let Some(after) = after {
        let after = clause.bind(after);
        clause.and(&format!("node_id > {after}"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM invocations WHERE account = $1 AND region = $2 AND command_id = $3{}
        ORDER BY node_id LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// Ends all invocations that have not started, in `status`.
pub async fn end_held(
    tx: &mut Tx,
    key: &CommandKey,
    status: InvocationStatus,
    now: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE invocations SET status = $4, finished_at = $5, deadline_at = NULL
        WHERE account = $1 AND region = $2 AND command_id = $3
            AND released_at IS NULL AND finished_at IS NULL";
    let [account, region, id] = key.values();
    tx.execute(sql, &[account, region, id, status.as_str().into(), now.into()]).await
}

/// The node ids among `nodes` that the command addresses.
pub async fn addressed(tx: &mut Tx, key: &CommandKey, nodes: &[NodeId]) -> Result<Vec<NodeId>> {
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT node_id FROM invocations WHERE account = $1 AND region = $2 AND command_id = $3
            AND node_id IN ({})",
        placeholders(4, nodes.len())
    );
    let mut values = key.values().to_vec();
    values.extend(nodes.iter().map(|node| Value::from(node.as_str())));
    tx.query(&sql, &values).await?.iter().map(|row| row.parse(0)).collect()
}

/// All nodes that the command addresses. Primary key order.
pub async fn list_nodes(tx: &mut Tx, key: &CommandKey) -> Result<Vec<NodeId>> {
    let sql = "SELECT node_id FROM invocations WHERE account = $1 AND region = $2 AND command_id = $3
        ORDER BY node_id";
    tx.query(sql, &key.values()).await?.iter().map(|row| row.parse(0)).collect()
}

/// A command has at most as many rows as it has nodes.
pub async fn count_by_state(tx: &mut Tx, key: &CommandKey) -> Result<Vec<StateCount>> {
    let sql = "SELECT status, CASE WHEN released_at IS NULL THEN 0 ELSE 1 END, COUNT(*) FROM invocations
        WHERE account = $1 AND region = $2 AND command_id = $3 GROUP BY 1, 2";
    let rows = tx.query(sql, &key.values()).await?;
    rows.iter()
        .map(|row| {
            Ok(StateCount {
                status: status(&row.get::<String>(0)?)?,
                is_released: row.get(1)?,
                count: row.get(2)?,
            })
        })
        .collect()
}

/// Those whose deadline has passed, longest overdue first. Index: invocations_by_deadline.
pub async fn list_overdue(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Invocation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM invocations WHERE deadline_at IS NOT NULL AND deadline_at <= $1
        ORDER BY deadline_at LIMIT $2"
    );
    tx.query(&sql, &[now.into(), limit.into()]).await?.iter().map(read).collect()
}
