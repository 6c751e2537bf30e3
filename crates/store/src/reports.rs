//! Patch reports: a row per run, never changed. The newest of each node is copied to `patch_states`.

use std::fmt;
use std::str::FromStr;

use api::Timestamp;
use domain::compliance::PatchSummary;
use domain::compliance::report::{Execution, RunFrame};
use domain::ids::NodeId;
use domain::patch::PatchCounts;

use crate::compact::{Hash, hash_column};
use crate::{Result, Row, Scope, Tx, Value, patch_states, report_items};

/// Names one report of a node; the greater is the newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportKey {
    pub ended_at: Timestamp,
    /// Tells apart runs that ended at the same moment.
    pub sequence: i64,
}

/// A report without its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub node: NodeId,
    pub key: ReportKey,
    pub captured_at: Timestamp,
    pub received_at: Timestamp,
    /// Its items: `report_items::load`.
    pub items_hash: Hash,
    pub summary: PatchSummary,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// It is what the node shows now.
    Newest,
    /// Kept, but the node has a newer one.
    Older,
    /// The same run was uploaded before.
    Known,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a report id")]
pub struct InvalidReportKey(String);

impl fmt::Display for ReportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ended_at.as_millis(), self.sequence)
    }
}

impl FromStr for ReportKey {
    type Err = InvalidReportKey;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidReportKey> {
        let invalid = || InvalidReportKey(text.to_owned());
        let (ended_at, sequence) = text.rsplit_once('-').ok_or_else(invalid)?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| invalid());
        Ok(Self { ended_at: Timestamp::from_millis(number(ended_at)?), sequence: number(sequence)? })
    }
}

pub(crate) const COLUMNS: &str = "node_id, ended_at, sequence, captured_at, received_at, items_hash,
    operation, started_at, baseline_id, patch_group, snapshot_id, reboot_option, install_override_list,
    last_no_reboot_install_at, execution_id, execution_type, non_compliant_severity, installed,
    installed_other, installed_pending_reboot, installed_rejected, missing, failed, not_applicable,
    unreported_not_applicable, available_security_update, critical_non_compliant, security_non_compliant,
    other_non_compliant";

/// `$1…$31`: account, region and [`COLUMNS`].
pub(crate) const PLACEHOLDERS: &str = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
    $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31";

pub(crate) fn values<'a>((account, region): Scope<'a>, report: &'a Report) -> Vec<Value<'a>> {
    let PatchSummary { frame, counts, non_compliant_severity } = &report.summary;
    let mut values = vec![
        account.as_str().into(),
        region.as_str().into(),
        report.node.as_str().into(),
        report.key.ended_at.into(),
        report.key.sequence.into(),
        report.captured_at.into(),
        report.received_at.into(),
        (&report.items_hash[..]).into(),
        frame.operation.as_str().into(),
        frame.started_at.into(),
        (&frame.baseline_id).into(),
        (&frame.patch_group).into(),
        (&frame.snapshot_id).into(),
        (&frame.reboot_option).into(),
        (&frame.install_override_list).into(),
        frame.last_no_reboot_install_at.into(),
        (&frame.execution.id).into(),
        (&frame.execution.kind).into(),
        non_compliant_severity.as_str().into(),
    ];
    values.extend(numbers(counts).map(|(_, count)| count.into()));
    values
}

/// The counts by the name of their column, in the order of [`COLUMNS`].
pub(crate) fn numbers(counts: &PatchCounts) -> [(&'static str, i64); 12] {
    [
        ("installed", counts.installed),
        ("installed_other", counts.installed_other),
        ("installed_pending_reboot", counts.installed_pending_reboot),
        ("installed_rejected", counts.installed_rejected),
        ("missing", counts.missing),
        ("failed", counts.failed),
        ("not_applicable", counts.not_applicable),
        ("unreported_not_applicable", counts.unreported_not_applicable),
        ("available_security_update", counts.available_security_update),
        ("critical_non_compliant", counts.critical_non_compliant),
        ("security_non_compliant", counts.security_non_compliant),
        ("other_non_compliant", counts.other_non_compliant),
    ]
}

/// Reads [`COLUMNS`].
pub(crate) fn read(row: &Row) -> Result<Report> {
    let ended_at = row.get(1)?;
    Ok(Report {
        node: row.parse(0)?,
        key: ReportKey { ended_at, sequence: row.get(2)? },
        captured_at: row.get(3)?,
        received_at: row.get(4)?,
        items_hash: hash_column(row.get(5)?)?,
        summary: PatchSummary {
            frame: RunFrame {
                operation: row.parse(6)?,
                started_at: row.get(7)?,
                ended_at,
                baseline_id: row.get(8)?,
                patch_group: row.get(9)?,
                snapshot_id: row.get(10)?,
                reboot_option: row.get(11)?,
                install_override_list: row.get(12)?,
                last_no_reboot_install_at: row.get(13)?,
                execution: Execution { id: row.get(14)?, kind: row.get(15)? },
            },
            non_compliant_severity: row.parse(16)?,
            counts: PatchCounts {
                installed: row.get(17)?,
                installed_other: row.get(18)?,
                installed_pending_reboot: row.get(19)?,
                installed_rejected: row.get(20)?,
                missing: row.get(21)?,
                failed: row.get(22)?,
                not_applicable: row.get(23)?,
                unreported_not_applicable: row.get(24)?,
                available_security_update: row.get(25)?,
                critical_non_compliant: row.get(26)?,
                security_non_compliant: row.get(27)?,
                other_non_compliant: row.get(28)?,
            },
        },
    })
}

/// Keeps a report, and shows it as the node's state unless a newer one is there. The sequence of the
/// key is chosen here. Its items are stored by the caller, before and in the same transaction.
pub async fn insert(tx: &mut Tx, scope: Scope<'_>, report: &mut Report) -> Result<Insertion> {
    let shown = patch_states::find(tx, scope, &report.node).await?;
    report.key = ReportKey { ended_at: report.summary.frame.ended_at, sequence: 0 };
    if shown.as_ref().is_some_and(|shown| shown.key.ended_at >= report.key.ended_at) {
        let same_moment = ended_at(tx, scope, &report.node, report.key.ended_at).await?;
        let is_same_run =
            |old: &&Report| old.items_hash == report.items_hash && old.summary == report.summary;
        if let Some(known) = same_moment.iter().find(is_same_run) {
            report.key = known.key;
            return Ok(Insertion::Known);
        }
        report.key.sequence = same_moment.last().map_or(0, |last| last.key.sequence + 1);
    }
    report_items::hold(tx, scope, &report.items_hash).await?;
    let sql = format!("INSERT INTO patch_reports (account, region, {COLUMNS}) VALUES ({PLACEHOLDERS})");
    tx.execute(&sql, &values(scope, report)).await?;
    if shown.as_ref().is_some_and(|shown| shown.key > report.key) {
        return Ok(Insertion::Older);
    }
    patch_states::replace(tx, scope, shown.as_ref(), report).await?;
    Ok(Insertion::Newest)
}

/// The runs of a node that ended at one moment, by sequence.
async fn ended_at(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    at: Timestamp,
) -> Result<Vec<Report>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM patch_reports
        WHERE account = $1 AND region = $2 AND node_id = $3 AND ended_at = $4 ORDER BY sequence"
    );
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into(), at.into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

pub async fn find(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    key: ReportKey,
) -> Result<Option<Report>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM patch_reports
        WHERE account = $1 AND region = $2 AND node_id = $3 AND ended_at = $4 AND sequence = $5"
    );
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        node.as_str().into(),
        key.ended_at.into(),
        key.sequence.into(),
    ];
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// Newest first, those older than `before`. Primary key order.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    before: Option<ReportKey>,
    limit: i64,
) -> Result<Vec<Report>> {
    let before =
        before.unwrap_or(ReportKey { ended_at: Timestamp::from_millis(i64::MAX), sequence: i64::MAX });
    let sql = format!(
        "SELECT {COLUMNS} FROM patch_reports
        WHERE account = $1 AND region = $2 AND node_id = $3 AND (ended_at, sequence) < ($4, $5)
        ORDER BY ended_at DESC, sequence DESC LIMIT $6"
    );
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        node.as_str().into(),
        before.ended_at.into(),
        before.sequence.into(),
        limit.into(),
    ];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}
