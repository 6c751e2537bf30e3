//! Causes that stand on advisories, dates and updates: what is announced and cannot be had, what is approved later,
//! what Windows Update offers and the baseline does not approve.
//! Source: spec patch-manager 8.2 (N8, N9, A1, A2, J3) and 8.3 (M2 to M5, M12).

use api::Timestamp;

use crate::baseline::{ApprovalDate, BaselineRules};
use crate::compliance::ComplianceStatus;
use crate::facts::UpdateFact;
use crate::os::{Family, OperatingSystem};
use crate::patch::version_rpm::is_newer;
use crate::patch::{Decision, HiddenFixCause, NotApproved, PatchState, Verdict, update_item_id};

use super::cause::counted;
use super::proof;
use super::{Cause, CauseItem, CauseSeverity, RemedyAction, ScanView, Situation};

const STATES: &str = "DescribeInstancePatchStates";
const BASELINE: &str = "GetPatchBaseline";

/// As `os-release` names Amazon Linux, and the package whose version is its release.
const AMAZON: &str = "amzn";
const RELEASE_PACKAGE: &str = "system-release";

/// What these causes are found from.
#[derive(Clone, Copy)]
struct View<'a> {
    scan: ScanView<'a>,
    rules: &'a BaselineRules,
}

/// Causes of non-compliance.
pub(super) fn real_causes(situation: &Situation<'_>) -> Vec<Cause> {
    find(situation, &[not_offered, release_locked, available, approval_hole, child_rejected])
}

/// Causes that make a node compliant by name only.
pub(super) fn hidden_causes(situation: &Situation<'_>) -> Vec<Cause> {
    let oracle = oracle_omits_critical(situation);
    let found = find(situation, &[no_advisories, approved_later, day_is_over, obsoleted]);
    found.into_iter().chain(oracle).collect()
}

fn find(situation: &Situation<'_>, finders: &[fn(View<'_>) -> Option<Cause>]) -> Vec<Cause> {
    let view = situation.scan.zip(situation.baseline);
    let Some((scan, choice)) = view else { return Vec::new() };
    let view = View { scan, rules: &choice.baseline.rules };
    finders.iter().filter_map(|finder| finder(view)).collect()
}

impl<'a> View<'a> {
    fn verdicts(self, wanted: impl Fn(&Verdict) -> bool) -> Vec<&'a Verdict> {
        self.scan.evaluation.verdicts.iter().filter(|verdict| wanted(verdict)).collect()
    }

    fn items(self, verdicts: &[&Verdict]) -> Vec<CauseItem> {
        verdicts.iter().map(|verdict| proof::item(verdict, self.rules, self.scan.facts)).collect()
    }

    fn is_rpm(self) -> bool {
        matches!(self.rules.operating_system.family(), Family::Rpm | Family::Suse)
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn not_offered(view: View<'_>) -> Option<Cause> {
    let is_it = |verdict: &Verdict| {
        verdict.hidden_fix.as_ref().is_some_and(|fix| fix.cause == HiddenFixCause::NotOffered)
    };
    let found = view.verdicts(is_it);
    if found.is_empty() {
        return None;
    }
    let fixes = counted(number(found.len()), "approved fix is", "approved fixes are");
    let cause =
        Cause::new("N8", CauseSeverity::Warning, format!("{fixes} announced, but no enabled repository offers it"))
            .items(view.items(&found))
            .evidence("GetNodeReport", "ListsUpdatedAt", lists_updated_at(view))
            .remedy(RemedyAction::RunOnNode, "Bring the mirror up to date, or enable the repository that has the version; where the baseline has Sources, list the default repositories too.");
    Some(cause)
}

fn lists_updated_at(view: View<'_>) -> String {
    view.scan.observation.lists_updated_at.map(Timestamp::to_iso_seconds).unwrap_or_default()
}

/// Amazon Linux 2023: its own tool sees nothing newer than the release to which the node is locked.
fn release_locked(view: View<'_>) -> Option<Cause> {
    let facts = view.scan.facts;
    if facts.os.id != AMAZON {
        return None;
    }
    let missing = view.verdicts(|verdict| verdict.state == PatchState::Missing);
    let locked =
        facts.repositories.iter().map(|from| from.codename.as_str()).find(|name| !name.is_empty())?;
    let release = facts.packages.iter().find(|package| package.name == RELEASE_PACKAGE)?;
    let newest = release.available.first()?.version.as_str();
    let newest = newest.rsplit_once('-').map_or(newest, |(release, _)| release);
    if missing.is_empty() || !is_newer(newest, locked) {
        return None;
    }
    let cause = Cause::new(
        "N9",
        CauseSeverity::Warning,
        format!("the node is locked to release {locked}, and {newest} is out: dnf by itself sees nothing newer than its own release"),
    )
    .items(vec![CauseItem {
        name: release.name.clone(),
        arch: release.arch.clone(),
        installed_version: release.version.clone(),
        fix_version: release.available[0].version.clone(),
        proof: vec![format!("repositories of release {newest} offer what is missing")],
        ..CauseItem::default()
    }])
    .evidence(STATES, "MissingCount", view.scan.evaluation.counts.missing)
    .evidence("GetNodeReport", "ListsUpdatedAt", lists_updated_at(view))
    .remedy(RemedyAction::Install, "Install: patch runs take packages of the newest release. Elsewhere allow it by `--releasever=latest`, or lock the node to the newer release.")
    .command("dnf upgrade --releasever=latest");
    Some(cause)
}

fn available(view: View<'_>) -> Option<Cause> {
    let setting = view.rules.available_security_updates_compliance_status;
    let found = view.verdicts(|verdict| verdict.state == PatchState::AvailableSecurityUpdate);
    if found.is_empty() || setting == Some(ComplianceStatus::Compliant) {
        return None;
    }
    let updates = counted(number(found.len()), "security update is", "security updates are");
    let counts = &view.scan.evaluation.counts;
    let cause = Cause::new(
        "A1",
        CauseSeverity::Error,
        format!("{updates} available, but not approved by the baseline, which counts that as a violation"),
    )
    .items(view.items(&found))
    .evidence(STATES, "AvailableSecurityUpdateCount", counts.available_security_update)
    .evidence(
        BASELINE,
        "AvailableSecurityUpdatesComplianceStatus",
        setting.map_or("not set, which is NON_COMPLIANT", ComplianceStatus::as_str),
    )
    .remedy(
        RemedyAction::ChangeBaseline,
        "Approve sooner, or set AvailableSecurityUpdatesComplianceStatus to COMPLIANT and scan again.",
    );
    Some(cause)
}

/// The old update is gone and the new one waits.
fn approval_hole(view: View<'_>) -> Option<Cause> {
    let updates = &view.scan.facts.updates;
    let has_gone = |id: &String| {
        let replaced = updates.iter().find(|update| update.id == *id).map(update_item_id);
        let verdicts = &view.scan.evaluation.verdicts;
        replaced.is_some_and(|name| {
            verdicts.iter().any(|v| v.name == name && v.state == PatchState::NotApplicable)
        })
    };
    let leaves_hole = |verdict: &Verdict| {
        let is_it = |update: &&UpdateFact| update_item_id(update) == verdict.name;
        verdict.upcoming.is_some()
            && updates.iter().filter(is_it).any(|update| update.supersedes.iter().any(has_gone))
    };
    let found = view.verdicts(leaves_hole);
    let first = found.iter().find_map(|verdict| verdict.upcoming.as_ref())?;
    let updates = counted(number(found.len()), "approved update was", "approved updates were");
    let cause = Cause::new(
        "A2",
        CauseSeverity::Warning,
        format!("{updates} superseded by one that is not approved yet: until then neither is installed"),
    )
    .items(view.items(&found))
    .evidence(
        "DescribeEffectivePatchesForPatchBaseline",
        "PatchStatus.ApprovalDate",
        first.at.to_iso_seconds(),
    )
    .remedy(
        RemedyAction::ChangeBaseline,
        "Shorten ApproveAfterDays, or approve the new update by ApprovedPatches.",
    );
    Some(cause)
}

fn child_rejected(view: View<'_>) -> Option<Cause> {
    let rejected = &view.rules.rejected_patches;
    let child_of = |update: &UpdateFact| {
        let is_rejected = |kb: &&String| rejected.iter().any(|entry| entry.eq_ignore_ascii_case(kb));
        update.bundled_kb_ids.iter().find(is_rejected).cloned()
    };
    let is_wanted = |name: &str| {
        let states = view.scan.evaluation.verdicts.iter().filter(|verdict| verdict.name == name);
        states.map(|verdict| verdict.state).any(|state| {
            matches!(state, PatchState::Missing | PatchState::Installed | PatchState::InstalledPendingReboot)
        })
    };
    let item = |update: &UpdateFact| {
        let child = child_of(update)?;
        let parent = update_item_id(update);
        is_wanted(parent).then(|| CauseItem {
            name: parent.to_owned(),
            proof: vec![format!(
                "it brings {child}, which RejectedPatches names; only {parent} itself can be rejected"
            )],
            ..CauseItem::default()
        })
    };
    let items: Vec<CauseItem> = view.scan.facts.updates.iter().filter_map(item).collect();
    let first = items.first()?.name.clone();
    let cause = Cause::new(
        "J3",
        CauseSeverity::Warning,
        "a rejected update comes with a bundle that is approved: the rejection has no effect",
    )
    .items(items)
    .evidence(BASELINE, "RejectedPatches", rejected.join(", "))
    .remedy(RemedyAction::ChangeBaseline, format!("Reject the bundle ({first}) as a whole."));
    Some(cause)
}

fn no_advisories(view: View<'_>) -> Option<Cause> {
    let facts = view.scan.facts;
    let reaches_further = view.rules.approval_rules.patch_rules.iter().any(|rule| rule.enable_non_security);
    let has_some = !facts.advisories.is_empty() || !facts.absent.is_empty();
    if !view.is_rpm() || reaches_further || has_some || facts.packages.is_empty() {
        return None;
    }
    let cause = Cause::new(
        "M2",
        CauseSeverity::Warning,
        "no repository of this node publishes advisories, and the baseline looks at nothing else",
    )
    .evidence(BASELINE, "ApprovalRules.PatchRules[].EnableNonSecurity", "false")
    .evidence("GetNodeReport", "ListsUpdatedAt", lists_updated_at(view))
    .remedy(
        RemedyAction::ChangeBaseline,
        "Set EnableNonSecurity in a rule, or use a repository that has updateinfo.",
    );
    Some(cause)
}

fn approved_later(view: View<'_>) -> Option<Cause> {
    let is_security = |text: &str| crate::patch::is_security_classification(text);
    let waits = |verdict: &Verdict| {
        verdict.upcoming.as_ref().is_some_and(|upcoming| is_security(&upcoming.classification))
    };
    let mut found = view.verdicts(waits);
    found.sort_by_key(|verdict| verdict.upcoming.as_ref().map(|upcoming| upcoming.at));
    let next = found.first()?.upcoming.as_ref()?;
    let fixes = counted(number(found.len()), "security fix is", "security fixes are");
    let cause = Cause::new(
        "M3",
        CauseSeverity::Warning,
        format!("{fixes} out, but not approved yet; the next on {}", next.at.to_iso_seconds()),
    )
    .items(view.items(&found))
    .evidence(BASELINE, "ApprovalRules.PatchRules[].ApproveAfterDays", delay_of(view.rules, next.rule))
    .remedy(
        RemedyAction::ChangeBaseline,
        "Wait, shorten ApproveAfterDays, or name the urgent ones in ApprovedPatches.",
    );
    Some(cause)
}

fn delay_of(rules: &BaselineRules, rule: usize) -> String {
    match rules.approval_rules.patch_rules.get(rule).and_then(|rule| rule.approval.as_ref()) {
        Some(ApprovalDate::AfterDays(days)) => days.to_string(),
        _ => String::new(),
    }
}

fn day_is_over(view: View<'_>) -> Option<Cause> {
    let late = |verdict: &Verdict| {
        verdict.candidate.as_ref().is_some_and(|candidate| candidate.is_upgrade)
            && matches!(
                &verdict.decision,
                Decision::NotApproved { because: NotApproved::ReleasedTooLate { .. } }
            )
    };
    let found = view.verdicts(late);
    let days = view.rules.approval_rules.patch_rules.iter().filter_map(|rule| match &rule.approval {
        Some(ApprovalDate::Until(day)) => Some(day.to_string()),
        _ => None,
    });
    let days = days.collect::<Vec<_>>().join(", ");
    if found.is_empty() {
        return None;
    }
    let patches = counted(number(found.len()), "patch was", "patches were");
    let cause = Cause::new(
        "M4",
        CauseSeverity::Warning,
        format!("{patches} released after the ApproveUntilDate of the rule that matches"),
    )
    .items(view.items(&found))
    .evidence(BASELINE, "ApprovalRules.PatchRules[].ApproveUntilDate", days)
    .remedy(RemedyAction::ChangeBaseline, "Move the date, or approve by ApproveAfterDays.");
    Some(cause)
}

fn oracle_omits_critical(situation: &Situation<'_>) -> Option<Cause> {
    let baseline = &situation.baseline?.baseline;
    let is_it = baseline.rules.operating_system == OperatingSystem::OracleLinux && baseline.id.is_provided();
    is_it.then(|| {
        Cause::new(
            "M5",
            CauseSeverity::Warning,
            "the provided baseline of Oracle Linux approves Important and Moderate security patches, not Critical ones",
        )
        .evidence(BASELINE, "BaselineId", &baseline.id)
        .remedy(RemedyAction::ChangeBaseline, "Register a baseline of your own whose rule names Critical.")
    })
}

fn obsoleted(view: View<'_>) -> Option<Cause> {
    let item = |package: &crate::facts::PackageFact| {
        let successor = package.obsoleted_by.as_ref()?;
        Some(CauseItem {
            name: package.name.clone(),
            arch: package.arch.clone(),
            installed_version: package.version.clone(),
            proof: vec![format!("{successor}, in an enabled repository, declares it obsolete")],
            ..CauseItem::default()
        })
    };
    let items: Vec<CauseItem> = view.scan.facts.packages.iter().filter_map(item).collect();
    if items.is_empty() {
        return None;
    }
    let packages = counted(number(items.len()), "installed package is", "installed packages are");
    let cause = Cause::new(
        "M12",
        CauseSeverity::Info,
        format!("{packages} obsolete: patching does not replace what has another name"),
    )
    .items(items)
    .evidence("GetNodeReport", "ListsUpdatedAt", lists_updated_at(view))
    .remedy(RemedyAction::RunOnNode, "Migrate to the successor by hand.");
    Some(cause)
}

#[cfg(test)]
mod tests;
