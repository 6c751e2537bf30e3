//! Managed nodes: their registration, their keys, what they last said of themselves.

use api::Timestamp;
use domain::ids::{AccountId, ActivationId, NodeId, Region};

use crate::clause::{Clause, Comparison};
use crate::{Result, Row, Tx, dialect};

/// A node that was silent for longer counts as lost: one heartbeat interval and some slack.
pub const ONLINE_FOR_MS: i64 = 390_000;
/// Far below either engine's limit of parameters.
const IDS_AT_ONCE: usize = 500;
/// Signs of life are written at most this often.
pub const SEEN_EVERY_MS: i64 = 60_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub account: AccountId,
    pub region: Region,
    pub id: NodeId,
    pub activation_id: Option<ActivationId>,
    pub iam_role: String,
    pub name: Option<String>,
    pub registered_at: Timestamp,
    pub fingerprint: String,
    pub public_key: String,
    /// Valid until the new one was used once.
    pub previous_public_key: Option<String>,
    pub information: NodeInformation,
    pub last_seen_at: Option<Timestamp>,
    pub channel_until: Option<Timestamp>,
}

/// What a node reports of itself; absent members have not been reported yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeInformation {
    pub agent_name: Option<String>,
    pub agent_version: Option<String>,
    pub agent_status: Option<String>,
    pub platform_type: Option<String>,
    pub platform_name: Option<String>,
    pub platform_version: Option<String>,
    pub computer_name: Option<String>,
    pub ip_address: Option<String>,
    pub connection_channel: Option<String>,
}

impl Node {
    pub fn has_channel(&self, now: Timestamp) -> bool {
        self.channel_until.is_some_and(|until| until > now)
    }

    /// Source: agent-protocol.md 2.3.
    pub fn is_online(&self, now: Timestamp) -> bool {
        self.has_channel(now) || self.last_seen_at.is_some_and(|seen| now.millis_since(seen) < ONLINE_FOR_MS)
    }
}

/// Who was seen since then is online at `now`.
pub(crate) fn online_since(now: Timestamp) -> Timestamp {
    now.plus_millis(-ONLINE_FOR_MS)
}

/// What nodes can be selected by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeField {
    Id,
    AgentVersion,
    /// `Online` or `ConnectionLost`.
    PingStatus,
    PlatformType,
    PlatformName,
    PlatformVersion,
    ActivationId,
    IamRole,
    ComputerName,
    IpAddress,
    Name,
    /// Has one of these tag keys.
    TagKey,
    /// The tag of this key has one of these values.
    Tag(String),
    /// What all its associations come to: `Failed`, `Pending`, `Success`, or nothing when there are none.
    AssociationStatus,
    /// No run of one of these associations has addressed it, or none of the newest reached it.
    NotReachedBy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCondition {
    pub field: NodeField,
    pub comparison: Comparison,
    pub values: Vec<String>,
}

const COLUMNS: &str = "account, region, node_id, activation_id, iam_role, name, registered_at, fingerprint,
    public_key, previous_public_key, agent_name, agent_version, agent_status, platform_type, platform_name,
    platform_version, computer_name, ip_address, connection_channel, last_seen_at, channel_until";

fn read(row: &Row) -> Result<Node> {
    let activation: Option<String> = row.get(3)?;
    Ok(Node {
        account: row.parse(0)?,
        region: row.parse(1)?,
        id: row.parse(2)?,
        activation_id: activation.is_some().then(|| row.parse(3)).transpose()?,
        iam_role: row.get(4)?,
        name: row.get(5)?,
        registered_at: row.get(6)?,
        fingerprint: row.get(7)?,
        public_key: row.get(8)?,
        previous_public_key: row.get(9)?,
        information: NodeInformation {
            agent_name: row.get(10)?,
            agent_version: row.get(11)?,
            agent_status: row.get(12)?,
            platform_type: row.get(13)?,
            platform_name: row.get(14)?,
            platform_version: row.get(15)?,
            computer_name: row.get(16)?,
            ip_address: row.get(17)?,
            connection_channel: row.get(18)?,
        },
        last_seen_at: row.get(19)?,
        channel_until: row.get(20)?,
    })
}

/// A newly registered node; it has not said anything of itself yet.
pub async fn insert(tx: &mut Tx, node: &Node) -> Result<()> {
    let sql = "INSERT INTO nodes
        (account, region, node_id, activation_id, iam_role, name, registered_at, fingerprint, public_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        node.account.as_str().into(),
        node.region.as_str().into(),
        node.id.as_str().into(),
        node.activation_id.as_ref().map(ActivationId::as_str).into(),
        (&node.iam_role).into(),
        node.name.as_ref().into(),
        node.registered_at.into(),
        (&node.fingerprint).into(),
        (&node.public_key).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub async fn find(tx: &mut Tx, account: &AccountId, region: &Region, id: &NodeId) -> Result<Option<Node>> {
    let sql = format!("SELECT {COLUMNS} FROM nodes WHERE account = $1 AND region = $2 AND node_id = $3");
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// Until the transaction ends nobody else writes what a node reports, so that reading its rows and
/// writing them again is safe in [`crate::Store::write_by_locks`]. Whether it is there is not told.
pub async fn lock(tx: &mut Tx, account: &AccountId, region: &Region, id: &NodeId) -> Result<()> {
    dialect::lock_node(tx, &[account.as_str().into(), region.as_str().into(), id.as_str().into()]).await
}

/// By id alone: a call signed with a node's own key names no account. Index: nodes_by_id.
pub async fn find_unscoped(tx: &mut Tx, id: &NodeId) -> Result<Option<Node>> {
    let sql = format!("SELECT {COLUMNS} FROM nodes WHERE node_id = $1");
    tx.query_opt(&sql, &[id.as_str().into()]).await?.as_ref().map(read).transpose()
}

/// By id, after `after`. Primary key order.
pub async fn list(
    tx: &mut Tx,
    (account, region): (&AccountId, &Region),
    conditions: &[NodeCondition],
    now: Timestamp,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Node>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    for condition in conditions {
        add(&mut clause, condition, now);
    }
    if let Some(after) = after {
        let key = clause.bind(after);
        clause.and(&format!("node_id > {key}"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM nodes WHERE account = $1 AND region = $2{} ORDER BY node_id LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

fn add<'a>(clause: &mut Clause<'a>, condition: &'a NodeCondition, now: Timestamp) {
    let tags =
        "SELECT resource_id FROM tags WHERE tags.account = nodes.account AND tags.region = nodes.region
        AND tags.resource_type = 'ManagedInstance'";
    let column = match &condition.field {
        NodeField::Id => "node_id",
        NodeField::AgentVersion => "agent_version",
        NodeField::PlatformType => "platform_type",
        NodeField::PlatformName => "platform_name",
        NodeField::PlatformVersion => "platform_version",
        NodeField::ActivationId => "activation_id",
        NodeField::IamRole => "iam_role",
        NodeField::ComputerName => "computer_name",
        NodeField::IpAddress => "ip_address",
        NodeField::Name => "name",
        NodeField::PingStatus => {
            let (open, seen) = (clause.bind(now), clause.bind(online_since(now)));
            let status = format!(
                "CASE WHEN channel_until > {open} OR last_seen_at > {seen} THEN 'Online' ELSE 'ConnectionLost' END"
            );
            return clause.compare(&status, condition.comparison, &condition.values);
        }
        NodeField::TagKey => {
            let keys: Vec<String> = condition.values.iter().map(|key| clause.bind(key)).collect();
            return clause.and(&format!("node_id IN ({tags} AND tag_key IN ({}))", keys.join(", ")));
        }
        NodeField::AssociationStatus => {
            return clause.compare(&association_status(), condition.comparison, &condition.values);
        }
        NodeField::NotReachedBy => {
            let ids: Vec<String> = condition.values.iter().map(|id| clause.bind(id)).collect();
            return clause.and(&format!(
                "NOT EXISTS (SELECT 1 FROM association_nodes r WHERE r.account = nodes.account
                    AND r.region = nodes.region AND r.association_id IN ({}) AND r.node_id = nodes.node_id
                    AND r.is_missed = 0 AND r.is_left = 0)",
                ids.join(", ")
            ));
        }
        NodeField::Tag(key) => {
            let key = clause.bind(key);
            let list: Vec<String> = condition.values.iter().map(|value| clause.bind(value)).collect();
            let list = list.join(", ");
            return clause.and(&format!("node_id IN ({tags} AND tag_key = {key} AND tag_value IN ({list}))"));
        }
    };
    clause.compare(column, condition.comparison, &condition.values);
}

/// As `domain::association::Overview` has it: one that went wrong decides, then one that is open.
fn association_status() -> String {
    let any = |condition: &str| {
        format!(
            "EXISTS (SELECT 1 FROM association_nodes r WHERE r.account = nodes.account AND r.region = nodes.region
                AND r.node_id = nodes.node_id AND r.is_left = 0{condition})"
        )
    };
    let open = "'Pending', 'Delayed', 'InProgress', 'Cancelling'";
    format!(
        "CASE WHEN {} THEN 'Failed' WHEN {} THEN 'Pending' WHEN {} THEN 'Success' ELSE '' END",
        any(&format!(" AND r.status NOT IN ('Success', {open})")),
        any(&format!(" AND r.status IN ({open})")),
        any("")
    )
}

/// How many there are. Primary key order.
pub async fn count(tx: &mut Tx, (account, region): (&AccountId, &Region)) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM nodes WHERE account = $1 AND region = $2";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// The region with most nodes, of several the first by name. Counts in primary key order.
pub async fn largest_region(tx: &mut Tx, account: &AccountId) -> Result<Option<Region>> {
    let sql = "SELECT region FROM nodes WHERE account = $1 GROUP BY region
        ORDER BY COUNT(*) DESC, region LIMIT 1";
    tx.query_opt(sql, &[account.as_str().into()]).await?.map(|row| row.parse(0)).transpose()
}

/// Of `ids`, those whose agent is of this name, in their order.
pub async fn with_agent(
    tx: &mut Tx,
    (account, region): (&AccountId, &Region),
    ids: &[NodeId],
    agent_name: &str,
) -> Result<Vec<NodeId>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(IDS_AT_ONCE) {
        let values = vec![account.as_str().into(), region.as_str().into(), agent_name.into()];
        let mut clause = Clause::after(values);
        clause.one_of("node_id", chunk.iter().map(NodeId::as_str));
        let sql = format!(
            "SELECT node_id FROM nodes WHERE account = $1 AND region = $2 AND agent_name = $3{} ORDER BY node_id",
            clause.sql()
        );
        for row in tx.query(&sql, clause.values()).await? {
            found.push(row.parse(0)?);
        }
    }
    Ok(found)
}

/// Whether it was there. Its tags are the caller's to remove.
pub async fn delete(tx: &mut Tx, account: &AccountId, region: &Region, id: &NodeId) -> Result<bool> {
    let sql = "DELETE FROM nodes WHERE account = $1 AND region = $2 AND node_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// Whether the node is there.
pub async fn update_role(
    tx: &mut Tx,
    (account, region): (&AccountId, &Region),
    id: &NodeId,
    iam_role: &str,
) -> Result<bool> {
    let sql = "UPDATE nodes SET iam_role = $4 WHERE account = $1 AND region = $2 AND node_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into(), iam_role.into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// Puts a new key beside the old one, which stays valid until the new one is used.
pub async fn rotate_key(tx: &mut Tx, node: &Node, public_key: &str) -> Result<()> {
    let sql = "UPDATE nodes SET previous_public_key = public_key, public_key = $2 WHERE node_id = $1";
    tx.execute(sql, &[node.id.as_str().into(), public_key.into()]).await.map(drop)
}

/// The new key was used: the old one is over.
pub async fn retire_previous_key(tx: &mut Tx, id: &NodeId) -> Result<()> {
    let sql = "UPDATE nodes SET previous_public_key = NULL WHERE node_id = $1";
    tx.execute(sql, &[id.as_str().into()]).await.map(drop)
}

/// Keeps what is reported now and leaves the rest: a probe does not blank a full report.
pub async fn record_information(
    tx: &mut Tx,
    id: &NodeId,
    information: &NodeInformation,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE nodes SET
        agent_name = COALESCE($2, agent_name), agent_version = COALESCE($3, agent_version),
        agent_status = COALESCE($4, agent_status), platform_type = COALESCE($5, platform_type),
        platform_name = COALESCE($6, platform_name), platform_version = COALESCE($7, platform_version),
        computer_name = COALESCE($8, computer_name), ip_address = COALESCE($9, ip_address),
        connection_channel = COALESCE($10, connection_channel), last_seen_at = $11
        WHERE node_id = $1";
    let values = [
        id.as_str().into(),
        information.agent_name.as_ref().into(),
        information.agent_version.as_ref().into(),
        information.agent_status.as_ref().into(),
        information.platform_type.as_ref().into(),
        information.platform_name.as_ref().into(),
        information.platform_version.as_ref().into(),
        information.computer_name.as_ref().into(),
        information.ip_address.as_ref().into(),
        information.connection_channel.as_ref().into(),
        now.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// A sign of life. The caller asks [`is_due`] first, to spare the write.
pub async fn record_seen(tx: &mut Tx, id: &NodeId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE nodes SET last_seen_at = $2 WHERE node_id = $1";
    tx.execute(sql, &[id.as_str().into(), now.into()]).await.map(drop)
}

/// Whether a sign of life at `now` is worth writing.
pub fn is_due(node: &Node, now: Timestamp) -> bool {
    node.last_seen_at.is_none_or(|seen| now.millis_since(seen) >= SEEN_EVERY_MS)
}

/// The control channel counts as open until `until`; a moment of the past closes it.
pub async fn record_channel(tx: &mut Tx, id: &NodeId, until: Timestamp, now: Timestamp) -> Result<()> {
    let sql = "UPDATE nodes SET channel_until = $2, last_seen_at = $3 WHERE node_id = $1";
    tx.execute(sql, &[id.as_str().into(), until.into(), now.into()]).await.map(drop)
}

/// The same for many nodes at once.
pub(crate) async fn record_channels(
    tx: &mut Tx,
    ids: &[NodeId],
    until: Timestamp,
    now: Timestamp,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let list = crate::clause::placeholders(3, ids.len());
    let sql = format!("UPDATE nodes SET channel_until = $1, last_seen_at = $2 WHERE node_id IN ({list})");
    let mut values: Vec<crate::Value<'_>> = vec![until.into(), now.into()];
    values.extend(ids.iter().map(|id| crate::Value::from(id.as_str())));
    tx.execute(&sql, &values).await.map(drop)
}
