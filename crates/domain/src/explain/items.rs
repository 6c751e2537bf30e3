//! Causes N, F, P and J: the node is not compliant for a reason of its own.

use api::Timestamp;

use crate::baseline::BaselineRules;
use crate::compliance::report::Operation;
use crate::compliance::{PatchItem, PatchSummary};
use crate::facts::AutomaticUpdates;
use crate::patch::{Decision, HiddenFixCause, PatchState, Verdict};

use super::cause::counted;
use super::proof::{self, is_blocking};
use super::{Cause, CauseItem, CauseSeverity, RemedyAction, Situation};

const STATES: &str = "DescribeInstancePatchStates";

pub(super) fn causes(situation: &Situation<'_>) -> Vec<Cause> {
    let Some(report) = situation.newest() else { return Vec::new() };
    let finders =
        [missing, approved_since, restricted, repositories, failed, pending, rejected, on_both_lists];
    finders.into_iter().filter_map(|find| find(situation, report)).collect()
}

/// Items made of verdicts where there are facts, else of what the report says.
fn items_in(
    situation: &Situation<'_>,
    state: PatchState,
    wanted: impl Fn(&Verdict) -> bool,
) -> Vec<CauseItem> {
    match (&situation.scan, rules_of(situation)) {
        (Some(scan), Some(rules)) => scan
            .evaluation
            .verdicts
            .iter()
            .filter(|verdict| verdict.state == state && wanted(verdict))
            .map(|verdict| proof::item(verdict, rules, scan.facts))
            .collect(),
        _ => situation.items.iter().filter(|item| item.state == state).map(reported_item).collect(),
    }
}

fn rules_of<'a>(situation: &Situation<'a>) -> Option<&'a BaselineRules> {
    situation.baseline.map(|choice| &choice.baseline.rules)
}

fn reported_item(item: &PatchItem) -> CauseItem {
    let (name, arch) = item.id.rsplit_once('.').unwrap_or((&item.id, ""));
    let version =
        item.title.strip_prefix(&item.id).and_then(|rest| rest.strip_prefix(':')).unwrap_or_default();
    let version = version.strip_prefix("0:").unwrap_or(version);
    let mut found = CauseItem {
        name: name.to_owned(),
        arch: arch.to_owned(),
        state: item.state.to_string(),
        proof: vec![format!("the node's report lists it as {}", item.state)],
        ..CauseItem::default()
    };
    if !item.detailed_text.is_empty() {
        found.proof.push(item.detailed_text.clone());
    }
    match item.state {
        PatchState::Missing | PatchState::Failed => found.fix_version = version.to_owned(),
        _ => found.installed_version = version.to_owned(),
    }
    found
}

/// When the last installation on record was asked for.
fn last_install(situation: &Situation<'_>) -> Option<Timestamp> {
    let run = situation.runs.iter().find(|run| run.operation() == Some(Operation::Install))?;
    Some(run.requested_at)
}

/// It could not have been installed by the last installation.
fn is_approved_since(last_install: Option<Timestamp>, verdict: &Verdict) -> bool {
    last_install.zip(verdict.approved_at).is_some_and(|(installed, approved)| approved > installed)
}

fn approved_since(situation: &Situation<'_>, report: &PatchSummary) -> Option<Cause> {
    let installed_at = last_install(situation)?;
    situation.scan?;
    let items = items_in(situation, PatchState::Missing, |verdict| {
        verdict.restrictions.is_empty() && is_approved_since(Some(installed_at), verdict)
    });
    if items.is_empty() {
        return None;
    }
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let patches = counted(count, "patch was", "patches were");
    let cause = Cause::new(
        "N2",
        CauseSeverity::Error,
        format!("{patches} approved after the install run of {}", installed_at.to_iso_seconds()),
    )
    .items(items)
    .evidence(STATES, "MissingCount", report.counts.missing)
    .evidence("ListCommands", "RequestedDateTime", installed_at.to_iso_seconds())
    .remedy(
        RemedyAction::Install,
        "The next scheduled installation takes them; install now if they cannot wait.",
    )
    .command(situation.install_command());
    Some(cause)
}

fn missing(situation: &Situation<'_>, report: &PatchSummary) -> Option<Cause> {
    let last = last_install(situation);
    let items = items_in(situation, PatchState::Missing, |verdict| {
        verdict.restrictions.is_empty() && !is_approved_since(last, verdict)
    });
    if report.counts.missing <= 0 || items.is_empty() && situation.scan.is_some() {
        return None;
    }
    let count = i64::try_from(items.len())
        .unwrap_or_default()
        .max(i64::from(items.is_empty()) * report.counts.missing);
    let last_install = situation.runs.iter().find(|run| run.operation() == Some(Operation::Install));
    let patches = counted(count, "approved patch is missing", "approved patches are missing");
    let headline = match last_install {
        None if report.frame.operation == Operation::Scan => {
            format!("{patches}, and no install run is on record")
        }
        None => patches,
        Some(run) => format!("{patches} since the install run of {}", run.requested_at.to_iso_seconds()),
    };
    let cause = Cause::new("N1", CauseSeverity::Error, headline)
        .items(items)
        .evidence(STATES, "MissingCount", report.counts.missing)
        .evidence(STATES, "Operation", report.frame.operation)
        .remedy(RemedyAction::Install, "Install what is approved, now or on a schedule.")
        .command(situation.install_command());
    Some(cause)
}

fn restricted(situation: &Situation<'_>, report: &PatchSummary) -> Option<Cause> {
    let (scan, rules) = (situation.scan.as_ref()?, rules_of(situation)?);
    let is_pinned = |verdict: &Verdict| {
        verdict.hidden_fix.as_ref().is_some_and(|fix| fix.cause == HiddenFixCause::Pinned)
    };
    let is_stuck = |verdict: &Verdict| {
        verdict.state == PatchState::Missing && !verdict.restrictions.is_empty() || is_pinned(verdict)
    };
    let stuck: Vec<&Verdict> = scan.evaluation.verdicts.iter().filter(|verdict| is_stuck(verdict)).collect();
    let breaks = stuck.iter().any(|verdict| verdict.state.is_non_compliant());
    let items: Vec<_> = stuck.iter().map(|verdict| proof::item(verdict, rules, scan.facts)).collect();
    if items.is_empty() {
        return None;
    }
    // Phasing is nothing that could be released on the node.
    let action = match items.iter().any(|item| !item.remedy.is_empty()) {
        true => RemedyAction::RunOnNode,
        false => RemedyAction::ChangeBaseline,
    };
    let severity = match breaks {
        true => CauseSeverity::Error,
        false => CauseSeverity::Warning,
    };
    let fixes = counted(i64::try_from(items.len()).unwrap_or(i64::MAX), "fix is", "fixes are");
    let cause = Cause::new(
        "N7",
        severity,
        format!("{fixes} kept back by a hold, a lock, a pin, phasing or an unfinished installation"),
    )
    .items(items)
    .evidence(STATES, "MissingCount", report.counts.missing)
    .remedy(
        action,
        "Release the hold, lock or pin on the node, or reject the patch in the baseline if it must stay.",
    );
    Some(cause)
}

fn repositories(situation: &Situation<'_>, _: &PatchSummary) -> Option<Cause> {
    let failures = &situation.scan.as_ref()?.observation.failed_repositories;
    if failures.is_empty() {
        return None;
    }
    let item = |failure: &crate::facts::RepositoryFailure| CauseItem {
        name: format!("{} {}", failure.uri, failure.suite),
        repository: failure.suite.clone(),
        proof: vec![failure.error.clone()],
        ..CauseItem::default()
    };
    let count = counted(i64::try_from(failures.len()).unwrap_or(i64::MAX), "repository", "repositories");
    let cause = Cause::new(
        "N8",
        CauseSeverity::Warning,
        format!("{count} could not be refreshed: fixes published there are not seen"),
    )
    .items(failures.iter().map(item).collect())
    .evidence("GetNodeReport", "FailedRepositories", failures.len())
    .remedy(
        RemedyAction::Scan,
        "Repair the mirror, proxy or key named in the error, or remove the repository; then scan again.",
    )
    .command(situation.scan_command());
    Some(cause)
}

fn failed(situation: &Situation<'_>, report: &PatchSummary) -> Option<Cause> {
    if report.counts.failed <= 0 {
        return None;
    }
    // Only a run knows what failed: facts cannot tell it afterwards.
    let items = situation.items.iter().filter(|item| item.state == PatchState::Failed);
    let patches = counted(report.counts.failed, "patch", "patches");
    let cause = Cause::new("F1", CauseSeverity::Error, format!("{patches} failed to install"))
        .items(items.map(reported_item).collect())
        .evidence(STATES, "FailedCount", report.counts.failed)
        .remedy(RemedyAction::Install, "Read the install run's output, mend what it names, install again.")
        .command(situation.install_command());
    Some(cause)
}

fn pending(situation: &Situation<'_>, report: &PatchSummary) -> Option<Cause> {
    let count = report.counts.installed_pending_reboot;
    if count <= 0 {
        return None;
    }
    let patches = counted(count, "patch waits", "patches wait");
    let items = items_in(situation, PatchState::InstalledPendingReboot, |_| true);
    let scanned_boot = situation.scan.as_ref().and_then(|scan| scan.observation.booted_at);
    let booted_at = situation.node.booted_at.max(scanned_boot);
    let boot = booted_at.map(Timestamp::to_iso_seconds).unwrap_or_else(|| "unknown".to_owned());
    let cause = if booted_at.is_some_and(|boot| boot > report.frame.ended_at) {
        Cause::new(
            "P2",
            CauseSeverity::Error,
            format!("{patches} for a reboot that has happened: the node was not scanned since"),
        )
        .evidence(STATES, "OperationEndTime", report.frame.ended_at.to_iso_seconds())
        .remedy(RemedyAction::Scan, "Scan again; nothing needs to be installed.")
        .command(situation.scan_command())
    } else if is_own_no_reboot(report, booted_at) {
        let at = report.frame.last_no_reboot_install_at.map(Timestamp::to_iso_seconds).unwrap_or_default();
        Cause::new(
            "P1",
            CauseSeverity::Error,
            format!("{patches} for a reboot after an installation with NoReboot"),
        )
        .evidence(STATES, "LastNoRebootInstallOperationTime", at)
        .remedy(RemedyAction::Restart, "Reboot the node, then scan.")
        .command(situation.restart_command())
    } else {
        installed_by_others(situation, &patches)
    };
    let cause = cause.items(items).evidence(STATES, "InstalledPendingRebootCount", count).evidence(
        "GetNodeReport",
        "last boot",
        boot,
    );
    Some(cause)
}

fn installed_by_others(situation: &Situation<'_>, patches: &str) -> Cause {
    let headline =
        format!("{patches} for a reboot; something other than patch runs installed them since the last boot");
    let cause = Cause::new("P4", CauseSeverity::Error, headline).command(situation.restart_command());
    let found = situation.scan.iter().flat_map(|scan| &scan.observation.automatic_updates);
    let named: Vec<String> = found.filter(|own| own.may_install()).map(AutomaticUpdates::line).collect();
    if named.is_empty() {
        cause.remedy(RemedyAction::Restart, "Reboot the node, then scan; decide which updater is in charge (unattended-upgrades, by hand, or this one).")
    } else {
        cause
            .evidence("GetNodeReport", "AutomaticUpdates", named.join("; "))
            .remedy(RemedyAction::Restart, "Reboot the node, then scan; decide which updater is in charge, and disable the other (`systemctl disable`).")
    }
}

fn is_own_no_reboot(report: &PatchSummary, booted_at: Option<Timestamp>) -> bool {
    match (report.frame.last_no_reboot_install_at, booted_at) {
        (Some(installed), Some(booted)) => booted < installed,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn rejected(situation: &Situation<'_>, report: &PatchSummary) -> Option<Cause> {
    let count = report.counts.installed_rejected;
    if count <= 0 {
        return None;
    }
    let packages = counted(count, "installed package is", "installed packages are");
    let cause = Cause::new(
        "J1",
        CauseSeverity::Error,
        format!("{packages} rejected by the baseline, which blocks them"),
    )
    .items(items_in(situation, PatchState::InstalledRejected, |_| true))
    .evidence(STATES, "InstalledRejectedCount", count)
    .evidence("GetPatchBaseline", "RejectedPatchesAction", "BLOCK")
    .remedy(
        RemedyAction::ChangeBaseline,
        "Uninstall them, take them off RejectedPatches, or set RejectedPatchesAction to ALLOW_AS_DEPENDENCY.",
    );
    Some(cause)
}

fn on_both_lists(situation: &Situation<'_>, _: &PatchSummary) -> Option<Cause> {
    let (scan, rules) = (situation.scan.as_ref()?, rules_of(situation)?);
    let is_on_both = |verdict: &&Verdict| {
        matches!(&verdict.decision, Decision::RejectedByList { also_approved_by: Some(_), .. })
    };
    let found: Vec<&Verdict> = scan.evaluation.verdicts.iter().filter(is_on_both).collect();
    if found.is_empty() {
        return None;
    }
    let names: Vec<&str> = found.iter().map(|verdict| verdict.name.as_str()).collect();
    let severity = match is_blocking(rules) {
        true => CauseSeverity::Warning,
        false => CauseSeverity::Info,
    };
    let packages = counted(i64::try_from(found.len()).unwrap_or(i64::MAX), "package is", "packages are");
    let cause =
        Cause::new("J2", severity, format!("{packages} on both lists of the baseline; rejection wins"))
            .items(found.iter().map(|verdict| proof::item(verdict, rules, scan.facts)).collect())
            .evidence("GetPatchBaseline", "RejectedPatches", names.join(", "))
            .remedy(RemedyAction::ChangeBaseline, "Take each off one of the two lists.");
    Some(cause)
}
