//! What a run prints for people: the summary's attributes, how fresh the lists are, what is not compliant.

use std::fmt::Write as _;

use domain::compliance::ComplianceStatus;
use domain::compliance::report::PatchReport;
use domain::facts::{ListRefresh, NotInEffect, Observation};
use domain::patch::transaction::Change;

use super::Recording;
use super::operate::{Next, Operated};
use super::reboot::MAX_ASKED;

/// More would only push the summary out of the 24,000 characters that are kept.
const MAX_LISTED: usize = 200;

const ATTRIBUTES: [&str; 22] = [
    "PatchGroup",
    "BaselineId",
    "SnapshotId",
    "RebootOption",
    "InstallOverrideList",
    "OwnerInformation",
    "OperationType",
    "OperationStartTime",
    "OperationEndTime",
    "LastNoRebootInstallOperationTime",
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

/// The block of counts and circumstances, also of a run that found nothing out.
pub(super) fn attributes(instance_id: &str, report: &PatchReport) -> String {
    let mut text = format!("Patch {} of {instance_id}\n\n", report.summary.frame.operation);
    let attributes = report.summary.to_attributes();
    for name in ATTRIBUTES {
        let value = attributes.get(name).map_or("", String::as_str);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<32}: {value}");
    }
    text
}

pub(super) fn text(
    instance_id: &str,
    report: &PatchReport,
    operated: &Operated,
    recording: Recording,
) -> String {
    let mut text = attributes(instance_id, report);
    let observation = &operated.seen.observation;
    let _ = writeln!(text, "{:<32}: {}", "Status", report.status().as_str());
    let _ = writeln!(text, "{:<32}: {}", "PackageLists", lists(observation));
    for failure in &observation.failed_repositories {
        let _ = writeln!(text, "  not refreshed: {} {}: {}", failure.uri, failure.suite, failure.error);
    }
    text.push_str(match recording {
        Recording::Upload => "",
        Recording::PrintOnly => "\nJudged by a baseline that was brought along: nothing was recorded.\n",
        Recording::Apart => {
            "\nJudged by a baseline that was brought along: recorded as Custom:BaselineOverride, apart from the \
             node's patch compliance.\n"
        }
        Recording::Association => "\nRecorded as the compliance of the association.\n",
    });
    list_changes(&mut text, &operated.changes);
    list_non_compliant(&mut text, report);
    list_failures(&mut text, operated);
    tell_not_in_effect(&mut text, &observation.not_in_effect);
    text
}

fn list_changes(text: &mut String, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    text.push_str("\nChanged:\n");
    for change in changes.iter().take(MAX_LISTED) {
        let (from, to) = (change.from.as_deref().unwrap_or("-"), change.to.as_deref().unwrap_or("-"));
        let _ = writeln!(text, "  {}.{} {from} -> {to}", change.name, change.arch);
    }
    if changes.len() > MAX_LISTED {
        let _ = writeln!(text, "  and {} more", changes.len() - MAX_LISTED);
    }
}

fn list_failures(text: &mut String, operated: &Operated) {
    let items = operated.failures.iter().map(|(id, failure)| (id.clone(), failure));
    let others = operated
        .other_failures
        .iter()
        .map(|refusal| (format!("{}.{}", refusal.wanted.name, refusal.wanted.arch), &refusal.failure));
    let failed: Vec<_> = items.chain(others).collect();
    if !failed.is_empty() {
        text.push_str("\nFailed:\n");
    }
    for (id, failure) in failed.iter().take(MAX_LISTED) {
        let _ = writeln!(text, "  {id}: {failure}");
    }
    if operated.next == Next::RestartFailed {
        let _ = writeln!(
            text,
            "\nreboot-failed: the machine was asked to restart {MAX_ASKED} times and did not."
        );
    }
    if !operated.warnings.is_empty() {
        text.push_str("\nWarnings:\n");
    }
    for warning in operated.warnings.iter().take(MAX_LISTED) {
        let _ = writeln!(text, "  {warning}");
    }
}

fn tell_not_in_effect(text: &mut String, waiting: &NotInEffect) {
    let lines = waiting.lines();
    if !lines.is_empty() {
        text.push_str("\nInstalled, but not in effect:\n");
    }
    for line in lines.iter().take(MAX_LISTED) {
        let _ = writeln!(text, "  {line}");
    }
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
