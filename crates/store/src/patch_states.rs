//! The newest patch report of each node, and the numbers of nodes per patch group.
//! Reports themselves are `reports`'.

use std::sync::LazyLock;

use domain::ids::NodeId;

use crate::clause::{Clause, placeholders};
use crate::counters::{self, Counter};
use crate::reports::{self, COLUMNS, PLACEHOLDERS, Report};
use crate::{Result, Scope, Tx, Value};

const KIND: &str = "patch-group";
/// The bucket that counts every node of a group; the others are named as the counts' columns.
pub const INSTANCES: &str = "instances";

/// A count that states can be selected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountField {
    Installed,
    InstalledOther,
    InstalledPendingReboot,
    InstalledRejected,
    Missing,
    Failed,
    NotApplicable,
    UnreportedNotApplicable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountComparison {
    Equal,
    NotEqual,
    LessThan,
    GreaterThan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountCondition {
    pub field: CountField,
    pub comparison: CountComparison,
    pub value: i64,
}

impl CountField {
    fn column(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::InstalledOther => "installed_other",
            Self::InstalledPendingReboot => "installed_pending_reboot",
            Self::InstalledRejected => "installed_rejected",
            Self::Missing => "missing",
            Self::Failed => "failed",
            Self::NotApplicable => "not_applicable",
            Self::UnreportedNotApplicable => "unreported_not_applicable",
        }
    }
}

pub async fn find(tx: &mut Tx, (account, region): Scope<'_>, node: &NodeId) -> Result<Option<Report>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM node_patch_states WHERE account = $1 AND region = $2 AND node_id = $3"
    );
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(reports::read).transpose()
}

/// Of `nodes`, those that have a state, by id after `after`. `nodes` fit one request. Index: primary key.
pub async fn list_of(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    nodes: &[String],
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Report>> {
    // Range, order and limit are applied here: PostgreSQL would rather walk the whole fleet in order
    // than look up the few keys.
    let wanted: Vec<&String> =
        nodes.iter().filter(|node| after.is_none_or(|after| node.as_str() > after)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM node_patch_states WHERE account = $1 AND region = $2 AND node_id IN ({})",
        placeholders(3, wanted.len())
    );
    let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into()];
    values.extend(wanted.into_iter().map(Value::from));
    let mut found: Vec<Report> =
        tx.query(&sql, &values).await?.iter().map(reports::read).collect::<Result<_>>()?;
    found.sort_unstable_by(|a, b| a.node.cmp(&b.node));
    found.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(found)
}

/// Of the nodes whose newest report names the group, by id after `after`.
/// Index: node_patch_states_by_group.
pub async fn list_group(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    patch_group: &str,
    conditions: &[CountCondition],
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Report>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into(), patch_group.into()]);
    for condition in conditions {
        let sign = match condition.comparison {
            CountComparison::Equal => "=",
            CountComparison::NotEqual => "<>",
            CountComparison::LessThan => "<",
            CountComparison::GreaterThan => ">",
        };
        let value = clause.bind(condition.value);
        clause.and(&format!("{} {sign} {value}", condition.field.column()));
    }
    let after = clause.bind(after.unwrap_or_default());
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM node_patch_states WHERE account = $1 AND region = $2 AND patch_group = $3{}
        AND node_id > {after} ORDER BY node_id LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(reports::read).collect()
}

/// How many nodes of the group have a count above zero, by the count's column, and [`INSTANCES`].
pub async fn count_group(tx: &mut Tx, scope: Scope<'_>, patch_group: &str) -> Result<Vec<(String, i64)>> {
    let counters = counters::list_of(tx, scope, KIND, patch_group).await?;
    Ok(counters.into_iter().map(|counter| (counter.bucket, counter.nodes)).collect())
}

pub(crate) async fn replace(tx: &mut Tx, scope: Scope<'_>, old: Option<&Report>, new: &Report) -> Result<()> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let columns = COLUMNS.split(',').map(str::trim).filter(|column| *column != "node_id");
        let updates: Vec<String> = columns.map(|column| format!("{column} = excluded.{column}")).collect();
        format!(
            "INSERT INTO node_patch_states (account, region, {COLUMNS}) VALUES ({PLACEHOLDERS})
            ON CONFLICT (account, region, node_id) DO UPDATE SET {}",
            updates.join(", ")
        )
    });
    tx.execute(&SQL, &reports::values(scope, new)).await?;
    count(tx, scope, old, Some(new)).await
}

/// For a node that is no longer managed: its reports stay.
pub async fn delete(tx: &mut Tx, scope: Scope<'_>, node: &NodeId) -> Result<bool> {
    let Some(old) = find(tx, scope, node).await? else { return Ok(false) };
    let sql = "DELETE FROM node_patch_states WHERE account = $1 AND region = $2 AND node_id = $3";
    let values = [scope.0.as_str().into(), scope.1.as_str().into(), node.as_str().into()];
    tx.execute(sql, &values).await?;
    count(tx, scope, Some(&old), None).await?;
    Ok(true)
}

async fn count(tx: &mut Tx, scope: Scope<'_>, old: Option<&Report>, new: Option<&Report>) -> Result<()> {
    let Some(node) = new.or(old).map(|report| &report.node) else { return Ok(()) };
    let mut changes: Vec<Counter> = Vec::new();
    for (report, by) in [(old, -1), (new, 1)] {
        for (group, bucket) in report.into_iter().flat_map(buckets) {
            match changes.iter_mut().find(|change| change.subject == group && change.bucket == bucket) {
                Some(change) => change.nodes += by,
                None => {
                    changes.push(Counter { subject: group.to_owned(), bucket: bucket.to_owned(), nodes: by })
                }
            }
        }
    }
    counters::add(tx, scope, counters::Source { kind: KIND, node: node.as_str() }, changes).await
}

/// What a node counts for: nothing when it is in no group.
fn buckets(report: &Report) -> Vec<(&str, &'static str)> {
    let group = report.summary.frame.patch_group.as_str();
    if group.is_empty() {
        return Vec::new();
    }
    let counts = reports::numbers(&report.summary.counts);
    let above_zero = counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name);
    std::iter::once(INSTANCES).chain(above_zero).map(|bucket| (group, bucket)).collect()
}
