//! Staged rollouts: plans, how far they came, and to which ring each node belongs. What follows is decided in
//! `domain::rollout`; how far a node is says its invocation.

use std::collections::BTreeMap;

use api::Timestamp;
use api::fettle::{RolloutEvidence, RolloutPlan};
use domain::command::InvocationStatus;
use domain::ids::{AssociationId, CommandId, NodeId};
use domain::rollout::{Phase, Standing, State, Tally};
use serde::{Deserialize, Serialize};

use crate::clause::{Clause, Comparison};
use crate::commands::{self, CommandKey};
use crate::nodes::online_since;
use crate::quick_setup::ManagerKey;
use crate::{Result, Row, Scope, StoreError, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    pub key: CommandKey,
    pub association: AssociationId,
    pub plan: RolloutPlan,
    /// Why it stands where it does; may be empty.
    pub reason: String,
    pub state: State,
    pub probe: Option<CommandId>,
    /// By ring.
    pub records: BTreeMap<usize, Record>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// What is kept of a ring that the rollout has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub began_at: Timestamp,
    /// When it was judged the last time.
    pub evidence: Option<RolloutEvidence>,
    /// Who approved it.
    pub approved_by: Option<String>,
}

impl Record {
    /// Somebody let the next ring begin, although this one fell short.
    pub fn is_overruled(&self) -> bool {
        let fell_short = self.evidence.as_ref().is_some_and(|evidence| !evidence.shortfalls.is_empty());
        self.approved_by.is_some() && fell_short
    }
}

const STANDINGS: [(Standing, &str); 4] = [
    (Standing::InProgress, "InProgress"),
    (Standing::Paused, "Paused"),
    (Standing::Stopped, "Stopped"),
    (Standing::Succeeded, "Succeeded"),
];
const PHASES: [(Phase, &str); 4] = [
    (Phase::Running, "Running"),
    (Phase::Soaking, "Soaking"),
    (Phase::Judging, "Judging"),
    (Phase::AwaitingApproval, "AwaitingApproval"),
];
/// Rows of one statement: far below either engine's limit of parameters.
const ROWS_AT_ONCE: usize = 500;

const COLUMNS: &str =
    "account, region, rollout_id, association_id, plan, standing, reason, ring, phase, phase_at,
    ring_at, probe_id, records, created_at, ends_at, ended_at";

fn to_text<T: PartialEq>(words: &[(T, &'static str)], value: &T) -> &'static str {
    words.iter().find(|(known, _)| known == value).map_or("", |(_, text)| text)
}

fn from_text<T: Copy>(words: &[(T, &'static str)], text: &str) -> Result<T> {
    let found = words.iter().find(|(_, known)| *known == text).map(|(value, _)| *value);
    found.ok_or_else(|| StoreError::Corrupt(format!("`{text}` is nowhere that a rollout can be")))
}

/// The words of the API.
pub fn standing_text(standing: Standing) -> &'static str {
    to_text(&STANDINGS, &standing)
}

/// The words of the API.
pub fn phase_text(phase: Phase) -> &'static str {
    to_text(&PHASES, &phase)
}

fn place(row: &Row, column: usize) -> Result<usize> {
    let ring: i64 = row.get(column)?;
    usize::try_from(ring).map_err(|_| StoreError::Corrupt(format!("{ring} is no ring of a rollout")))
}

fn read(row: &Row) -> Result<Rollout> {
    let probe: Option<String> = row.get(11)?;
    Ok(Rollout {
        key: CommandKey { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)? },
        association: row.parse(3)?,
        plan: row.json(4)?,
        reason: row.get(6)?,
        state: State {
            standing: from_text(&STANDINGS, &row.get::<String>(5)?)?,
            ring: place(row, 7)?,
            phase: from_text(&PHASES, &row.get::<String>(8)?)?,
            phase_at: row.get(9)?,
            ring_at: row.get(10)?,
            ends_at: row.get(14)?,
        },
        probe: probe.is_some().then(|| row.parse(11)).transpose()?,
        records: row.json(12)?,
        created_at: row.get(13)?,
        ended_at: row.get(15)?,
    })
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Backend(error.into()))
}

fn ring_number(ring: usize) -> i64 {
    i64::try_from(ring).unwrap_or(i64::MAX)
}

/// With the ring of each of its nodes.
pub async fn insert(tx: &mut Tx, rollout: &Rollout, rings: &BTreeMap<NodeId, usize>) -> Result<()> {
    let sql = format!(
        "INSERT INTO rollouts ({COLUMNS})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    );
    let [account, region, id] = rollout.key.values();
    let state = &rollout.state;
    let (plan, records) = (json(&rollout.plan)?, json(&rollout.records)?);
    let values: [Value<'_>; 16] = [
        account,
        region,
        id,
        rollout.association.as_str().into(),
        (&plan).into(),
        standing_text(state.standing).into(),
        (&rollout.reason).into(),
        ring_number(state.ring).into(),
        phase_text(state.phase).into(),
        state.phase_at.into(),
        state.ring_at.into(),
        rollout.probe.as_ref().map(CommandId::as_str).into(),
        (&records).into(),
        rollout.created_at.into(),
        state.ends_at.into(),
        rollout.ended_at.into(),
    ];
    tx.execute(&sql, &values).await?;
    let rows: Vec<(&NodeId, i64)> = rings.iter().map(|(node, ring)| (node, ring_number(*ring))).collect();
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::after(rollout.key.values().to_vec());
        let rows: Vec<String> = chunk
            .iter()
            .map(|(node, ring)| {
                format!("($1, $2, $3, {}, {})", clause.bind(node.as_str()), clause.bind(*ring))
            })
            .collect();
        let sql = format!(
            "INSERT INTO rollout_nodes (account, region, rollout_id, node_id, ring) VALUES {}",
            rows.join(", ")
        );
        tx.execute(&sql, clause.values()).await?;
    }
    Ok(())
}

/// How far it is.
pub async fn update(tx: &mut Tx, rollout: &Rollout) -> Result<()> {
    let sql =
        "UPDATE rollouts SET standing = $4, reason = $5, ring = $6, phase = $7, phase_at = $8, ring_at = $9,
            probe_id = $10, records = $11, ended_at = $12
        WHERE account = $1 AND region = $2 AND rollout_id = $3";
    let [account, region, id] = rollout.key.values();
    let state = &rollout.state;
    let records = json(&rollout.records)?;
    let values: [Value<'_>; 12] = [
        account,
        region,
        id,
        standing_text(state.standing).into(),
        (&rollout.reason).into(),
        ring_number(state.ring).into(),
        phase_text(state.phase).into(),
        state.phase_at.into(),
        state.ring_at.into(),
        rollout.probe.as_ref().map(CommandId::as_str).into(),
        (&records).into(),
        rollout.ended_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub async fn find(tx: &mut Tx, key: &CommandKey) -> Result<Option<Rollout>> {
    let sql =
        format!("SELECT {COLUMNS} FROM rollouts WHERE account = $1 AND region = $2 AND rollout_id = $3");
    tx.query_opt(&sql, &key.values()).await?.as_ref().map(read).transpose()
}

/// Whether the command is let on by a rollout, and by nothing else.
pub async fn holds(tx: &mut Tx, key: &CommandKey) -> Result<bool> {
    let sql = "SELECT 1 FROM rollouts WHERE account = $1 AND region = $2 AND rollout_id = $3";
    Ok(tx.query_opt(sql, &key.values()).await?.is_some())
}

/// The rollout of an association that has not ended. Index: rollouts_open.
pub async fn find_open_of(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    association: &AssociationId,
) -> Result<Option<Rollout>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM rollouts
        WHERE ended_at IS NULL AND account = $1 AND region = $2 AND association_id = $3
        ORDER BY created_at LIMIT 1"
    );
    let values = [account.as_str().into(), region.as_str().into(), association.as_str().into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// Of all accounts, oldest first. Index: rollouts_open.
pub async fn list_open(
    tx: &mut Tx,
    after: Option<&(Timestamp, CommandKey)>,
    limit: i64,
) -> Result<Vec<(Timestamp, CommandKey)>> {
    let open = "rollouts WHERE ended_at IS NULL";
    commands::list_keys(tx, (open, "created_at", "rollout_id"), after, limit).await
}

/// Newest first, after the one with this time and id. Index: rollouts_by_time.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    after: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Rollout>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    if let Some((at, id)) = after {
        let (at, id) = (clause.bind(at), clause.bind(id));
        clause.and(&format!("(created_at < {at} OR (created_at = {at} AND rollout_id < {id}))"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM rollouts WHERE account = $1 AND region = $2{}
        ORDER BY created_at DESC, rollout_id DESC LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// Each ring's nodes by how far they are, who is online left out.
pub async fn tallies(tx: &mut Tx, key: &CommandKey) -> Result<BTreeMap<usize, Tally>> {
    let sql = format!(
        "SELECT r.ring, i.status, CASE WHEN i.released_at IS NULL THEN 0 ELSE 1 END,
            CASE WHEN i.delivered_at IS NULL THEN 0 ELSE 1 END, COUNT(*),
            MAX(CASE WHEN i.released_at IS NULL THEN NULL ELSE i.finished_at END)
        FROM rollout_nodes r JOIN invocations i {JOIN}
        WHERE r.account = $1 AND r.region = $2 AND r.rollout_id = $3 GROUP BY 1, 2, 3, 4"
    );
    let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
    for row in tx.query(&sql, &key.values()).await? {
        let text: String = row.get(1)?;
        let corrupt = || StoreError::Corrupt(format!("`{text}` is no invocation's status"));
        let status = InvocationStatus::parse(&text).ok_or_else(corrupt)?;
        let (is_released, is_delivered): (bool, bool) = (row.get(2)?, row.get(3)?);
        let count: i64 = row.get(4)?;
        let tally = tallies.entry(place(&row, 0)?).or_default();
        tally.last_ended_at = tally.last_ended_at.max(row.get(5)?);
        let number = match status {
            _ if !status.is_terminal() && is_released => &mut tally.at_work,
            _ if !status.is_terminal() => &mut tally.waiting,
            InvocationStatus::Success => &mut tally.succeeded,
            _ if status.is_error() => &mut tally.failed,
            // It took the work, and nobody heard of it again.
            InvocationStatus::DeliveryTimedOut if is_delivered => &mut tally.failed,
            _ => &mut tally.unreached,
        };
        *number += u32::try_from(count).unwrap_or(u32::MAX);
    }
    Ok(tallies)
}

const JOIN: &str = "ON i.account = r.account AND i.region = r.region AND i.command_id = r.rollout_id
    AND i.node_id = r.node_id";

/// Nodes of the ring that wait and are online, by id.
pub async fn list_ready(
    tx: &mut Tx,
    key: &CommandKey,
    ring: usize,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<NodeId>> {
    let sql = format!(
        "SELECT r.node_id FROM rollout_nodes r JOIN invocations i {JOIN}
            JOIN nodes n ON n.account = r.account AND n.region = r.region AND n.node_id = r.node_id
        WHERE r.account = $1 AND r.region = $2 AND r.rollout_id = $3 AND r.ring = $4
            AND i.released_at IS NULL AND i.finished_at IS NULL
            AND (n.channel_until > $5 OR n.last_seen_at > $6)
        ORDER BY r.node_id LIMIT $7"
    );
    let [account, region, id] = key.values();
    let since = online_since(now);
    let values = [account, region, id, ring_number(ring).into(), now.into(), since.into(), limit.into()];
    tx.query(&sql, &values).await?.iter().map(|row| row.parse(0)).collect()
}

/// Nodes of the ring that succeeded, by id.
pub async fn list_succeeded(tx: &mut Tx, key: &CommandKey, ring: usize) -> Result<Vec<NodeId>> {
    let sql = format!(
        "SELECT r.node_id FROM rollout_nodes r JOIN invocations i {JOIN}
        WHERE r.account = $1 AND r.region = $2 AND r.rollout_id = $3 AND r.ring = $4 AND i.status = 'Success'
        ORDER BY r.node_id"
    );
    let [account, region, id] = key.values();
    let rows = tx.query(&sql, &[account, region, id, ring_number(ring).into()]).await?;
    rows.iter().map(|row| row.parse(0)).collect()
}

/// The ring of each node of a page.
pub async fn rings_of(tx: &mut Tx, key: &CommandKey, nodes: &[String]) -> Result<BTreeMap<NodeId, usize>> {
    let mut clause = Clause::after(key.values().to_vec());
    clause.compare("node_id", Comparison::Equal, nodes);
    let sql = format!(
        "SELECT node_id, ring FROM rollout_nodes WHERE account = $1 AND region = $2 AND rollout_id = $3{}",
        clause.sql()
    );
    let rows = tx.query(&sql, clause.values()).await?;
    rows.iter().map(|row| Ok((row.parse(0)?, place(row, 1)?))).collect()
}

/// Whom the ring has not reached belongs to the next.
pub async fn fall_back(tx: &mut Tx, key: &CommandKey, ring: usize) -> Result<u64> {
    let sql = "UPDATE rollout_nodes SET ring = ring + 1
        WHERE account = $1 AND region = $2 AND rollout_id = $3 AND ring = $4
            AND EXISTS (SELECT 1 FROM invocations i WHERE i.account = rollout_nodes.account
                AND i.region = rollout_nodes.region AND i.command_id = rollout_nodes.rollout_id
                AND i.node_id = rollout_nodes.node_id AND i.released_at IS NULL AND i.finished_at IS NULL)";
    let [account, region, id] = key.values();
    tx.execute(sql, &[account, region, id, ring_number(ring).into()]).await
}

/// By value of the tag: nodes that are at work in any rollout. Index: rollouts_open.
pub async fn at_work_by_tag(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    tag: &str,
) -> Result<BTreeMap<String, u32>> {
    let sql = "SELECT t.tag_value, COUNT(DISTINCT i.node_id) FROM rollouts r
            JOIN invocations i ON i.account = r.account AND i.region = r.region AND i.command_id = r.rollout_id
            JOIN tags t ON t.account = r.account AND t.region = r.region
                AND t.resource_type = 'ManagedInstance' AND t.resource_id = i.node_id AND t.tag_key = $3
        WHERE r.ended_at IS NULL AND r.account = $1 AND r.region = $2
            AND i.released_at IS NOT NULL AND i.finished_at IS NULL
        GROUP BY t.tag_value";
    counts(tx, sql, (account.as_str(), region.as_str()), tag).await
}

/// By value of the tag: all nodes that have it. Primary key order.
pub async fn nodes_by_tag(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    tag: &str,
) -> Result<BTreeMap<String, u32>> {
    let sql = "SELECT tag_value, COUNT(*) FROM tags
        WHERE account = $1 AND region = $2 AND resource_type = 'ManagedInstance' AND tag_key = $3
        GROUP BY tag_value";
    counts(tx, sql, (account.as_str(), region.as_str()), tag).await
}

async fn counts(
    tx: &mut Tx,
    sql: &str,
    (account, region): (&str, &str),
    tag: &str,
) -> Result<BTreeMap<String, u32>> {
    let rows = tx.query(sql, &[account.into(), region.into(), tag.into()]).await?;
    let count = |row: &Row| {
        let count: i64 = row.get(1)?;
        Ok((row.get(0)?, u32::try_from(count).unwrap_or(u32::MAX)))
    };
    rows.iter().map(count).collect()
}

/// The tag's value of each of these nodes that has it.
pub async fn tag_values(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    tag: &str,
    nodes: &[NodeId],
) -> Result<BTreeMap<NodeId, String>> {
    let mut values = BTreeMap::new();
    for chunk in nodes.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into(), tag.into()]);
        clause.one_of("resource_id", chunk.iter().map(NodeId::as_str));
        let sql = format!(
            "SELECT resource_id, tag_value FROM tags
            WHERE account = $1 AND region = $2 AND resource_type = 'ManagedInstance' AND tag_key = $3{}",
            clause.sql()
        );
        for row in tx.query(&sql, clause.values()).await? {
            values.insert(row.parse(0)?, row.get(1)?);
        }
    }
    Ok(values)
}

/// Those that ended and whose commands are gone. Index: rollouts_by_time.
pub async fn delete_older(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let gone = "created_at < $1 AND ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM commands c
        WHERE c.account = rollouts.account AND c.region = rollouts.region AND c.command_id = rollouts.rollout_id)";
    let sql = format!(
        "DELETE FROM rollout_nodes WHERE (account, region, rollout_id) IN
            (SELECT account, region, rollout_id FROM rollouts WHERE {gone})"
    );
    tx.execute(&sql, &[before.into()]).await?;
    tx.execute(&format!("DELETE FROM rollouts WHERE {gone}"), &[before.into()]).await
}

/// How the installations of a patch policy are rolled out.
pub async fn put_of_policy(
    tx: &mut Tx,
    (manager, definition): (&ManagerKey, &str),
    plan: &RolloutPlan,
    now: Timestamp,
) -> Result<()> {
    let sql =
        "INSERT INTO patch_policy_rollouts (account, region, manager_id, definition_id, plan, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account, region, manager_id, definition_id)
        DO UPDATE SET plan = excluded.plan, updated_at = excluded.updated_at";
    let plan = json(plan)?;
    let [account, region, id] = manager.values();
    tx.execute(sql, &[account, region, id, definition.into(), (&plan).into(), now.into()]).await.map(drop)
}

pub async fn find_of_policy(
    tx: &mut Tx,
    (manager, definition): (&ManagerKey, &str),
) -> Result<Option<(RolloutPlan, Timestamp)>> {
    let sql = "SELECT plan, updated_at FROM patch_policy_rollouts
        WHERE account = $1 AND region = $2 AND manager_id = $3 AND definition_id = $4";
    let [account, region, id] = manager.values();
    let row = tx.query_opt(sql, &[account, region, id, definition.into()]).await?;
    row.map(|row| Ok((row.json(0)?, row.get(1)?))).transpose()
}

/// Whether there was one.
pub async fn delete_of_policy(tx: &mut Tx, (manager, definition): (&ManagerKey, &str)) -> Result<bool> {
    let sql = "DELETE FROM patch_policy_rollouts
        WHERE account = $1 AND region = $2 AND manager_id = $3 AND definition_id = $4";
    let [account, region, id] = manager.values();
    Ok(tx.execute(sql, &[account, region, id, definition.into()]).await? > 0)
}

/// Of policies that are gone. Whether a definition of this key is there says Quick Setup.
pub async fn delete_of_gone_policies(tx: &mut Tx) -> Result<u64> {
    let sql = "DELETE FROM patch_policy_rollouts WHERE NOT EXISTS (SELECT 1 FROM quick_setup_definitions d
        WHERE d.account = patch_policy_rollouts.account AND d.region = patch_policy_rollouts.region
            AND d.manager_id = patch_policy_rollouts.manager_id
            AND d.definition_id = patch_policy_rollouts.definition_id)";
    tx.execute(sql, &[]).await
}
