//! A verdict told in words: who decided, about which version, from where.

use crate::baseline::{BaselineRules, Filter, FilterKey, RejectedPatchesAction, Rule};
use crate::facts::{FactSet, PackageState, Repository};
use crate::os::Family;
use crate::patch::{
    Candidate, DateSource, Dated, Decision, HiddenFix, HiddenFixCause, NotApproved, PatchState, Restriction,
    Upcoming, Verdict, suite,
};

use super::CauseItem;

/// The facts that made the verdict, one sentence each. `rules` are the ones it was made by.
pub fn proof_of(verdict: &Verdict, rules: &BaselineRules, facts: &FactSet) -> Vec<String> {
    let family = rules.operating_system.family();
    let mut proof = vec![decision(verdict, rules, facts)];
    proof.extend(published(verdict));
    proof.extend(verdict.upcoming.as_ref().map(|upcoming| upcoming_in_words(upcoming, rules)));
    proof.extend(verdict.restrictions.iter().map(|restriction| in_words(restriction, verdict, family)));
    if let Some(fix) = &verdict.hidden_fix {
        proof.push(hidden(fix, verdict, facts));
    }
    if verdict.state == PatchState::InstalledPendingReboot {
        let at = verdict.installed_at.map(|at| at.to_iso_seconds()).unwrap_or_default();
        proof.push(format!("it was installed at {at}, after the last boot"));
    }
    proof
}

/// `RHSA-2024:1 (Security, Critical) lists it, last updated 2024-01-31T00:00:00Z; it closes CVE-2024-1`.
fn published(verdict: &Verdict) -> Option<String> {
    let closes = match verdict.cve_ids.as_slice() {
        [] => String::new(),
        ids => format!("; it closes {}", ids.join(", ")),
    };
    let words = [verdict.classification.as_str(), verdict.severity.as_str()];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    match (&verdict.advisory, verdict.dated) {
        (Some(advisory), dated) => {
            let dated = dated.map(|dated| format!(", {}", date_in_words(dated))).unwrap_or_default();
            let kind = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
            Some(format!("the advisory {advisory}{kind} lists it{dated}{closes}"))
        }
        (None, Some(dated)) => Some(format!("it was {}{closes}", date_in_words(dated))),
        (None, None) => (!closes.is_empty()).then(|| closes.trim_start_matches("; ").to_owned()),
    }
}

fn date_in_words(Dated { by, at }: Dated) -> String {
    let verb = match by {
        DateSource::Updated => "last updated",
        DateSource::Issued => "issued",
        DateSource::Built => "built",
        DateSource::Released => "released",
    };
    format!("{verb} {}", at.to_iso_seconds())
}

fn upcoming_in_words(upcoming: &Upcoming, rules: &BaselineRules) -> String {
    let Upcoming { version, rule, at, advisory, .. } = upcoming;
    let of = advisory.as_ref().map(|id| format!(" of {id}")).unwrap_or_default();
    let what = if version.is_empty() { "it".to_owned() } else { format!("{version}{of}") };
    format!("{} will approve {what} on {}", rule_in_words(*rule, rules), at.to_iso_seconds())
}

/// The verdict as an item of a cause.
pub(super) fn item(verdict: &Verdict, rules: &BaselineRules, facts: &FactSet) -> CauseItem {
    let hidden = verdict.hidden_fix.as_ref();
    let candidate = verdict.candidate.as_ref().filter(|candidate| candidate.is_upgrade);
    let offered = candidate.and_then(|candidate| candidate.repository);
    let repository = hidden.map(|fix| fix.repository).or(offered);
    let fix_version = hidden.map(|fix| &fix.version).or(candidate.map(|candidate| &candidate.version));
    CauseItem {
        name: verdict.name.clone(),
        arch: verdict.arch.clone(),
        state: verdict.state.to_string(),
        installed_version: verdict.installed_version.clone(),
        fix_version: fix_version.cloned().unwrap_or_default(),
        repository: repository.map(|index| suite_name(facts, index).to_owned()).unwrap_or_default(),
        proof: proof_of(verdict, rules, facts),
        remedy: remedy(verdict, rules.operating_system.family()),
    }
}

pub(super) fn suite_name(facts: &FactSet, index: u32) -> &str {
    let repository = usize::try_from(index).ok().and_then(|index| facts.repositories.get(index));
    repository.map_or("an unknown repository", name_of)
}

fn name_of(repository: &Repository) -> &str {
    match suite::display_name(repository) {
        "" => &repository.uri,
        name => name,
    }
}

/// `the candidate 1.0-1+deb12u1 comes from bookworm-security`.
fn candidate_in_words(candidate: &Candidate, facts: &FactSet) -> String {
    let version = &candidate.version;
    let noun = match candidate.is_upgrade {
        true => "candidate",
        false => "installed version",
    };
    match candidate.repository {
        Some(index) => format!("the {noun} {version} comes from {}", suite_name(facts, index)),
        None => format!("no repository offers the {noun} {version}"),
    }
}

fn decision(verdict: &Verdict, rules: &BaselineRules, facts: &FactSet) -> String {
    let candidate = match &verdict.candidate {
        Some(candidate) => candidate_in_words(candidate, facts),
        None => "there is no candidate version".to_owned(),
    };
    match &verdict.decision {
        Decision::ApprovedByRule { rule } => {
            format!("{} approves it because {candidate}", rule_in_words(*rule, rules))
        }
        Decision::ApprovedByList { entry } => {
            format!("ApprovedPatches names it (`{entry}`), and {candidate}")
        }
        Decision::RejectedByList { entry, also_approved_by } => {
            let action = rules.rejected_patches_action;
            let also = match also_approved_by {
                Some(approved) => {
                    format!("; ApprovedPatches names it too (`{approved}`), but rejection wins")
                }
                None => String::new(),
            };
            format!(
                "RejectedPatches names it (`{entry}`) and RejectedPatchesAction is {}{also}",
                action.as_str()
            )
        }
        Decision::NotApproved { because } => not_approved(because, &candidate, rules),
    }
}

fn not_approved(because: &NotApproved, candidate: &str, rules: &BaselineRules) -> String {
    match because {
        NotApproved::NoCandidate if rules.operating_system.family() == Family::Debian => {
            "apt has no candidate for it: pins forbid every version".to_owned()
        }
        NotApproved::NoCandidate => "the package manager has no candidate for it".to_owned(),
        NotApproved::NotOffered if is_rpm(rules) => {
            "no advisory lists it and no repository offers another version".to_owned()
        }
        NotApproved::NotOffered => candidate.to_owned(),
        NotApproved::Downgrade => format!("{candidate}, which is older than the installed version"),
        NotApproved::OutsideSecurity { rule: Some(rule) } => format!(
            "{} would approve it, but admits {} only, and {candidate}",
            rule_in_words(*rule, rules),
            if is_rpm(rules) { "what an advisory lists" } else { "security suites" },
        ),
        NotApproved::OutsideSecurity { rule: None } => {
            format!("ApprovedPatches names it, but ApprovedPatchesEnableNonSecurity is off, and {candidate}")
        }
        NotApproved::GlobalFilter { key, property } => {
            format!("GlobalFilters leave it out: its {key} is {}", quoted(property))
        }
        NotApproved::NoRuleMatches { rule, key, property } => {
            let number = rule + 1;
            format!("no rule matches: for rule {number} its {key} is {}", quoted(property))
        }
        NotApproved::NoRules => "the baseline has no approval rules".to_owned(),
        NotApproved::ApprovedLater { rule, at } => {
            format!(
                "{} approves it on {}, not before: {candidate}",
                rule_in_words(*rule, rules),
                at.to_iso_seconds()
            )
        }
        NotApproved::ReleasedTooLate { rule, released_at } => format!(
            "{} approves what was released up to its ApproveUntilDate; this was released {}",
            rule_in_words(*rule, rules),
            released_at.to_iso_seconds()
        ),
        NotApproved::NoReadableDate { rule } => format!(
            "{} would approve it, but its advisory has no date that can be read",
            rule_in_words(*rule, rules)
        ),
        NotApproved::Rejected { entry } => {
            format!("RejectedPatches names the version that could be installed (`{entry}`)")
        }
    }
}

fn is_rpm(rules: &BaselineRules) -> bool {
    matches!(rules.operating_system.family(), Family::Rpm | Family::Suse)
}

fn quoted(property: &str) -> String {
    match property.is_empty() {
        true => "empty".to_owned(),
        false => format!("`{property}`"),
    }
}

/// `rule 1 (PRIORITY in Required, Important)`.
pub(super) fn rule_in_words(index: usize, rules: &BaselineRules) -> String {
    let number = index + 1;
    match rules.approval_rules.patch_rules.get(index) {
        Some(rule) => format!("rule {number} ({})", filters_in_words(rule)),
        None => format!("rule {number}"),
    }
}

fn filters_in_words(rule: &Rule) -> String {
    let is_open = |filter: &&Filter| !filter.values.iter().any(|value| value == "*");
    let filters: Vec<String> =
        rule.filters.patch_filters.iter().filter(is_open).map(filter_in_words).collect();
    let mut words = match filters.is_empty() {
        true => "any patch".to_owned(),
        false => filters.join("; "),
    };
    if rule.enable_non_security {
        words.push_str("; non-security updates too");
    }
    words
}

fn filter_in_words(filter: &Filter) -> String {
    let Filter { key, values } = filter;
    match (key, values.as_slice()) {
        (FilterKey::Product, [one]) => format!("PRODUCT {one}"),
        _ => format!("{key} in {}", values.join(", ")),
    }
}

fn in_words(restriction: &Restriction, verdict: &Verdict, family: Family) -> String {
    match restriction {
        Restriction::Held => match family {
            Family::Rpm => "a version lock keeps it: no upgrade takes the candidate".to_owned(),
            Family::Suse => "a zypper lock keeps it: no upgrade takes the candidate".to_owned(),
            Family::Alpine => {
                "a version in /etc/apk/world keeps it: no upgrade takes the candidate".to_owned()
            }
            Family::Arch => {
                "IgnorePkg or IgnoreGroup in pacman.conf names it: no upgrade takes the candidate".to_owned()
            }
            _ => "it is on hold (apt-mark hold): no upgrade takes the candidate".to_owned(),
        },
        Restriction::LivePatched { package } => {
            format!("the live patch {package} gives the running kernel the same fixes")
        }
        Restriction::Hidden => "an administrator hid the update: it is never offered".to_owned(),
        Restriction::PhasedOut { percent: Some(percent) } => {
            format!(
                "the publisher rolls the candidate out in phases, now {percent}%, and this node is not among them yet"
            )
        }
        Restriction::PhasedOut { percent: None } => {
            "the publisher rolls the candidate out in phases, and this node is not among them yet".to_owned()
        }
        Restriction::Unfinished { .. } if matches!(family, Family::Rpm | Family::Suse) => {
            "an interrupted transaction left an older version of it installed beside this one".to_owned()
        }
        Restriction::Unfinished { state } => format!(
            "dpkg did not finish with {} {}: it is {}",
            verdict.name,
            verdict.installed_version,
            state_in_words(*state)
        ),
    }
}

fn state_in_words(state: PackageState) -> &'static str {
    match state {
        PackageState::Installed => "installed",
        PackageState::HalfInstalled => "half-installed",
        PackageState::Unpacked => "unpacked",
        PackageState::HalfConfigured => "half-configured",
        PackageState::TriggersAwaited => "awaiting triggers",
        PackageState::TriggersPending => "waiting for its triggers",
    }
}

fn hidden(fix: &HiddenFix, verdict: &Verdict, facts: &FactSet) -> String {
    let from = suite_name(facts, fix.repository);
    let version = &fix.version;
    match (fix.cause, &verdict.candidate) {
        (HiddenFixCause::NewerOutsideSecurity, Some(candidate)) => format!(
            "the security fix {version} in {from} is hidden: {} is newer, and it alone is looked at",
            candidate.version
        ),
        (HiddenFixCause::Pinned, Some(candidate)) => {
            format!("the security fix {version} in {from} is not taken: a pin prefers {}", candidate.version)
        }
        (HiddenFixCause::NotOffered, _) => {
            format!("{version} is approved and announced in {from}, but no enabled repository offers it")
        }
        (_, None) => format!("the security fix {version} in {from} is not taken: pins forbid every version"),
    }
}

fn remedy(verdict: &Verdict, family: Family) -> String {
    let is_held = verdict.restrictions.contains(&Restriction::Held);
    let is_half_done = verdict.restrictions.iter().any(Restriction::is_half_done);
    match family {
        Family::Debian => {}
        Family::Rpm if is_held => return format!("dnf versionlock delete {}", verdict.name),
        Family::Suse if is_held => return format!("zypper removelock {}", verdict.name),
        Family::Rpm if is_half_done => return format!("dnf remove --duplicates {}", verdict.name),
        Family::Suse if is_half_done => return format!("zypper install --force {}", verdict.name),
        Family::Alpine if is_held => return format!("apk add {}", verdict.name),
        Family::Arch if is_held => return "pacman-conf IgnorePkg IgnoreGroup".to_owned(),
        _ => return String::new(),
    }
    let package = match verdict.arch.as_str() {
        "all" => verdict.name.clone(),
        arch => format!("{}:{arch}", verdict.name),
    };
    let restriction = verdict.restrictions.iter().find_map(|restriction| match restriction {
        Restriction::Held => Some(format!("apt-mark unhold {package}")),
        Restriction::Unfinished { .. } => Some("dpkg --configure -a && apt-get install -f".to_owned()),
        Restriction::PhasedOut { .. } | Restriction::LivePatched { .. } | Restriction::Hidden => None,
    });
    let pinned = verdict.hidden_fix.as_ref().filter(|fix| fix.cause == HiddenFixCause::Pinned);
    let show_pin = || pinned.map(|_| format!("apt-cache policy {package}"));
    restriction.or_else(show_pin).unwrap_or_default()
}

/// What rejecting means in this baseline.
pub(super) fn is_blocking(rules: &BaselineRules) -> bool {
    rules.rejected_patches_action == RejectedPatchesAction::Block
}
