//! Causes C and M: other compliance types, and nodes that are compliant only by name.

use api::Timestamp;

use crate::baseline::{BaselineRules, FilterKey};
use crate::compliance::{ComplianceLevel, PatchSummary};
use crate::facts::{ListRefresh, Repository};
use crate::os::Family;
use crate::patch::{Decision, HiddenFixCause, NotApproved, PatchState, Verdict};

use super::cause::{age_in_words, counted};
use super::proof;
use super::{Cause, CauseItem, CauseSeverity, RemedyAction, STALE_AFTER_SECONDS, ScanView, Situation};

const STATES: &str = "DescribeInstancePatchStates";
/// A custom compliance report older than this is called stale.
const CUSTOM_STALE_AFTER_SECONDS: i64 = 30 * 86_400;

pub(super) fn causes(situation: &Situation<'_>) -> Vec<Cause> {
    let mut causes: Vec<Cause> = custom_types(situation);
    let finders = [
        approves_nothing,
        hidden_fixes,
        levels_unspecified,
        not_in_effect,
        lists_old,
        system_changed,
        rejection_hides,
        other_updates,
    ];
    causes.extend(finders.into_iter().filter_map(|find| find(situation)));
    causes
}

fn custom_types(situation: &Situation<'_>) -> Vec<Cause> {
    let cause = |custom: &super::CustomCompliance| {
        let age = situation.now.millis_since(custom.executed_at) / 1000;
        let name = &custom.compliance_type;
        let headline = match custom.non_compliant_items {
            0 if age > CUSTOM_STALE_AFTER_SECONDS => {
                format!("{name} was last reported {} ago", age_in_words(age))
            }
            0 => return None,
            count => {
                format!(
                    "{name} has {}",
                    counted(i64::from(count), "non-compliant item", "non-compliant items")
                )
            }
        };
        let severity = match custom.non_compliant_items {
            0 => CauseSeverity::Warning,
            _ => CauseSeverity::Error,
        };
        let cause = Cause::new("C5", severity, headline)
            .evidence("ListResourceComplianceSummaries", "ComplianceType", name)
            .evidence("ListResourceComplianceSummaries", "ExecutionTime", custom.executed_at.to_iso_seconds())
            .remedy(RemedyAction::ReviewComplianceItems, "Run again whatever reports this type.");
        Some(cause)
    };
    situation.custom_compliance.iter().filter_map(cause).collect()
}

fn judged<'a>(situation: &Situation<'a>) -> Option<(ScanView<'a>, &'a BaselineRules, &'a PatchSummary)> {
    let rules = &situation.baseline?.baseline.rules;
    Some((situation.scan?, rules, situation.reports.first()?))
}

fn approves_nothing(situation: &Situation<'_>) -> Option<Cause> {
    let (scan, rules, report) = judged(situation)?;
    let counts = &scan.evaluation.counts;
    let reached = counts.installed + counts.missing + counts.installed_pending_reboot;
    if reached > 0 || counts.installed_other == 0 {
        return None;
    }
    let product = &scan.evaluation.product;
    let allows =
        |filter: &crate::baseline::Filter| filter.key != FilterKey::Product || filter.accepts(product);
    let reaches_product =
        rules.approval_rules.patch_rules.iter().any(|rule| rule.filters.patch_filters.iter().all(allows));
    let headline = match reaches_product {
        true => {
            "the baseline approves nothing on this node: no rule matches any installed package".to_owned()
        }
        false => format!("the baseline approves nothing on this node: no rule is for {product}"),
    };
    let cause = Cause::new("M1", CauseSeverity::Warning, headline)
        .evidence(STATES, "InstalledCount", report.counts.installed)
        .evidence(STATES, "InstalledOtherCount", report.counts.installed_other)
        .evidence("GetDeployablePatchSnapshotForInstance", "Product", product)
        .remedy(RemedyAction::ChangeBaseline, "Correct the filters of the baseline's rules, or register another baseline for this node's group.");
    Some(cause)
}

fn is_hidden(verdict: &Verdict) -> bool {
    verdict.hidden_fix.as_ref().is_some_and(|fix| fix.cause == HiddenFixCause::NewerOutsideSecurity)
}

fn is_outside(verdict: &Verdict) -> bool {
    let upgrade = verdict.candidate.as_ref().is_some_and(|candidate| candidate.is_upgrade);
    let refused = &verdict.decision;
    upgrade && matches!(refused, Decision::NotApproved { because: NotApproved::OutsideSecurity { .. } })
}

fn hidden_fixes(situation: &Situation<'_>) -> Option<Cause> {
    outside_security(situation, CauseSeverity::Warning, is_hidden, |count| {
        let fixes = counted(count, "security fix is", "security fixes are");
        format!("{fixes} hidden behind a newer version outside the security suites")
    })
}

fn other_updates(situation: &Situation<'_>) -> Option<Cause> {
    let is_other = |verdict: &Verdict| is_outside(verdict) && !is_hidden(verdict);
    let family = situation.baseline?.baseline.rules.operating_system.family();
    outside_security(situation, CauseSeverity::Info, is_other, |count| {
        let updates = counted(count, "update is", "updates are");
        let place = match family {
            Family::Debian => "outside the security suites",
            _ => "that no advisory lists",
        };
        format!("{updates} available {place}, where the baseline does not look")
    })
}

fn outside_security(
    situation: &Situation<'_>,
    severity: CauseSeverity,
    wanted: impl Fn(&Verdict) -> bool,
    headline: impl Fn(i64) -> String,
) -> Option<Cause> {
    let (scan, rules, _) = judged(situation)?;
    let found = scan.evaluation.verdicts.iter().filter(|verdict| wanted(verdict));
    let items: Vec<CauseItem> = found.map(|verdict| proof::item(verdict, rules, scan.facts)).collect();
    if items.is_empty() {
        return None;
    }
    let cause = Cause::new("M6", severity, headline(i64::try_from(items.len()).unwrap_or(i64::MAX)))
        .items(items)
        .evidence("GetPatchBaseline", "ApprovalRules.PatchRules[].EnableNonSecurity", "false")
        .remedy(RemedyAction::ChangeBaseline, "Set EnableNonSecurity in a rule of the baseline, or name the packages in ApprovedPatches with ApprovedPatchesEnableNonSecurity.");
    Some(cause)
}

fn levels_unspecified(situation: &Situation<'_>) -> Option<Cause> {
    let choice = situation.baseline?;
    let rules = &choice.baseline.rules;
    let levels = rules.approval_rules.patch_rules.iter().map(|rule| rule.compliance_level);
    let listed = (!rules.approved_patches.is_empty()).then_some(rules.approved_patches_compliance_level);
    let worst = levels.chain(listed).max()?;
    (worst == ComplianceLevel::Unspecified).then(|| {
        Cause::new(
            "M7",
            CauseSeverity::Info,
            "every rule of the baseline has compliance level UNSPECIFIED: nothing ever counts as critical",
        )
        .evidence("GetPatchBaseline", "BaselineId", &choice.baseline.id)
        .evidence("GetPatchBaseline", "ApprovalRules.PatchRules[].ComplianceLevel", "UNSPECIFIED")
        .remedy(
            RemedyAction::ChangeBaseline,
            "Register a baseline of your own whose rules carry compliance levels.",
        )
    })
}

/// Patched on disk, not running: the node's own sign, a kernel that was not booted, services that run replaced files.
fn not_in_effect(situation: &Situation<'_>) -> Option<Cause> {
    let scan = situation.scan?;
    let asked_by = scan.observation.reboot_required_by.as_ref();
    let waiting = &scan.observation.not_in_effect;
    let lines = waiting.lines();
    let is_counted = situation.newest()?.counts.installed_pending_reboot > 0;
    // What waits for a reboot is non-compliant by itself then; services still tell something new.
    if (is_counted && waiting.units.is_empty()) || (asked_by.is_none() && lines.is_empty()) {
        return None;
    }
    let needs_reboot = asked_by.is_some() || waiting.needs_reboot();
    let headline = match (asked_by, needs_reboot) {
        (Some(asked_by), _) if asked_by.is_empty() => {
            "the node wants a reboot (it does not say for what) although no patch is counted as pending"
                .to_owned()
        }
        (Some(asked_by), _) => format!(
            "the node wants a reboot (asked for by {}) although no patch is counted as pending",
            asked_by.join(", ")
        ),
        (None, true) => "what is installed is not what runs: the node was not rebooted since".to_owned(),
        (None, false) => {
            let count = i64::try_from(waiting.units.len()).unwrap_or(i64::MAX);
            format!("{} files that were replaced since", counted(count, "service runs", "services run"))
        }
    };
    let asked = asked_by.into_iter().flatten().map(|package| CauseItem {
        name: package.clone(),
        proof: vec!["listed in /run/reboot-required.pkgs".to_owned()],
        ..CauseItem::default()
    });
    let found = lines.iter().map(|line| {
        let (name, proof) = line.split_once(": ").unwrap_or((line.as_str(), ""));
        CauseItem {
            name: name.to_owned(),
            proof: vec![proof.to_owned()],
            remedy: waiting.restart_command(name).unwrap_or_default(),
            ..CauseItem::default()
        }
    });
    let restarts = waiting.restart_commands();
    let mut cause = Cause::new("M8", CauseSeverity::Warning, headline).items(asked.chain(found).collect());
    cause = match (needs_reboot, restarts.is_empty()) {
        (false, false) => cause.remedy(
            RemedyAction::RunOnNode,
            format!(
                "Restart the services ({}), or install with --restart-services; a reboot does it too.",
                restarts.join("; ")
            ),
        ),
        _ => cause
            .remedy(RemedyAction::Restart, "Reboot the node: what is installed is not what runs.")
            .command(situation.restart_command()),
    };
    if let Some(asked_by) = asked_by {
        cause = cause.evidence("GetNodeReport", "RebootRequiredBy", asked_by.join(", "));
    }
    if !lines.is_empty() {
        cause = cause.evidence("GetNodeReport", "NotInEffect", lines.join("; "));
    }
    Some(cause.evidence("GetNodeReport", "RunningKernel", &scan.observation.running_kernel))
}

fn lists_old(situation: &Situation<'_>) -> Option<Cause> {
    let scan = situation.scan?;
    let captured_at = scan.observation.captured_at;
    let expired: Vec<&Repository> =
        scan.facts.repositories.iter().filter(|repository| is_expired(repository, captured_at)).collect();
    let updated_at = scan.observation.lists_updated_at;
    let age =
        updated_at.map(|at| captured_at.millis_since(at) / 1000).filter(|age| *age > STALE_AFTER_SECONDS);
    let refusal = match &scan.observation.refresh {
        ListRefresh::Failed(reason) => Some(reason),
        _ => None,
    };
    let headline = match (expired.first(), age, refusal) {
        (Some(first), ..) => format!(
            "the package list of {} is no longer valid since {}",
            crate::patch::suite::display_name(first),
            first.valid_until.map(Timestamp::to_iso_seconds).unwrap_or_default()
        ),
        (None, Some(age), _) => {
            format!("the package lists were {} old when the node was scanned", age_in_words(age))
        }
        (None, None, Some(_)) => "the package lists could not be refreshed for the scan".to_owned(),
        (None, None, None) => return None,
    };
    let item = |repository: &&Repository| CauseItem {
        name: repository.uri.clone(),
        repository: crate::patch::suite::display_name(repository).to_owned(),
        proof: vec![format!(
            "its Release file was valid until {}",
            repository.valid_until.map(Timestamp::to_iso_seconds).unwrap_or_default()
        )],
        ..CauseItem::default()
    };
    let mut cause = Cause::new("M9", CauseSeverity::Warning, headline)
        .items(expired.iter().map(item).collect())
        .evidence("GetNodeReport", "ListsUpdatedAt", updated_at.map(Timestamp::to_iso_seconds).unwrap_or_default())
        .remedy(RemedyAction::Scan, "Refresh the lists (scan as root with network), repair the mirror, or upgrade a system whose release is no longer served.")
        .command(situation.scan_command());
    if let Some(reason) = refusal {
        cause = cause.evidence("GetNodeReport", "RefreshReason", reason);
    }
    Some(cause)
}

fn is_expired(repository: &Repository, at: Timestamp) -> bool {
    repository.valid_until.is_some_and(|until| until < at)
}

fn system_changed(situation: &Situation<'_>) -> Option<Cause> {
    let scan = situation.scan?;
    let now = situation.node.platform_version.as_deref()?;
    let then = scan.facts.os.version_id.as_str();
    // Agents report `12` or `12.5` for the same release: only another release counts.
    let is_same = then.is_empty() || now == then || now.starts_with(&format!("{then}."));
    (!is_same).then(|| {
        Cause::new(
            "M13",
            CauseSeverity::Warning,
            format!("the report is about version {then}, the node now runs {now}"),
        )
        .evidence("DescribeInstanceInformation", "PlatformVersion", now)
        .remedy(RemedyAction::Scan, "Scan again.")
        .command(situation.scan_command())
    })
}

fn rejection_hides(situation: &Situation<'_>) -> Option<Cause> {
    let (scan, rules, _) = judged(situation)?;
    let hides = |verdict: &&Verdict| {
        verdict.state == PatchState::InstalledOther
            && matches!(verdict.decision, Decision::RejectedByList { .. })
            && verdict.is_security()
            && verdict.candidate.as_ref().is_some_and(|candidate| candidate.is_upgrade)
    };
    let items: Vec<CauseItem> = scan
        .evaluation
        .verdicts
        .iter()
        .filter(hides)
        .map(|verdict| proof::item(verdict, rules, scan.facts))
        .collect();
    if items.is_empty() {
        return None;
    }
    let fixes =
        counted(i64::try_from(items.len()).unwrap_or(i64::MAX), "security fix is", "security fixes are");
    let cause = Cause::new(
        "M14",
        CauseSeverity::Warning,
        format!("{fixes} rejected by the baseline, yet the packages count as compliant"),
    )
    .items(items)
    .evidence("GetPatchBaseline", "RejectedPatchesAction", rules.rejected_patches_action.as_str())
    .remedy(
        RemedyAction::ChangeBaseline,
        "Set RejectedPatchesAction to BLOCK so that they count, or take them off RejectedPatches.",
    );
    Some(cause)
}
