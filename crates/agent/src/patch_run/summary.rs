//! What a run prints for people: the summary's attributes, how fresh the lists are, what is not compliant.

use std::fmt::Write as _;

use domain::compliance::ComplianceStatus;
use domain::compliance::report::PatchReport;
use domain::facts::{ListRefresh, Observation};

use super::Recording;

/// More would only push the summary out of the 24,000 characters that are kept.
const MAX_LISTED: usize = 200;

const ATTRIBUTES: [&str; 21] = [
    "PatchGroup",
    "BaselineId",
    "SnapshotId",
    "RebootOption",
    "InstallOverrideList",
    "OwnerInformation",
    "OperationType",
    "OperationStartTime",
    "OperationEndTime",
    "InstalledCount",
    "InstalledOtherCount",
    "InstalledPendingRebootCount",
    "InstalledRejectedCount",
    "MissingCount",
    "FailedCount",
    "NotApplicableCount",
    "UnreportedNotApplicableCount",
    "CriticalNonCompliantCount",
    "SecurityNonCompliantCount",
    "OtherNonCompliantCount",
    "NonCompliantSeverity",
];

pub(super) fn text(
    instance_id: &str,
    report: &PatchReport,
    observation: &Observation,
    recording: Recording,
) -> String {
    let mut text = format!(
        "Patch {} of {instance_id}: {}\n\n",
        report.summary.frame.operation,
        report.status().as_str()
    );
    let attributes = report.summary.to_attributes();
    for name in ATTRIBUTES {
        let value = attributes.get(name).map_or("", String::as_str);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<29}: {value}");
    }
    let _ = writeln!(text, "{:<29}: {}", "PackageLists", lists(observation));
    for failure in &observation.failed_repositories {
        let _ = writeln!(text, "  not refreshed: {} {}: {}", failure.uri, failure.suite, failure.error);
    }
    if recording == Recording::PrintOnly {
        text.push_str("\nJudged by a baseline that was brought along: nothing was recorded.\n");
    }
    list_non_compliant(&mut text, report);
    text
}

fn lists(observation: &Observation) -> String {
    let dated =
        observation.lists_updated_at.map(|at| format!(", of {}", at.to_iso_seconds())).unwrap_or_default();
    match &observation.refresh {
        ListRefresh::Refreshed => "refreshed".to_owned(),
        ListRefresh::Partial => "refreshed in part".to_owned(),
        ListRefresh::Skipped => format!("not refreshed{dated}"),
        ListRefresh::Failed(reason) => format!("old{dated}; the refresh failed: {reason}"),
    }
}

fn list_non_compliant(text: &mut String, report: &PatchReport) {
    let items: Vec<_> =
        report.items.iter().filter(|item| item.status == Some(ComplianceStatus::NonCompliant)).collect();
    if items.is_empty() {
        return;
    }
    text.push_str("\nNot compliant:\n");
    for item in items.iter().take(MAX_LISTED) {
        let _ = writeln!(text, "  {:<24} {}", item.state.as_str(), item.title);
    }
    if items.len() > MAX_LISTED {
        let _ = writeln!(text, "  and {} more", items.len() - MAX_LISTED);
    }
}
