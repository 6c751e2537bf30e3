//! The decision tables of the Debian family row by row, and what must hold for all input.
//! Source: spec patch-manager 1.5 to 1.7, 2.3, 3.1 to 3.3.

use std::collections::BTreeSet;

use api::Timestamp;
use proptest::prelude::*;

use super::super::*;
use crate::baseline::{
    ApprovalDate, BaselineRules, Filter, FilterGroup, FilterKey, RejectedPatchesAction, Rule,
};
use crate::compliance::{ComplianceLevel, ComplianceStatus};
use crate::facts::*;
use crate::os::OperatingSystem;

const MAIN: u32 = 0;
const SECURITY: u32 = 1;
const UPDATES: u32 = 2;

/// Versions with the repositories that serve them.
type Offers<'a> = &'a [(&'a str, &'a [u32])];
type Filters<'a> = &'a [(FilterKey, &'a [&'a str])];

fn repository(suite: &str, codename: &str, label: &str) -> Repository {
    Repository {
        uri: "http://deb.example.org/debian".to_owned(),
        suite: suite.to_owned(),
        codename: codename.to_owned(),
        origin: "Debian".to_owned(),
        label: label.to_owned(),
        component: "main".to_owned(),
        arch: "amd64".to_owned(),
        ..Repository::default()
    }
}

fn facts(packages: Vec<PackageFact>) -> FactSet {
    FactSet {
        os: OsRelease { id: "debian".to_owned(), version_id: "12".to_owned(), ..OsRelease::default() },
        repositories: vec![
            repository("stable", "bookworm", "Debian"),
            repository("stable-security", "bookworm-security", "Debian-Security"),
            repository("stable-updates", "bookworm-updates", "Debian"),
        ],
        packages,
        ..FactSet::default()
    }
}

fn offer(version: &str, repositories: &[u32]) -> AvailableVersion {
    AvailableVersion {
        version: version.to_owned(),
        pin: 500,
        repositories: repositories.to_vec(),
        ..AvailableVersion::default()
    }
}

/// Installed 1.0, priority optional, section libs; the first offer is the candidate.
fn package(name: &str, offers: Offers) -> PackageFact {
    PackageFact {
        name: name.to_owned(),
        arch: "amd64".to_owned(),
        version: "1.0".to_owned(),
        state: PackageState::Installed,
        section: "libs".to_owned(),
        priority: "optional".to_owned(),
        source: None,
        source_version: None,
        installed_at: Some(Timestamp::from_seconds(1000)),
        held: false,
        automatic: false,
        candidate: offers.first().map(|(version, _)| (*version).to_owned()),
        available: offers.iter().map(|(version, repositories)| offer(version, repositories)).collect(),
        ..PackageFact::default()
    }
}

fn rule(filters: Filters, level: ComplianceLevel) -> Rule {
    let patch_filters = filters.iter().map(|(key, values)| Filter::new(*key, values)).collect();
    Rule {
        filters: FilterGroup { patch_filters },
        compliance_level: level,
        approval: Some(ApprovalDate::AfterDays(0)),
        enable_non_security: false,
    }
}

fn rules(patch_rules: Vec<Rule>) -> BaselineRules {
    let mut rules = BaselineRules::empty(OperatingSystem::Debian);
    rules.approval_rules.patch_rules = patch_rules;
    rules
}

fn optional_rules() -> BaselineRules {
    rules(vec![rule(&[(FilterKey::Priority, &["Optional"])], ComplianceLevel::High)])
}

fn booted_at(seconds: i64) -> Observation {
    Observation { booted_at: Some(Timestamp::from_seconds(seconds)), ..Observation::default() }
}

fn judge(rules: &BaselineRules, package: PackageFact) -> Verdict {
    let mut evaluation =
        evaluate(rules, &facts(vec![package]), &booted_at(2000), &Conditions::at(Timestamp::EPOCH)).unwrap();
    evaluation.verdicts.remove(0)
}

#[test]
fn the_candidate_decides() {
    use NotApproved::*;
    let approved = Decision::ApprovedByRule { rule: 0 };
    let refused = |because| Decision::NotApproved { because };
    let outside = || refused(OutsideSecurity { rule: Some(0) });
    let rows: Vec<(Offers, PatchState, Decision)> = vec![
        // A newer candidate from the security suite.
        (&[("1.1", &[SECURITY]), ("1.0", &[MAIN])], PatchState::Missing, approved.clone()),
        // Served by several suites, one of them security.
        (&[("1.1", &[MAIN, SECURITY])], PatchState::Missing, approved.clone()),
        // Up to date, and the installed version is the security suite's.
        (&[("1.0", &[SECURITY])], PatchState::Installed, approved),
        // Up to date from the ordinary suite: not within the baseline's reach.
        (&[("1.0", &[MAIN])], PatchState::InstalledOther, outside()),
        // Newer, but not security.
        (&[("1.1", &[UPDATES]), ("1.0", &[MAIN])], PatchState::InstalledOther, outside()),
        // The security fix is hidden behind a newer candidate.
        (&[("1.2", &[UPDATES]), ("1.1", &[SECURITY])], PatchState::InstalledOther, outside()),
        // No repository knows it.
        (&[], PatchState::InstalledOther, refused(NoCandidate)),
        (&[("1.0", &[])], PatchState::InstalledOther, refused(NotOffered)),
        // Older than what is installed.
        (&[("0.9", &[SECURITY])], PatchState::InstalledOther, refused(Downgrade)),
    ];
    for (offers, state, decision) in rows {
        let verdict = judge(&optional_rules(), package("a", offers));
        assert_eq!((verdict.state, &verdict.decision), (state, &decision), "{offers:?}");
    }
}

#[test]
fn verdicts_carry_their_proof() {
    let verdict = judge(&optional_rules(), package("a", &[("1.1", &[MAIN, SECURITY])]));
    assert_eq!(verdict.compliance_level, ComplianceLevel::High);
    assert_eq!((verdict.classification.as_str(), verdict.severity.as_str()), ("Security", "Optional"));
    assert_eq!((verdict.fix_version(), verdict.version()), (Some("1.1"), "1.1"));
    assert_eq!(verdict.candidate.as_ref().unwrap().repository, Some(SECURITY));
    assert_eq!(verdict.status, Some(ComplianceStatus::NonCompliant));
    let other = judge(&optional_rules(), package("a", &[("1.1", &[UPDATES])]));
    assert_eq!((other.compliance_level, other.classification.as_str()), (ComplianceLevel::Unspecified, ""));
    assert_eq!((other.fix_version(), other.version()), (None, "1.0"));
}

#[test]
fn non_security_opens_all_suites() {
    let mut open = optional_rules();
    open.approval_rules.patch_rules[0].enable_non_security = true;
    let rows: [(Offers, PatchState); 4] = [
        (&[("1.1", &[UPDATES])], PatchState::Missing),
        (&[("1.0", &[MAIN])], PatchState::Installed),
        (&[("1.0", &[])], PatchState::InstalledOther), // offered by nobody
        (&[("1.2", &[UPDATES]), ("1.1", &[SECURITY])], PatchState::Missing),
    ];
    for (offers, state) in rows {
        let verdict = judge(&open, package("a", offers));
        assert_eq!(verdict.state, state, "{offers:?}");
        assert_eq!(verdict.hidden_fix, None);
    }
}

#[test]
fn a_fix_that_the_rule_cannot_see_is_recorded() {
    let hidden = |offers: Offers, candidate: Option<&str>| {
        let mut package = package("a", offers);
        package.candidate = candidate.map(str::to_owned);
        judge(&optional_rules(), package).hidden_fix.map(|fix| (fix.version, fix.cause))
    };
    let both: Offers = &[("1.2", &[UPDATES]), ("1.1", &[SECURITY]), ("1.0", &[MAIN])];
    let behind = Some(("1.1".to_owned(), HiddenFixCause::NewerOutsideSecurity));
    let pinned = Some(("1.1".to_owned(), HiddenFixCause::Pinned));
    assert_eq!(hidden(both, Some("1.2")), behind);
    assert_eq!(hidden(both, Some("1.0")), pinned);
    assert_eq!(hidden(both, None), pinned);
    assert_eq!(hidden(&[("1.1", &[SECURITY])], Some("1.1")), None); // missing, not hidden
    assert_eq!(hidden(&[("1.2", &[UPDATES]), ("0.9", &[SECURITY])], Some("1.2")), None);
}

#[test]
fn filters_select() {
    use FilterKey::*;
    let security: Offers = &[("1.1", &[SECURITY])];
    let rows: [(Filters, bool); 8] = [
        (&[], true),
        (&[(Priority, &["optional"])], true),
        (&[(Priority, &["Required", "Optional"])], true),
        (&[(Priority, &["Required"])], false),
        (&[(Section, &["LIBS"]), (Priority, &["*"])], true),
        (&[(Section, &["web"]), (Priority, &["*"])], false),
        (&[(Product, &["Debian12"])], true),
        (&[(Product, &["Debian11"])], false),
    ];
    for (filters, selects) in rows {
        let as_rule = rules(vec![rule(filters, ComplianceLevel::Low)]);
        assert_eq!(
            judge(&as_rule, package("a", security)).state == PatchState::Missing,
            selects,
            "{filters:?}"
        );
        let mut as_global = optional_rules();
        as_global.global_filters = rule(filters, ComplianceLevel::Low).filters;
        assert_eq!(
            judge(&as_global, package("a", security)).state == PatchState::Missing,
            selects,
            "{filters:?}"
        );
        // Explicit approval reaches past both.
        as_global.approved_patches = vec!["a".to_owned()];
        assert_eq!(judge(&as_global, package("a", security)).state, PatchState::Missing);
    }
    assert_eq!(
        judge(&rules(vec![rule(&[(Product, &["Debian11"])], ComplianceLevel::Low)]), package("a", security))
            .decision,
        Decision::NotApproved {
            because: NotApproved::NoRuleMatches { rule: 0, key: Product, property: "Debian12".to_owned() }
        }
    );
}

#[test]
fn the_offers_own_section_and_priority_count() {
    let mut moved = package("a", &[("1.1", &[SECURITY])]);
    moved.available[0].priority = "required".to_owned();
    assert_eq!(judge(&optional_rules(), moved).state, PatchState::InstalledOther);
}

#[test]
fn the_highest_level_wins() {
    let levels = [ComplianceLevel::Low, ComplianceLevel::Critical, ComplianceLevel::Critical];
    let mut several = rules(levels.iter().map(|level| rule(&[], *level)).collect());
    let offers: Offers = &[("1.1", &[SECURITY])];
    let verdict = judge(&several, package("a", offers));
    assert_eq!(verdict.compliance_level, ComplianceLevel::Critical);
    assert_eq!(verdict.decision, Decision::ApprovedByRule { rule: 1 });

    several.approved_patches = vec!["a".to_owned()];
    several.approved_patches_compliance_level = ComplianceLevel::Medium;
    assert_eq!(judge(&several, package("a", offers)).decision, Decision::ApprovedByRule { rule: 1 });
    several.approval_rules.patch_rules.truncate(1);
    let verdict = judge(&several, package("a", offers));
    assert_eq!(verdict.compliance_level, ComplianceLevel::Medium);
    assert_eq!(verdict.decision, Decision::ApprovedByList { entry: "a".to_owned() });
}

#[test]
fn explicit_approval_needs_its_own_leave_for_non_security() {
    let mut listed = BaselineRules::empty(OperatingSystem::Debian);
    listed.approved_patches = vec!["a".to_owned(), "absent".to_owned()];
    let outside: Offers = &[("1.1", &[UPDATES])];
    assert_eq!(
        judge(&listed, package("a", outside)).decision,
        Decision::NotApproved { because: NotApproved::OutsideSecurity { rule: None } }
    );
    listed.approved_patches_enable_non_security = true;
    assert_eq!(judge(&listed, package("a", outside)).state, PatchState::Missing);
    assert_eq!(
        judge(&listed, package("b", outside)).decision,
        Decision::NotApproved { because: NotApproved::NoRules }
    );
}

#[test]
fn rejection_beats_approval() {
    let rows = [
        (RejectedPatchesAction::Block, PatchState::InstalledRejected, ComplianceLevel::High),
        (RejectedPatchesAction::AllowAsDependency, PatchState::InstalledOther, ComplianceLevel::Unspecified),
    ];
    for (action, state, level) in rows {
        let mut rejecting = optional_rules();
        rejecting.rejected_patches = vec!["a*".to_owned()];
        rejecting.rejected_patches_action = action;
        rejecting.approved_patches = vec!["a".to_owned()];
        for offers in [&[("1.1", [SECURITY].as_slice())], &[("1.0", [SECURITY].as_slice())]] {
            let verdict = judge(&rejecting, package("a", offers));
            assert_eq!((verdict.state, verdict.compliance_level), (state, level));
            let Decision::RejectedByList { entry, also_approved_by } = verdict.decision else { panic!() };
            assert_eq!((entry.as_str(), also_approved_by.as_deref()), ("a*", Some("a")));
        }
        let unknown = judge(&rejecting, package("a", &[]));
        assert_eq!((unknown.state, unknown.compliance_level), (state, ComplianceLevel::Unspecified));
    }
}

#[test]
fn pending_until_the_next_boot() {
    let current: Offers = &[("1.0", &[SECURITY])];
    let by_us = BTreeSet::from([InstalledPackage {
        name: "a".to_owned(),
        arch: "amd64".to_owned(),
        version: "1.0".to_owned(),
    }]);
    let none = BTreeSet::new();
    let foreign: Offers = &[("1.0", &[MAIN])];
    use PatchState::*;
    use PendingScope::*;
    // offers, boot (installed at 1000), scope, installed by us, state
    let rows = [
        (current, Some(500), Any, &none, InstalledPendingReboot),
        (current, Some(500), PatchManager, &none, Installed),
        (current, Some(500), PatchManager, &by_us, InstalledPendingReboot),
        (current, Some(1000), Any, &by_us, Installed),
        (current, Some(1500), Any, &by_us, Installed),
        (current, None, Any, &by_us, Installed), // unknown boot time is no proof
        (foreign, Some(500), Any, &none, InstalledOther),
        (foreign, Some(500), Any, &by_us, InstalledPendingReboot), // through an override list
        (&[("1.1", &[SECURITY])], Some(500), Any, &by_us, Missing), // outdated again
    ];
    for (offers, boot, pending_scope, installed_by_us, state) in rows {
        let observation =
            Observation { booted_at: boot.map(Timestamp::from_seconds), ..Observation::default() };
        let conditions = Conditions { now: Timestamp::EPOCH, installed_by_us, pending_scope };
        let facts = facts(vec![package("a", offers)]);
        let evaluation = evaluate(&optional_rules(), &facts, &observation, &conditions).unwrap();
        assert_eq!(evaluation.verdicts[0].state, state, "{offers:?} {boot:?} {pending_scope:?}");
    }
}

#[test]
fn restrictions_stand_beside_the_state() {
    let mut stuck = package("a", &[("1.1", &[SECURITY])]);
    stuck.held = true;
    stuck.state = PackageState::HalfConfigured;
    stuck.available[0].phased_percent = Some(20);
    stuck.available[0].phased_out = true;
    let verdict = judge(&optional_rules(), stuck);
    assert_eq!(verdict.state, PatchState::Missing);
    assert_eq!(
        verdict.restrictions,
        [
            Restriction::Held,
            Restriction::PhasedOut { percent: Some(20) },
            Restriction::Unfinished { state: PackageState::HalfConfigured },
        ]
    );
}

#[test]
fn counts_overlap_as_specified() {
    let mut open = rules(vec![
        rule(&[(FilterKey::Section, &["libs"])], ComplianceLevel::Critical),
        rule(&[(FilterKey::Section, &["web"])], ComplianceLevel::Low),
    ]);
    for rule in &mut open.approval_rules.patch_rules {
        rule.enable_non_security = true;
    }
    open.approved_patches = vec!["nowhere".to_owned()];
    let in_section = |name: &str, section: &str, repository: u32| {
        let mut package = package(name, &[("1.1", &[repository])]);
        package.section = section.to_owned();
        package
    };
    let packages = vec![
        in_section("both", "libs", SECURITY),
        in_section("critical", "libs", UPDATES),
        in_section("security", "web", SECURITY),
        in_section("neither", "web", UPDATES),
        in_section("unmatched", "games", UPDATES),
    ];
    let conditions = Conditions::at(Timestamp::EPOCH);
    let evaluation = evaluate(&open, &facts(packages), &Observation::default(), &conditions).unwrap();
    let expected = PatchCounts {
        missing: 4,
        installed_other: 1,
        critical_non_compliant: 2,
        security_non_compliant: 2,
        other_non_compliant: 1,
        not_applicable: 1,
        ..PatchCounts::default()
    };
    assert_eq!(evaluation.counts, expected);
    assert_eq!(evaluation.status(), ComplianceStatus::NonCompliant);
    assert_eq!(evaluation.non_compliant_severity(), ComplianceLevel::Critical);
    assert_eq!(evaluation.not_applicable, ["nowhere"]);
    insta::assert_json_snapshot!(evaluation);
}

#[test]
fn refuses_what_does_not_fit() {
    let conditions = Conditions::at(Timestamp::EPOCH);
    let check = |facts: &FactSet| evaluate(&optional_rules(), facts, &Observation::default(), &conditions);
    let mut other = facts(vec![]);
    other.os.id = "ubuntu".to_owned();
    assert!(matches!(check(&other), Err(EvaluateError::OtherSystem { .. })));
    other.os.id = "plan9".to_owned();
    assert!(matches!(check(&other), Err(EvaluateError::UnknownSystem { .. })));
}

fn any_package() -> impl Strategy<Value = PackageFact> {
    let offers = proptest::collection::vec(("1\\.[0-3]", proptest::collection::vec(0u32..4, 0..3)), 0..4);
    let sections = prop_oneof![Just("libs"), Just("web")];
    ("[a-e]", offers, sections, 0i64..4, any::<bool>(), 0usize..5).prop_map(
        |(name, offers, section, installed_at, held, candidate)| {
            let mut fact = package(&name, &[]);
            fact.available = offers.iter().map(|(v, r)| offer(v, r)).collect();
            fact.candidate = fact.available.get(candidate).map(|offer| offer.version.clone());
            fact.section = section.to_owned();
            fact.installed_at = Some(Timestamp::from_seconds(installed_at));
            fact.held = held;
            fact
        },
    )
}

fn any_packages() -> impl Strategy<Value = Vec<PackageFact>> {
    proptest::collection::vec(any_package(), 0..6).prop_map(|mut packages| {
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        packages.dedup_by(|a, b| a.name == b.name);
        packages
    })
}

fn any_rules() -> impl Strategy<Value = BaselineRules> {
    let names = || proptest::collection::vec("[a-f]\\*?", 0..3);
    (any::<[bool; 4]>(), names(), names()).prop_map(|(switches, approved, rejected)| {
        let mut rules = rules(vec![rule(&[(FilterKey::Section, &["libs"])], ComplianceLevel::Critical)]);
        rules.approval_rules.patch_rules[0].enable_non_security = switches[0];
        rules.approved_patches_enable_non_security = switches[1];
        if switches[2] {
            rules.rejected_patches_action = RejectedPatchesAction::Block;
        }
        if switches[3] {
            rules.approval_rules.patch_rules.clear();
        }
        rules.approved_patches = approved;
        rules.rejected_patches = rejected;
        rules
    })
}

fn run(rules: &BaselineRules, packages: Vec<PackageFact>) -> Evaluation {
    evaluate(rules, &facts(packages), &booted_at(2), &Conditions::at(Timestamp::EPOCH)).unwrap()
}

fn is_approved(verdict: &Verdict) -> bool {
    matches!(verdict.decision, Decision::ApprovedByRule { .. } | Decision::ApprovedByList { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_order_of_packages_does_not_matter(rules in any_rules(), packages in any_packages()) {
        let mut reversed = packages.clone();
        reversed.reverse();
        prop_assert_eq!(run(&rules, packages), run(&rules, reversed));
    }

    #[test]
    fn rejecting_more_approves_nothing(rules in any_rules(), packages in any_packages(), name in "[a-e]") {
        let mut stricter = rules.clone();
        stricter.rejected_patches.push(name);
        let (before, after) = (run(&rules, packages.clone()), run(&stricter, packages));
        for (before, after) in before.verdicts.iter().zip(&after.verdicts) {
            prop_assert!(is_approved(before) || !is_approved(after));
        }
    }

    #[test]
    fn counts_add_up(rules in any_rules(), packages in any_packages()) {
        let expected = packages.len() as i64;
        let Evaluation { counts, verdicts, .. } = run(&rules, packages);
        let states = counts.installed + counts.installed_other + counts.installed_pending_reboot
            + counts.installed_rejected + counts.missing;
        prop_assert_eq!(states, expected);
        prop_assert_eq!(verdicts.len() as i64, expected);
        let non_compliant = counts.non_compliant();
        prop_assert!(counts.critical_non_compliant + counts.other_non_compliant <= non_compliant);
        prop_assert!(counts.critical_non_compliant + counts.security_non_compliant + counts.other_non_compliant >= non_compliant);
        prop_assert!(counts.security_non_compliant + counts.other_non_compliant <= non_compliant);
    }
}
