//! Every node with its newest report and its tags, read in pages for an index of the whole fleet, or by id to show a few of
//! them; what went wrong lately; and how many nodes were in each state, by day.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use api::Timestamp;
use domain::ids::{AccountId, NodeId, Region};
use domain::patch::PatchCounts;

use crate::clause::placeholders;
use crate::nodes::ONLINE_FOR_MS;
use crate::{Result, Row, Scope, Tx, Value};

/// What lists of nodes show. Texts are shared: a fleet has few different ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetNode {
    pub id: NodeId,
    pub name: Option<Arc<str>>,
    pub computer_name: Option<Arc<str>>,
    pub ip_address: Option<Arc<str>>,
    pub platform_type: Option<Arc<str>>,
    pub platform_name: Option<Arc<str>>,
    pub platform_version: Option<Arc<str>>,
    pub agent_version: Option<Arc<str>>,
    pub last_seen_at: Option<Timestamp>,
    pub channel_until: Option<Timestamp>,
    pub report: Option<FleetReport>,
    /// By key.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
}

/// Of the newest report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetReport {
    pub ended_at: Timestamp,
    pub captured_at: Timestamp,
    pub operation: Arc<str>,
    pub baseline_id: Arc<str>,
    pub counts: PatchCounts,
}

impl FleetNode {
    /// As `nodes::Node::is_online`.
    pub fn is_online(&self, now: Timestamp) -> bool {
        self.channel_until.is_some_and(|until| until > now)
            || self.last_seen_at.is_some_and(|seen| now.millis_since(seen) < ONLINE_FOR_MS)
    }

    pub fn tag(&self, key: &str) -> Option<&Arc<str>> {
        self.tags.iter().find(|(name, _)| &**name == key).map(|(_, value)| value)
    }
}

/// Equal texts once.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn one(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.0.get(text.as_str()) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

const COLUMNS: &str = "n.node_id, n.name, n.computer_name, n.ip_address, n.platform_type, n.platform_name,
    n.platform_version, n.agent_version, n.last_seen_at, n.channel_until, p.ended_at, p.captured_at, p.operation,
    p.baseline_id, p.installed, p.installed_other, p.installed_pending_reboot, p.installed_rejected, p.missing,
    p.failed, p.not_applicable, p.unreported_not_applicable, p.available_security_update, p.critical_non_compliant,
    p.security_non_compliant, p.other_non_compliant";

const TABLES: &str = "nodes n LEFT JOIN node_patch_states p
    ON p.account = n.account AND p.region = n.region AND p.node_id = n.node_id";

fn read(row: &Row, texts: &mut Texts) -> Result<FleetNode> {
    let mut text = |index: usize| -> Result<Option<Arc<str>>> {
        Ok(row.get::<Option<String>>(index)?.map(|text| texts.one(text)))
    };
    let ended_at: Option<Timestamp> = row.get(10)?;
    let report = match (ended_at, text(12)?, text(13)?) {
        (Some(ended_at), Some(operation), Some(baseline_id)) => {
            let captured_at = row.get(11)?;
            Some(FleetReport { ended_at, captured_at, operation, baseline_id, counts: counts(row, 14)? })
        }
        _ => None,
    };
    Ok(FleetNode {
        id: row.parse(0)?,
        name: text(1)?,
        computer_name: text(2)?,
        ip_address: text(3)?,
        platform_type: text(4)?,
        platform_name: text(5)?,
        platform_version: text(6)?,
        agent_version: text(7)?,
        last_seen_at: row.get(8)?,
        channel_until: row.get(9)?,
        report,
        tags: vec![],
    })
}

/// Twelve columns from `first` on.
pub(crate) fn counts(row: &Row, first: usize) -> Result<PatchCounts> {
    Ok(PatchCounts {
        installed: row.get(first)?,
        installed_other: row.get(first + 1)?,
        installed_pending_reboot: row.get(first + 2)?,
        installed_rejected: row.get(first + 3)?,
        missing: row.get(first + 4)?,
        failed: row.get(first + 5)?,
        not_applicable: row.get(first + 6)?,
        unreported_not_applicable: row.get(first + 7)?,
        available_security_update: row.get(first + 8)?,
        critical_non_compliant: row.get(first + 9)?,
        security_non_compliant: row.get(first + 10)?,
        other_non_compliant: row.get(first + 11)?,
    })
}

/// The first `limit` nodes after `after`, by id, with their tags. Primary key order of three tables.
pub async fn page(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    after: Option<&NodeId>,
    limit: i64,
    texts: &mut Texts,
) -> Result<Vec<FleetNode>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE n.account = $1 AND n.region = $2 AND n.node_id > $3
        ORDER BY n.node_id LIMIT $4"
    );
    let after = after.map_or("", NodeId::as_str);
    let values = [account.as_str().into(), region.as_str().into(), after.into(), limit.into()];
    let rows = tx.query(&sql, &values).await?;
    let mut nodes: Vec<FleetNode> = rows.iter().map(|row| read(row, texts)).collect::<Result<_>>()?;
    let Some(last) = nodes.last().map(|node| node.id.clone()) else { return Ok(nodes) };
    let sql = "SELECT resource_id, tag_key, tag_value FROM tags WHERE account = $1 AND region = $2
        AND resource_type = 'ManagedInstance' AND resource_id > $3 AND resource_id <= $4
        ORDER BY resource_id, tag_key";
    let values = [account.as_str().into(), region.as_str().into(), after.into(), last.as_str().into()];
    let rows = tx.query(sql, &values).await?;
    add_tags(&mut nodes, &rows, texts)?;
    Ok(nodes)
}

/// Those of `ids` that are there, by id. Index: primary keys.
pub async fn list_of(tx: &mut Tx, (account, region): Scope<'_>, ids: &[&str]) -> Result<Vec<FleetNode>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let list = placeholders(3, ids.len());
    let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into()];
    values.extend(ids.iter().map(|id| Value::from(*id)));
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE n.account = $1 AND n.region = $2 AND n.node_id IN ({list})"
    );
    let texts = &mut Texts::default();
    let rows = tx.query(&sql, &values).await?;
    let mut nodes: Vec<FleetNode> = rows.iter().map(|row| read(row, texts)).collect::<Result<_>>()?;
    nodes.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let sql = format!(
        "SELECT resource_id, tag_key, tag_value FROM tags WHERE account = $1 AND region = $2
        AND resource_type = 'ManagedInstance' AND resource_id IN ({list}) ORDER BY resource_id, tag_key"
    );
    let rows = tx.query(&sql, &values).await?;
    add_tags(&mut nodes, &rows, texts)?;
    Ok(nodes)
}

/// Both by id. Tags of what is no node here stay out.
fn add_tags(nodes: &mut [FleetNode], rows: &[Row], texts: &mut Texts) -> Result<()> {
    let mut at = 0;
    for row in rows {
        let id: String = row.get(0)?;
        while nodes.get(at).is_some_and(|node| node.id.as_str() < id.as_str()) {
            at += 1;
        }
        if let Some(node) = nodes.get_mut(at).filter(|node| node.id.as_str() == id) {
            node.tags.push((texts.one(row.get(1)?), texts.one(row.get(2)?)));
        }
    }
    Ok(())
}

/// What went wrong on nodes, by document and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    pub document_name: String,
    /// StatusDetails.
    pub status: String,
    pub nodes: i64,
    pub requested_at: Timestamp,
    /// One of the commands.
    pub command_id: String,
}

/// Of the newest `commands` commands since then that went wrong anywhere. Indexes: commands_by_time,
/// invocations_by_status.
pub async fn failures(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    since: Timestamp,
    commands: i64,
) -> Result<Vec<Failures>> {
    let sql = "SELECT c.document_name, i.status, COUNT(*), MAX(c.requested_at), MAX(c.command_id)
        FROM (SELECT command_id, document_name, requested_at FROM commands
            WHERE account = $1 AND region = $2 AND requested_at >= $3 AND (error_count > 0 OR delivery_timed_out_count > 0)
            ORDER BY requested_at DESC, command_id DESC LIMIT $4) c
        JOIN invocations i ON i.account = $1 AND i.region = $2 AND i.command_id = c.command_id
        WHERE i.status IN ('Failed', 'ExecutionTimedOut', 'DeliveryTimedOut', 'Undeliverable', 'InvalidPlatform',
            'AccessDenied', 'Terminated')
        GROUP BY c.document_name, i.status ORDER BY COUNT(*) DESC, c.document_name, i.status";
    let values = [account.as_str().into(), region.as_str().into(), since.into(), commands.into()];
    let read = |row: &Row| {
        Ok(Failures {
            document_name: row.get(0)?,
            status: row.get(1)?,
            nodes: row.get(2)?,
            requested_at: row.get(3)?,
            command_id: row.get(4)?,
        })
    };
    tx.query(sql, &values).await?.iter().map(read).collect()
}

/// Accounts and regions that have nodes. One look for each: nodes are in the order of their key.
pub async fn scopes(tx: &mut Tx) -> Result<Vec<(AccountId, Region)>> {
    let mut found: Vec<(AccountId, Region)> = vec![];
    loop {
        let (account, region) =
            found.last().map_or(("", ""), |(account, region)| (account.as_str(), region.as_str()));
        let sql = "SELECT account, region FROM nodes WHERE account > $1 OR (account = $1 AND region > $2)
            ORDER BY account, region LIMIT 1";
        let row = tx.query_opt(sql, &[account.into(), region.into()]).await?;
        match row {
            Some(row) => found.push((row.parse(0)?, row.parse(1)?)),
            None => return Ok(found),
        }
    }
}

/// Puts a day's numbers in the place of what was counted before on that day.
pub async fn put_day(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    day: &str,
    counts: &BTreeMap<&str, i64>,
) -> Result<()> {
    let sql = "INSERT INTO fleet_days (account, region, day, state, nodes) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, region, day, state) DO UPDATE SET nodes = excluded.nodes";
    // A handful of states.
    for (state, nodes) in counts {
        let values =
            [account.as_str().into(), region.as_str().into(), day.into(), (*state).into(), (*nodes).into()];
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

/// Days from `from` on with their numbers by state. Primary key order.
pub async fn days(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    from: &str,
) -> Result<BTreeMap<String, BTreeMap<String, i64>>> {
    let sql = "SELECT day, state, nodes FROM fleet_days WHERE account = $1 AND region = $2 AND day >= $3";
    let mut found: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for row in tx.query(sql, &[account.as_str().into(), region.as_str().into(), from.into()]).await? {
        found.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get(2)?);
    }
    Ok(found)
}

pub async fn delete_days_before(tx: &mut Tx, day: &str) -> Result<u64> {
    tx.execute("DELETE FROM fleet_days WHERE day < $1", &[day.into()]).await
}
