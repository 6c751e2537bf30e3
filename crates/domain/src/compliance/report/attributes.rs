//! Reports as rows of text attributes, and back. Reading is lenient where agents differ and
//! strict where a wrong guess would hide a missing patch.

use api::Timestamp;

use crate::compliance::ComplianceLevel;
use crate::patch::{PatchCounts, PatchState};

use super::{Attributes, ComplianceStatus, Execution, PatchItem, PatchReport, PatchSummary, RunFrame};

/// The content of the inventory types that one run uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchReportContent {
    /// `AWS:PatchSummary`: one row.
    pub summary: Vec<Attributes>,
    /// `AWS:PatchCompliance`.
    pub patches: Vec<Attributes>,
    /// `AWS:ComplianceItem`.
    pub items: Vec<Attributes>,
    /// The context that goes with `items`.
    pub items_context: Attributes,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReport {
    #[error("attribute {0} is missing")]
    Missing(&'static str),
    #[error("attribute {name}: `{value}` is not {expected}")]
    Invalid { name: &'static str, value: String, expected: &'static str },
}

const UNKNOWN_TIME: &str = "1970-01-01T00:00:00Z";

impl PatchReport {
    pub fn to_content(&self) -> PatchReportContent {
        let frame = &self.summary.frame;
        PatchReportContent {
            summary: vec![self.summary.to_attributes()],
            patches: self.items.iter().map(PatchItem::to_patch_compliance).collect(),
            items: self.items.iter().map(|item| item.to_compliance_item(frame)).collect(),
            items_context: attributes([
                ("ComplianceType", "Patch".to_owned()),
                ("ExecutionId", frame.execution.id.clone()),
                ("ExecutionType", frame.execution.kind.clone()),
                ("ExecutionTime", frame.ended_at.to_iso_seconds()),
            ]),
        }
    }
}

impl PatchSummary {
    pub fn to_attributes(&self) -> Attributes {
        let frame = &self.frame;
        let mut row = attributes([
            ("PatchGroup", frame.patch_group.clone()),
            ("BaselineId", frame.baseline_id.clone()),
            ("SnapshotId", frame.snapshot_id.clone()),
            ("OwnerInformation", String::new()),
            ("OperationType", frame.operation.as_str().to_owned()),
            ("OperationStartTime", frame.started_at.to_iso_seconds()),
            ("OperationEndTime", frame.ended_at.to_iso_seconds()),
            ("InstallOverrideList", frame.install_override_list.clone()),
            ("RebootOption", frame.reboot_option.clone()),
            (
                "LastNoRebootInstallOperationTime",
                frame.last_no_reboot_install_at.map(Timestamp::to_iso_seconds).unwrap_or_default(),
            ),
            ("ExecutionId", frame.execution.id.clone()),
            ("NonCompliantSeverity", self.non_compliant_severity.as_str().to_owned()),
        ]);
        for (name, count) in counts_by_name(&self.counts) {
            row.insert(name.to_owned(), count.to_string());
        }
        row
    }

    /// Reads a row of `AWS:PatchSummary`; counts that an older agent does not know are zero.
    pub fn from_attributes(row: &Attributes) -> Result<Self, InvalidReport> {
        let text = |name| row.get(name).cloned().unwrap_or_default();
        let frame = RunFrame {
            operation: required(row, "OperationType")?.parse().map_err(|_| InvalidReport::Invalid {
                name: "OperationType",
                value: text("OperationType"),
                expected: "Scan or Install",
            })?,
            started_at: time(row, "OperationStartTime")?
                .ok_or(InvalidReport::Missing("OperationStartTime"))?,
            ended_at: time(row, "OperationEndTime")?.ok_or(InvalidReport::Missing("OperationEndTime"))?,
            baseline_id: required(row, "BaselineId")?.to_owned(),
            patch_group: text("PatchGroup"),
            snapshot_id: text("SnapshotId"),
            reboot_option: text("RebootOption"),
            install_override_list: text("InstallOverrideList"),
            last_no_reboot_install_at: time(row, "LastNoRebootInstallOperationTime")?,
            execution: Execution { id: text("ExecutionId"), kind: String::new() },
        };
        Ok(Self {
            frame,
            counts: read_counts(row)?,
            non_compliant_severity: level(row, "NonCompliantSeverity")?,
        })
    }
}

impl PatchItem {
    /// A row of `AWS:PatchCompliance`.
    pub fn to_patch_compliance(&self) -> Attributes {
        let mut row = attributes([
            ("Title", self.title.clone()),
            ("KBId", self.id.clone()),
            ("Classification", self.classification.clone()),
            ("Severity", self.severity.clone()),
            ("State", self.state.as_str().to_owned()),
            ("InstalledTime", iso_or_unknown(self.installed_at)),
        ]);
        if !self.cve_ids.is_empty() {
            row.insert("CVEIds".to_owned(), self.cve_ids.join(","));
        }
        row
    }

    /// A row of `AWS:ComplianceItem`.
    pub fn to_compliance_item(&self, frame: &RunFrame) -> Attributes {
        let mut row = attributes([
            ("Id", self.id.clone()),
            ("Title", self.title.clone()),
            ("Status", self.status.map(ComplianceStatus::as_str).unwrap_or_default().to_owned()),
            ("Severity", self.compliance_level.as_str().to_owned()),
            ("DocumentName", self.document_name.clone()),
            ("DocumentVersion", self.document_version.clone()),
            ("Classification", self.classification.clone()),
            ("PatchBaselineId", frame.baseline_id.clone()),
            ("PatchSeverity", self.severity.clone()),
            ("PatchState", self.state.as_str().to_owned()),
            ("PatchGroup", frame.patch_group.clone()),
            ("InstalledTime", iso_or_unknown(self.installed_at)),
        ]);
        if !self.cve_ids.is_empty() {
            row.insert("CVEIds".to_owned(), self.cve_ids.join(","));
        }
        if !self.detailed_text.is_empty() {
            row.insert("DetailedText".to_owned(), self.detailed_text.clone());
        }
        row
    }

    /// Reads a row of `AWS:ComplianceItem` of compliance type Patch.
    pub fn from_compliance_item(row: &Attributes) -> Result<Self, InvalidReport> {
        let state = state(row, "PatchState")?;
        let status = match row.get("Status").map(String::as_str) {
            None | Some("") => None,
            Some(text) => Some(text.parse().map_err(|_| InvalidReport::Invalid {
                name: "Status",
                value: text.to_owned(),
                expected: "COMPLIANT or NON_COMPLIANT",
            })?),
        };
        Ok(Self {
            id: required(row, "Id")?.to_owned(),
            severity: row.get("PatchSeverity").cloned().unwrap_or_default(),
            compliance_level: level(row, "Severity")?,
            status,
            document_name: row.get("DocumentName").cloned().unwrap_or_default(),
            document_version: row.get("DocumentVersion").cloned().unwrap_or_default(),
            detailed_text: row.get("DetailedText").cloned().unwrap_or_default(),
            ..Self::common(row, state)?
        })
    }

    /// Reads a row of `AWS:PatchCompliance`: it knows no compliance level.
    pub fn from_patch_compliance(row: &Attributes) -> Result<Self, InvalidReport> {
        let state = state(row, "State")?;
        let status = match state {
            PatchState::NotApplicable | PatchState::AvailableSecurityUpdate => None,
            _ if state.is_non_compliant() => Some(ComplianceStatus::NonCompliant),
            _ => Some(ComplianceStatus::Compliant),
        };
        Ok(Self {
            id: required(row, "KBId")?.to_owned(),
            severity: row.get("Severity").cloned().unwrap_or_default(),
            status,
            ..Self::common(row, state)?
        })
    }

    fn common(row: &Attributes, state: PatchState) -> Result<Self, InvalidReport> {
        let cve_ids = row.get("CVEIds").map(String::as_str).unwrap_or_default();
        Ok(Self {
            id: String::new(),
            title: row.get("Title").cloned().unwrap_or_default(),
            state,
            classification: row.get("Classification").cloned().unwrap_or_default(),
            severity: String::new(),
            compliance_level: ComplianceLevel::Unspecified,
            status: None,
            installed_at: time(row, "InstalledTime")?,
            cve_ids: cve_ids
                .split(',')
                .map(str::trim)
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect(),
            detailed_text: String::new(),
            document_name: String::new(),
            document_version: String::new(),
        })
    }
}

fn attributes<const N: usize>(pairs: [(&str, String); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn counts_by_name(counts: &PatchCounts) -> [(&'static str, i64); 12] {
    [
        ("InstalledCount", counts.installed),
        ("InstalledOtherCount", counts.installed_other),
        ("InstalledPendingRebootCount", counts.installed_pending_reboot),
        ("InstalledRejectedCount", counts.installed_rejected),
        ("MissingCount", counts.missing),
        ("FailedCount", counts.failed),
        ("NotApplicableCount", counts.not_applicable),
        ("UnreportedNotApplicableCount", counts.unreported_not_applicable),
        ("AvailableSecurityUpdateCount", counts.available_security_update),
        ("CriticalNonCompliantCount", counts.critical_non_compliant),
        ("SecurityNonCompliantCount", counts.security_non_compliant),
        ("OtherNonCompliantCount", counts.other_non_compliant),
    ]
}

fn read_counts(row: &Attributes) -> Result<PatchCounts, InvalidReport> {
    let count = |name| match row.get(name).map(|text| text.trim()) {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| InvalidReport::Invalid {
            name,
            value: text.to_owned(),
            expected: "a whole number",
        }),
    };
    Ok(PatchCounts {
        installed: count("InstalledCount")?,
        installed_other: count("InstalledOtherCount")?,
        installed_pending_reboot: count("InstalledPendingRebootCount")?,
        installed_rejected: count("InstalledRejectedCount")?,
        missing: count("MissingCount")?,
        failed: count("FailedCount")?,
        not_applicable: count("NotApplicableCount")?,
        unreported_not_applicable: count("UnreportedNotApplicableCount")?,
        available_security_update: count("AvailableSecurityUpdateCount")?,
        critical_non_compliant: count("CriticalNonCompliantCount")?,
        security_non_compliant: count("SecurityNonCompliantCount")?,
        other_non_compliant: count("OtherNonCompliantCount")?,
    })
}

fn required<'r>(row: &'r Attributes, name: &'static str) -> Result<&'r str, InvalidReport> {
    match row.get(name) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(InvalidReport::Missing(name)),
    }
}

fn state(row: &Attributes, name: &'static str) -> Result<PatchState, InvalidReport> {
    let text = required(row, name)?;
    let expected = "a patch state";
    text.parse().map_err(|_| InvalidReport::Invalid { name, value: text.to_owned(), expected })
}

/// Absent or empty is unspecified.
fn level(row: &Attributes, name: &'static str) -> Result<ComplianceLevel, InvalidReport> {
    let text = row.get(name).map(String::as_str).unwrap_or_default();
    if text.is_empty() {
        return Ok(ComplianceLevel::Unspecified);
    }
    let expected = "a compliance level";
    let upper = text.to_ascii_uppercase();
    upper.parse().map_err(|_| InvalidReport::Invalid { name, value: text.to_owned(), expected })
}

/// Absent, empty and 1970 mean unknown.
fn time(row: &Attributes, name: &'static str) -> Result<Option<Timestamp>, InvalidReport> {
    match row.get(name).map(String::as_str) {
        None | Some("") => Ok(None),
        Some(text) => match Timestamp::parse(text) {
            Some(at) => Ok(Some(at).filter(|at| *at != Timestamp::EPOCH)),
            None => {
                Err(InvalidReport::Invalid { name, value: text.to_owned(), expected: "an ISO 8601 time" })
            }
        },
    }
}

fn iso_or_unknown(at: Option<Timestamp>) -> String {
    at.map_or_else(|| UNKNOWN_TIME.to_owned(), Timestamp::to_iso_seconds)
}

#[cfg(test)]
mod tests {
    use super::super::Operation;
    use super::*;

    fn report() -> PatchReport {
        let at = Timestamp::from_seconds;
        let frame = RunFrame {
            operation: Operation::Scan,
            started_at: at(1_769_860_800),
            ended_at: at(1_769_860_803),
            baseline_id: "pb-0123456789abcdef0".to_owned(),
            patch_group: "web".to_owned(),
            snapshot_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".to_owned(),
            reboot_option: "NoReboot".to_owned(),
            install_override_list: String::new(),
            last_no_reboot_install_at: Some(at(1_769_000_000)),
            execution: Execution { id: "3f0c".to_owned(), kind: "Command".to_owned() },
        };
        let item = |id: &str, state: PatchState, level| PatchItem {
            id: id.to_owned(),
            title: format!("{id}:1.0-1+deb12u1"),
            state,
            classification: "Security".to_owned(),
            severity: "Optional".to_owned(),
            compliance_level: level,
            status: Some(match state.is_non_compliant() {
                true => ComplianceStatus::NonCompliant,
                false => ComplianceStatus::Compliant,
            }),
            installed_at: None,
            cve_ids: vec!["CVE-2026-0001".to_owned(), "CVE-2026-0002".to_owned()],
            detailed_text: String::new(),
            document_name: "AWS-RunPatchBaseline".to_owned(),
            document_version: "1".to_owned(),
        };
        let items = vec![
            item("tb-ssl.amd64", PatchState::Missing, ComplianceLevel::High),
            item("bash.amd64", PatchState::Installed, ComplianceLevel::Low),
        ];
        let mut counts = PatchCounts::default();
        for item in &items {
            counts.add(item.state, item.compliance_level, &item.classification);
        }
        let summary = PatchSummary { frame, counts, non_compliant_severity: ComplianceLevel::High };
        PatchReport { summary, items }
    }

    #[test]
    fn the_attributes_are_pinned() {
        let content = report().to_content();
        insta::assert_json_snapshot!((
            &content.summary,
            &content.patches,
            &content.items,
            &content.items_context
        ));
    }

    #[test]
    fn reports_survive_the_journey() {
        let mut report = report();
        report.items[0].state = PatchState::Failed;
        report.items[0].detailed_text = "script-failed (postinst): exit code 1".to_owned();
        let content = report.to_content();
        let mut summary = PatchSummary::from_attributes(&content.summary[0]).unwrap();
        summary.frame.execution.kind = "Command".to_owned(); // travels in the context
        let items = content.items.iter().map(PatchItem::from_compliance_item).collect::<Result<_, _>>();
        assert_eq!(PatchReport { summary, items: items.unwrap() }, report);
        let plain = PatchItem::from_patch_compliance(&content.patches[0]).unwrap();
        assert_eq!(plain.status, Some(ComplianceStatus::NonCompliant));
        assert_eq!((plain.id, plain.state), ("tb-ssl.amd64".to_owned(), PatchState::Failed));
    }

    #[test]
    fn broken_rows_are_named() {
        let good = report().to_content();
        let check = |name: &str, value: Option<&str>, expected: &str| {
            let mut row = good.items[0].clone();
            let mut summary = good.summary[0].clone();
            for row in [&mut row, &mut summary] {
                row.remove(name);
                if let Some(value) = value {
                    row.insert(name.to_owned(), value.to_owned());
                }
            }
            let item = PatchItem::from_compliance_item(&row).map(|_| ());
            let error = item.and(PatchSummary::from_attributes(&summary).map(|_| ())).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("PatchState", Some("Gone"), "attribute PatchState: `Gone` is not a patch state");
        check("Id", None, "attribute Id is missing");
        check("Severity", Some("MAJOR"), "attribute Severity: `MAJOR` is not a compliance level");
        check("MissingCount", Some("many"), "attribute MissingCount: `many` is not a whole number");
        check("OperationEndTime", Some("soon"), "attribute OperationEndTime: `soon` is not an ISO 8601 time");
        check("BaselineId", None, "attribute BaselineId is missing");
    }

    #[test]
    fn unknown_numbers_and_times_are_read() {
        let mut row = report().to_content().summary.remove(0);
        row.insert("UnreportedNotApplicableCount".to_owned(), "-1".to_owned());
        row.remove("AvailableSecurityUpdateCount");
        row.insert("LastNoRebootInstallOperationTime".to_owned(), UNKNOWN_TIME.to_owned());
        let summary = PatchSummary::from_attributes(&row).unwrap();
        assert_eq!(summary.counts.unreported_not_applicable, -1);
        assert_eq!(summary.frame.last_no_reboot_install_at, None);
    }
}
