//! Compliance by resource and type: a row of columns for every question about many, and the items
//! behind it. Items of type Patch that a report brought are the report's (`report_items`).

use std::str::FromStr;

use api::Timestamp;
use api::ssm::{ComplianceExecutionSummary, ComplianceItemEntry};
use domain::compliance::{ComplianceLevel, ComplianceStatus, SeverityCounts};
use serde::{Deserialize, Serialize};

use crate::clause::{Clause, Comparison};
use crate::compact::{Hash, hash_column};
use crate::counters::{self, Counter};
use crate::{Result, Row, Scope, StoreError, Tx, Value, compressed};

const KIND: &str = "compliance";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub resource_id: String,
    pub compliance_type: String,
    pub status: ComplianceStatus,
    /// The highest level among what is non-compliant.
    pub overall_severity: ComplianceLevel,
    pub execution_at: Timestamp,
    pub execution_id: Option<String>,
    pub execution_type: Option<String>,
    /// Of compliance type Patch.
    pub patch_group: Option<String>,
    pub baseline_id: Option<String>,
    pub compliant: SeverityCounts,
    pub non_compliant: SeverityCounts,
    /// What the uploader said its content hashes to.
    pub content_hash: Option<String>,
}

/// An item as it was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnItem {
    #[serde(flatten)]
    pub entry: ComplianceItemEntry,
    /// The run that found it, where that is not the summary's: items of associations come one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ComplianceExecutionSummary>,
}

/// Where the items of a summary are.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    /// In `report_items`, under this hash.
    OfReport(Hash),
    Own(Vec<OwnItem>),
}

/// How many resources of a type have a status and a worst level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeCount {
    pub compliance_type: String,
    pub status: ComplianceStatus,
    pub overall_severity: ComplianceLevel,
    pub resources: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryField {
    ComplianceType,
    Status,
    OverallSeverity,
    ResourceId,
    ExecutionId,
    ExecutionType,
    ExecutionTime,
    PatchGroup,
    BaselineId,
    Node(NodeAttribute),
}

/// What a node says of itself, as `AWS:InstanceInformation` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeAttribute {
    AgentType,
    AgentVersion,
    ComputerName,
    InstanceId,
    IpAddress,
    PlatformName,
    PlatformType,
    PlatformVersion,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryCondition {
    pub field: SummaryField,
    pub comparison: Comparison,
    /// Of `ExecutionTime`: epoch milliseconds.
    pub values: Vec<String>,
}

/// The last row of the page before.
#[derive(Clone, Copy, Debug)]
pub struct After<'a> {
    pub resource_id: &'a str,
    pub compliance_type: &'a str,
}

const COLUMNS: &str = "resource_id, compliance_type, status, overall_severity, execution_at, execution_id,
    execution_type, patch_group, baseline_id, compliant_critical, compliant_high, compliant_medium,
    compliant_low, compliant_informational, compliant_unspecified, non_compliant_critical,
    non_compliant_high, non_compliant_medium, non_compliant_low, non_compliant_informational,
    non_compliant_unspecified, content_hash";

fn read(row: &Row) -> Result<Summary> {
    Ok(Summary {
        resource_id: row.get(0)?,
        compliance_type: row.get(1)?,
        status: row.parse(2)?,
        overall_severity: row.parse(3)?,
        execution_at: row.get(4)?,
        execution_id: row.get(5)?,
        execution_type: row.get(6)?,
        patch_group: row.get(7)?,
        baseline_id: row.get(8)?,
        compliant: read_counts(row, 9)?,
        non_compliant: read_counts(row, 15)?,
        content_hash: row.get(21)?,
    })
}

fn read_counts(row: &Row, first: usize) -> Result<SeverityCounts> {
    Ok(SeverityCounts {
        critical: row.get(first)?,
        high: row.get(first + 1)?,
        medium: row.get(first + 2)?,
        low: row.get(first + 3)?,
        informational: row.get(first + 4)?,
        unspecified: row.get(first + 5)?,
    })
}

fn count_values(counts: &SeverityCounts) -> [Value<'static>; 6] {
    ComplianceLevel::ALL.map(|level| counts.of(level).into())
}

/// Replaces what is there of this resource and type, items and all.
pub async fn put(tx: &mut Tx, scope: Scope<'_>, summary: &Summary, items: &Items) -> Result<()> {
    let old = find_bucket(tx, scope, summary).await?;
    let (account, region) = scope;
    let sql = format!(
        "INSERT INTO compliance_summaries (account, region, {COLUMNS}, items_hash, items)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
            $22, $23, $24, $25, $26)
        ON CONFLICT (account, region, resource_id, compliance_type) DO UPDATE SET {REPLACEMENTS}"
    );
    let own = match items {
        Items::OfReport(_) => None,
        Items::Own(items) => Some(compressed::compress(items)?),
    };
    let mut values: Vec<Value<'_>> = vec![
        account.as_str().into(),
        region.as_str().into(),
        (&summary.resource_id).into(),
        (&summary.compliance_type).into(),
        summary.status.as_str().into(),
        summary.overall_severity.as_str().into(),
        summary.execution_at.into(),
        summary.execution_id.as_ref().into(),
        summary.execution_type.as_ref().into(),
        summary.patch_group.as_ref().into(),
        summary.baseline_id.as_ref().into(),
    ];
    values.extend(count_values(&summary.compliant));
    values.extend(count_values(&summary.non_compliant));
    values.push(summary.content_hash.as_ref().into());
    values.push(match items {
        Items::OfReport(hash) => (&hash[..]).into(),
        Items::Own(_) => Value::Null,
    });
    values.push(own.as_ref().into());
    tx.execute(&sql, &values).await?;
    let new = Some((summary.status, summary.overall_severity));
    count(tx, scope, (&summary.resource_id, &summary.compliance_type), old, new).await
}

/// A report with the items and the status that are there already: only the run is new.
/// Whether that was so.
pub async fn touch(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    summary: &Summary,
    items: &Hash,
) -> Result<bool> {
    let sql = "UPDATE compliance_summaries SET execution_at = $7, execution_id = $8, execution_type = $9,
        patch_group = $10, baseline_id = $11
        WHERE account = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4
        AND items_hash = $5 AND status = $6";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        (&summary.resource_id).into(),
        (&summary.compliance_type).into(),
        (&items[..]).into(),
        summary.status.as_str().into(),
        summary.execution_at.into(),
        summary.execution_id.as_ref().into(),
        summary.execution_type.as_ref().into(),
        summary.patch_group.as_ref().into(),
        summary.baseline_id.as_ref().into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

const REPLACEMENTS: &str = "status = excluded.status, overall_severity = excluded.overall_severity,
    execution_at = excluded.execution_at, execution_id = excluded.execution_id,
    execution_type = excluded.execution_type, patch_group = excluded.patch_group,
    baseline_id = excluded.baseline_id, compliant_critical = excluded.compliant_critical,
    compliant_high = excluded.compliant_high, compliant_medium = excluded.compliant_medium,
    compliant_low = excluded.compliant_low, compliant_informational = excluded.compliant_informational,
    compliant_unspecified = excluded.compliant_unspecified,
    non_compliant_critical = excluded.non_compliant_critical,
    non_compliant_high = excluded.non_compliant_high, non_compliant_medium = excluded.non_compliant_medium,
    non_compliant_low = excluded.non_compliant_low,
    non_compliant_informational = excluded.non_compliant_informational,
    non_compliant_unspecified = excluded.non_compliant_unspecified,
    content_hash = excluded.content_hash, items_hash = excluded.items_hash, items = excluded.items";

/// For a resource that is no longer managed.
pub async fn delete_resource(tx: &mut Tx, scope: Scope<'_>, resource_id: &str) -> Result<()> {
    let (account, region) = scope;
    let sql = "DELETE FROM compliance_summaries WHERE account = $1 AND region = $2 AND resource_id = $3
        RETURNING compliance_type, status, overall_severity";
    let rows = tx.query(sql, &[account.as_str().into(), region.as_str().into(), resource_id.into()]).await?;
    // A resource has a dozen types at most.
    for row in rows {
        let compliance_type: String = row.get(0)?;
        let old = Some((row.parse(1)?, row.parse(2)?));
        count(tx, scope, (resource_id, &compliance_type), old, None).await?;
    }
    Ok(())
}

/// What is said of one type: nothing is known of it any more.
pub async fn delete(tx: &mut Tx, scope: Scope<'_>, resource_id: &str, compliance_type: &str) -> Result<()> {
    let (account, region) = scope;
    let sql = "DELETE FROM compliance_summaries
        WHERE account = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4
        RETURNING status, overall_severity";
    let values =
        [account.as_str().into(), region.as_str().into(), resource_id.into(), compliance_type.into()];
    if let Some(row) = tx.query_opt(sql, &values).await? {
        let old = Some((row.parse(0)?, row.parse(1)?));
        count(tx, scope, (resource_id, compliance_type), old, None).await?;
    }
    Ok(())
}

type Bucket = (ComplianceStatus, ComplianceLevel);

async fn find_bucket(tx: &mut Tx, (account, region): Scope<'_>, of: &Summary) -> Result<Option<Bucket>> {
    let sql = "SELECT status, overall_severity FROM compliance_summaries
        WHERE account = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        (&of.resource_id).into(),
        (&of.compliance_type).into(),
    ];
    tx.query_opt(sql, &values).await?.map(|row| Ok((row.parse(0)?, row.parse(1)?))).transpose()
}

async fn count(
    tx: &mut Tx,
    scope: Scope<'_>,
    (resource_id, compliance_type): (&str, &str),
    old: Option<Bucket>,
    new: Option<Bucket>,
) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let change = |bucket: Option<Bucket>, nodes| {
        bucket.map(|(status, level)| Counter {
            subject: compliance_type.to_owned(),
            bucket: format!("{status}/{level}"),
            nodes,
        })
    };
    let changes = [change(old, -1), change(new, 1)].into_iter().flatten().collect();
    counters::add(tx, scope, counters::Source { kind: KIND, node: resource_id }, changes).await
}

pub async fn find(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    resource_id: &str,
    compliance_type: &str,
) -> Result<Option<Summary>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM compliance_summaries
        WHERE account = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4"
    );
    let values =
        [account.as_str().into(), region.as_str().into(), resource_id.into(), compliance_type.into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// The compliance types that a resource has.
pub async fn types_of(tx: &mut Tx, (account, region): Scope<'_>, resource_id: &str) -> Result<Vec<String>> {
    let sql = "SELECT compliance_type FROM compliance_summaries
        WHERE account = $1 AND region = $2 AND resource_id = $3 ORDER BY compliance_type";
    let values = [account.as_str().into(), region.as_str().into(), resource_id.into()];
    tx.query(sql, &values).await?.iter().map(|row| row.get(0)).collect()
}

/// By resource and type. Primary key order; with a condition on the status,
/// index compliance_summaries_by_status.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    conditions: &[SummaryCondition],
    after: Option<After<'_>>,
    limit: i64,
) -> Result<Vec<Summary>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    conditions.iter().try_for_each(|condition| add(&mut clause, condition))?;
    if let Some(after) = after {
        let (resource, kind) = (clause.bind(after.resource_id), clause.bind(after.compliance_type));
        clause.and(&format!("(resource_id, compliance_type) > ({resource}, {kind})"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM compliance_summaries WHERE account = $1 AND region = $2{}
        ORDER BY resource_id, compliance_type LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// Items as they were uploaded, of the type's newest upload.
pub async fn find_items(tx: &mut Tx, (account, region): Scope<'_>, of: &Summary) -> Result<Option<Items>> {
    let sql = "SELECT items_hash, items FROM compliance_summaries
        WHERE account = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        (&of.resource_id).into(),
        (&of.compliance_type).into(),
    ];
    let Some(row) = tx.query_opt(sql, &values).await? else { return Ok(None) };
    let (hash, own): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?);
    match (hash, own) {
        (Some(hash), None) => Ok(Some(Items::OfReport(hash_column(hash)?))),
        (None, Some(own)) => Ok(Some(Items::Own(compressed::expand(&own)?))),
        _ => Err(StoreError::Corrupt("a summary has no items, or two lists of them".into())),
    }
}

/// Resources by type, status and worst level. Conditions on these three are asked of counters that
/// are kept by difference; with others the resources are counted.
pub async fn count_by_type(
    tx: &mut Tx,
    scope: Scope<'_>,
    conditions: &[SummaryCondition],
) -> Result<Vec<TypeCount>> {
    if conditions.iter().all(|condition| is_counted(condition.field)) {
        let counters = counters::list(tx, scope, KIND).await?;
        let mut counts = counters.into_iter().map(from_counter).collect::<Result<Vec<_>>>()?;
        counts.retain(|count| conditions.iter().all(|condition| holds(condition, count)));
        return Ok(counts);
    }
    let (account, region) = scope;
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    conditions.iter().try_for_each(|condition| add(&mut clause, condition))?;
    let sql = format!(
        "SELECT compliance_type, status, overall_severity, COUNT(*) FROM compliance_summaries
        WHERE account = $1 AND region = $2{}
        GROUP BY compliance_type, status, overall_severity ORDER BY 1, 2, 3",
        clause.sql()
    );
    let rows = tx.query(&sql, clause.values()).await?;
    rows.iter()
        .map(|row| {
            Ok(TypeCount {
                compliance_type: row.get(0)?,
                status: row.parse(1)?,
                overall_severity: row.parse(2)?,
                resources: row.get(3)?,
            })
        })
        .collect()
}

fn is_counted(field: SummaryField) -> bool {
    matches!(field, SummaryField::ComplianceType | SummaryField::Status | SummaryField::OverallSeverity)
}

fn holds(condition: &SummaryCondition, count: &TypeCount) -> bool {
    let text = match condition.field {
        SummaryField::Status => count.status.as_str(),
        SummaryField::OverallSeverity => count.overall_severity.as_str(),
        _ => &count.compliance_type,
    };
    let mut values = condition.values.iter().map(String::as_str);
    match condition.comparison {
        Comparison::Equal => values.any(|value| text == value),
        Comparison::NotEqual => values.all(|value| text != value),
        Comparison::BeginWith => values.any(|value| text.starts_with(value)),
        Comparison::LessThan => values.any(|value| text < value),
        Comparison::GreaterThan => values.any(|value| text > value),
    }
}

fn from_counter(counter: Counter) -> Result<TypeCount> {
    fn part<T: FromStr>(text: &str) -> Result<T> {
        text.parse().map_err(|_| StoreError::Corrupt(format!("a counter of `{text}`")))
    }
    let (status, level) = counter.bucket.split_once('/').unwrap_or_default();
    Ok(TypeCount {
        compliance_type: counter.subject,
        status: part(status)?,
        overall_severity: part(level)?,
        resources: counter.nodes,
    })
}

fn add<'a>(clause: &mut Clause<'a>, condition: &'a SummaryCondition) -> Result<()> {
    let column = match condition.field {
        SummaryField::ComplianceType => "compliance_type",
        SummaryField::Status => "status",
        SummaryField::OverallSeverity => "overall_severity",
        SummaryField::ResourceId => "resource_id",
        SummaryField::ExecutionId => "execution_id",
        SummaryField::ExecutionType => "execution_type",
        SummaryField::PatchGroup => "patch_group",
        SummaryField::BaselineId => "baseline_id",
        SummaryField::ExecutionTime => return add_time(clause, condition),
        SummaryField::Node(attribute) => {
            let expression = format!(
                "(SELECT {} FROM nodes WHERE nodes.account = compliance_summaries.account
                AND nodes.region = compliance_summaries.region
                AND nodes.node_id = compliance_summaries.resource_id)",
                node_column(attribute)
            );
            clause.compare(&expression, condition.comparison, &condition.values);
            return Ok(());
        }
    };
    clause.compare(column, condition.comparison, &condition.values);
    Ok(())
}

fn node_column(attribute: NodeAttribute) -> &'static str {
    match attribute {
        NodeAttribute::AgentType => "nodes.agent_name",
        NodeAttribute::AgentVersion => "nodes.agent_version",
        NodeAttribute::ComputerName => "nodes.computer_name",
        NodeAttribute::InstanceId => "nodes.node_id",
        NodeAttribute::IpAddress => "nodes.ip_address",
        NodeAttribute::PlatformName => "nodes.platform_name",
        NodeAttribute::PlatformType => "nodes.platform_type",
        NodeAttribute::PlatformVersion => "nodes.platform_version",
    }
}

fn add_time<'a>(clause: &mut Clause<'a>, condition: &'a SummaryCondition) -> Result<()> {
    let sign = match condition.comparison {
        Comparison::Equal | Comparison::BeginWith => "=",
        Comparison::NotEqual => "<>",
        Comparison::LessThan => "<",
        Comparison::GreaterThan => ">",
    };
    let joined = if condition.comparison == Comparison::NotEqual { " AND " } else { " OR " };
    let mut parts = Vec::new();
    for value in &condition.values {
        let at: i64 = value.parse().map_err(|_| StoreError::Corrupt(format!("`{value}` is no time")))?;
        let at = clause.bind(at);
        parts.push(format!("execution_at {sign} {at}"));
    }
    clause.and(&format!("({})", parts.join(joined)));
    Ok(())
}
