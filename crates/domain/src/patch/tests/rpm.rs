//! Decisions on yum, dnf and zypper systems, row by row.
//! Source: spec patch-manager 1.2 to 1.8, 2.1, 2.2, 2.4 and 3.1.

mod systems;

use std::collections::BTreeSet;

use super::*;
use crate::baseline::RejectedPatchesAction;
use crate::facts::*;

const NOW: &str = "2026-03-01T00:00:00Z";
/// Before any delay of these tests ends.
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

fn advisory(id: &str, kind: &str, severity: &str, updated: &str) -> Advisory {
    Advisory {
        id: id.to_owned(),
        kind: kind.to_owned(),
        severity: severity.to_owned(),
        updated_at: Some(at(updated)),
        cve_ids: vec![format!("CVE-2026-{}", id.len())],
        ..Advisory::default()
    }
}

/// `a.x86_64` 1.0-1, installed before the boot; listed by advisories and offered by repositories as told.
fn package(notices: &[(u32, &str)], offers: &[&str]) -> PackageFact {
    PackageFact {
        name: "a".to_owned(),
        arch: "x86_64".to_owned(),
        version: "1.0-1".to_owned(),
        installed_at: Some(Timestamp::from_seconds(1000)),
        notices: notices
            .iter()
            .map(|(advisory, version)| Notice { advisory: *advisory, version: (*version).to_owned() })
            .collect(),
        available: offers
            .iter()
            .map(|version| AvailableVersion {
                version: (*version).to_owned(),
                repositories: vec![0],
                ..AvailableVersion::default()
            })
            .collect(),
        ..PackageFact::default()
    }
}

fn facts(advisories: Vec<Advisory>, package: PackageFact) -> FactSet {
    FactSet {
        os: OsRelease { id: "rhel".to_owned(), version_id: "9.4".to_owned(), ..OsRelease::default() },
        repositories: vec![Repository::default()],
        packages: vec![package],
        advisories,
        ..FactSet::default()
    }
}

fn judge_all(rules: &BaselineRules, facts: &FactSet) -> Evaluation {
    let observation =
        Observation { booted_at: Some(Timestamp::from_seconds(2000)), ..Observation::default() };
    evaluate(rules, facts, &observation, &Conditions::at(at(NOW))).unwrap()
}

fn judge(rules: &BaselineRules, advisories: Vec<Advisory>, package: PackageFact) -> Verdict {
    judge_all(rules, &facts(advisories, package)).verdicts.remove(0)
}

fn rhel(rules: Vec<Rule>) -> BaselineRules {
    baseline(OperatingSystem::RedhatEnterpriseLinux, rules)
}

fn security() -> Rule {
    rule(&[(FilterKey::Classification, &["Security"])])
}

#[test]
fn advisories_decide() {
    use PatchState::*;
    let all =
        || vec![advisory("SEC", "security", "Critical", LONG_AGO), advisory("BUG", "bugfix", "", LONG_AGO)];
    // notices, offers, state, version of the item, advisory
    type Listed<'a> = &'a [(u32, &'a str)];
    type Row<'a> = (Listed<'a>, &'a [&'a str], PatchState, &'a str, Option<&'a str>);
    let rows: [Row; 10] = [
        // A newer version that an approved advisory lists.
        (&[(0, "1.0-2")], &["1.0-2", "1.0-1"], Missing, "1.0-2", Some("SEC")),
        // Its fix is there already.
        (&[(0, "1.0-1")], &["1.0-1"], Installed, "1.0-1", Some("SEC")),
        (&[(0, "0.9-1")], &["1.0-1"], Installed, "1.0-1", Some("SEC")),
        // Another kind of advisory.
        (&[(1, "1.0-2")], &["1.0-2"], InstalledOther, "1.0-1", Some("BUG")),
        // Highest approved, not the newest.
        (&[(0, "1.0-2"), (1, "1.0-3")], &["1.0-3", "1.0-2"], Missing, "1.0-2", Some("SEC")),
        (&[(0, "1.0-2"), (0, "1.0-3")], &["1.0-3", "1.0-2"], Missing, "1.0-3", Some("SEC")),
        // An update of a package whose last fix is there.
        (&[(0, "1.0-1"), (1, "1.0-2")], &["1.0-2", "1.0-1"], Installed, "1.0-1", Some("SEC")),
        // Announced, but no repository has it.
        (&[(0, "1.0-2")], &["1.0-1"], InstalledOther, "1.0-1", None),
        // Nobody announced it.
        (&[], &["1.0-2", "1.0-1"], InstalledOther, "1.0-1", None),
        (&[], &[], InstalledOther, "1.0-1", None),
    ];
    for (notices, offers, state, version, named) in rows {
        let verdict = judge(&rhel(vec![security()]), all(), package(notices, offers));
        assert_eq!((verdict.state, verdict.version()), (state, version), "{notices:?} {offers:?}");
        assert_eq!(verdict.advisory.as_deref(), named, "{notices:?} {offers:?}");
    }
}

#[test]
fn the_gravest_of_what_a_version_brings_counts() {
    let advisories = vec![
        advisory("LOW", "security", "low", LONG_AGO),
        advisory("BUG-2", "bugfix", "", LONG_AGO),
        advisory("CRIT-3", "security", "critical", LONG_AGO),
        advisory("NEW-45", "enhancement", "", LONG_AGO),
    ];
    let mut rules = rhel(vec![
        rule(&[(FilterKey::Classification, &["Security"])]),
        Rule { compliance_level: ComplianceLevel::Critical, ..rule(&[(FilterKey::Severity, &["Critical"])]) },
        Rule { compliance_level: ComplianceLevel::Low, ..rule(&[]) },
    ]);
    let notices = [(0, "1.0-2"), (1, "1.0-3"), (2, "1.0-3"), (3, "1.0-4")];
    let offers = ["1.0-4", "1.0-3", "1.0-2"];
    let verdict = judge(&rules, advisories.clone(), package(&notices, &offers));
    assert_eq!((verdict.state, verdict.fix_version()), (PatchState::Missing, Some("1.0-4")));
    assert_eq!((verdict.classification.as_str(), verdict.severity.as_str()), ("Security", "Critical"));
    assert_eq!(verdict.compliance_level, ComplianceLevel::Critical);
    assert_eq!(verdict.decision, Decision::ApprovedByRule { rule: 1 });
    assert_eq!(verdict.advisory.as_deref(), Some("CRIT-3"));
    assert_eq!(verdict.cve_ids, ["CVE-2026-3", "CVE-2026-5", "CVE-2026-6"]); // of all, each once
    // Only what is missing closes anything.
    rules.approval_rules.patch_rules.truncate(1);
    let verdict = judge(&rules, advisories, package(&[(0, "1.0-1"), (3, "1.0-2")], &["1.0-2"]));
    assert_eq!((verdict.state, verdict.cve_ids.len()), (PatchState::Installed, 0));
}

#[test]
fn severities_and_classifications_are_normalised() {
    // published kind and severity, filter, whether it matches
    use FilterKey::{Classification, Severity};
    let rows: [(&str, &str, Filters, bool); 12] = [
        ("security", "moderate", &[(Severity, &["Moderate"])], true),
        ("security", "moderate", &[(Severity, &["Medium"])], true),
        ("security", "medium", &[(Severity, &["Moderate"])], true),
        ("security", "Low", &[(Severity, &["Medium"])], false),
        ("SECURITY", "", &[(Classification, &["security"])], true),
        ("newpackage", "", &[(Classification, &["Newpackage"])], true),
        ("bugfix", "", &[(Severity, &["None"])], true),
        ("security", "none", &[(Severity, &["None"])], true),
        ("security", "", &[(Severity, &["Low"])], false),
        ("mystery", "", &[(Classification, &["*"])], true),
        ("mystery", "", &[(Classification, &["Security", "Bugfix"])], false),
        ("", "", &[(Classification, &["Security"]), (Severity, &["*"])], false),
    ];
    for (kind, severity, filters, matches) in rows {
        let verdict = judge(
            &rhel(vec![rule(filters)]),
            vec![advisory("A", kind, severity, LONG_AGO)],
            package(&[(0, "1.0-2")], &["1.0-2"]),
        );
        assert_eq!(verdict.state == PatchState::Missing, matches, "{kind} {severity} {filters:?}");
    }
}

#[test]
fn products_are_named_by_release_or_major_version() {
    for (product, matches) in [
        ("RedhatEnterpriseLinux9.4", true),
        ("RedhatEnterpriseLinux9", true),
        ("*", true),
        ("RedhatEnterpriseLinux9.3", false),
        ("RedhatEnterpriseLinux8", false),
    ] {
        let rules = rhel(vec![rule(&[(FilterKey::Product, &[product])])]);
        let verdict =
            judge(&rules, vec![advisory("A", "bugfix", "", LONG_AGO)], package(&[(0, "1.0-2")], &["1.0-2"]));
        assert_eq!(verdict.state == PatchState::Missing, matches, "{product}");
    }
}

#[test]
fn the_delay_counts_from_the_advisorys_update() {
    let rules = rhel(vec![after_days(7, &[])]);
    let judge_dated = |updated: &str, issued: &str| {
        let dated = |text: &str| (!text.is_empty()).then(|| at(text));
        let listed = Advisory {
            updated_at: dated(updated),
            issued_at: dated(issued),
            ..advisory("SEC", "security", "", LONG_AGO)
        };
        judge(&rules, vec![listed], package(&[(0, "1.0-2")], &["1.0-2"]))
    };
    let later =
        |text: &str| Decision::NotApproved { because: NotApproved::ApprovedLater { rule: 0, at: at(text) } };
    // To the second, and `updated` before `issued`.
    let approved = judge_dated("2026-02-22T00:00:00Z", "2026-02-28T00:00:00Z");
    assert_eq!(approved.state, PatchState::Missing);
    assert_eq!(approved.approved_at, Some(at(NOW)));
    assert_eq!(approved.dated, Some(Dated { by: DateSource::Updated, at: at("2026-02-22T00:00:00Z") }));
    let verdict = judge_dated("2026-02-22T00:00:01Z", "2026-01-01T00:00:00Z");
    assert_eq!(
        (verdict.state, &verdict.decision),
        (PatchState::InstalledOther, &later("2026-03-01T00:00:01Z"))
    );
    let upcoming = verdict.upcoming.unwrap();
    assert_eq!((upcoming.version.as_str(), upcoming.at), ("1.0-2", at("2026-03-01T00:00:01Z")));
    assert_eq!((upcoming.advisory.as_deref(), upcoming.classification.as_str()), (Some("SEC"), "Security"));
    // Without `updated`, `issued` counts.
    assert_eq!(judge_dated("", "2026-02-28T00:00:00Z").decision, later("2026-03-07T00:00:00Z"));
    assert_eq!(judge_dated("", LONG_AGO).dated.unwrap().by, DateSource::Issued);
    // An advisory without a readable date matches no rule.
    let undated = judge_dated("", "");
    assert_eq!(undated.decision, Decision::NotApproved { because: NotApproved::NoReadableDate { rule: 0 } });
}

#[test]
fn an_older_approved_version_is_missing_while_a_newer_one_waits() {
    let rules = rhel(vec![after_days(7, &[])]);
    let advisories = vec![
        advisory("OLD", "security", "", LONG_AGO),
        advisory("NEW", "security", "Critical", "2026-02-28T00:00:00Z"),
    ];
    let listed = package(&[(0, "1.0-2"), (1, "1.0-3")], &["1.0-3", "1.0-2"]);
    let verdict = judge(&rules, advisories, listed);
    assert_eq!((verdict.state, verdict.fix_version()), (PatchState::Missing, Some("1.0-2")));
    assert_eq!(verdict.cve_ids, ["CVE-2026-3"]);
    assert_eq!(verdict.upcoming.unwrap().version, "1.0-3");
}

#[test]
fn approve_until_a_day() {
    let until = |day: &str| Rule { approval: Some(ApprovalDate::Until(day.parse().unwrap())), ..rule(&[]) };
    let judge_until = |day: &str| {
        let listed = vec![advisory("SEC", "security", "", "2026-02-10T23:59:59Z")];
        judge(&rhel(vec![until(day)]), listed, package(&[(0, "1.0-2")], &["1.0-2"]))
    };
    assert_eq!(judge_until("2026-02-10").state, PatchState::Missing);
    let late = judge_until("2026-02-09");
    assert_eq!(
        late.decision,
        Decision::NotApproved {
            because: NotApproved::ReleasedTooLate { rule: 0, released_at: at("2026-02-10T23:59:59Z") }
        }
    );
    assert_eq!(late.upcoming, None);
}

#[test]
fn what_no_advisory_lists_needs_non_security() {
    let open = |filters: Filters, days| Rule { enable_non_security: true, ..after_days(days, filters) };
    let built = |built: Option<&str>| {
        let mut fact = package(&[], &["1.0-2", "1.0-1"]);
        fact.available[0].built_at = built.map(at);
        fact
    };
    use FilterKey::{Classification, Severity};
    use PatchState::{Installed, InstalledOther, Missing};
    // filters, delay, build time, state
    let rows: [(Filters, u32, Option<&str>, PatchState); 7] = [
        (&[], 7, Some(LONG_AGO), Missing),
        (&[(Classification, &["*"]), (Severity, &["*"])], 7, Some(LONG_AGO), Missing),
        (&[(Classification, &["Bugfix"])], 7, Some(LONG_AGO), InstalledOther),
        (&[(Severity, &["None"])], 7, Some(LONG_AGO), InstalledOther),
        // The delay counts from the build; without one it is over. Meanwhile the installed version is approved.
        (&[], 7, Some("2026-02-28T00:00:00Z"), Installed),
        (&[], 7, None, Missing),
        (&[], 0, Some("2026-02-28T00:00:00Z"), Missing),
    ];
    for (filters, days, built_at, state) in rows {
        let verdict = judge(&rhel(vec![open(filters, days)]), vec![], built(built_at));
        assert_eq!(verdict.state, state, "{filters:?} {days} {built_at:?}");
    }
    // Without the leave, the reason is told.
    let closed = judge(&rhel(vec![rule(&[])]), vec![], built(None));
    let because = NotApproved::OutsideSecurity { rule: Some(0) };
    assert_eq!(closed.decision, Decision::NotApproved { because });
    // What is up to date and offered is as approved as its update would be.
    let current = judge(&rhel(vec![open(&[], 7)]), vec![], package(&[], &["1.0-1"]));
    assert_eq!(current.state, PatchState::Installed);
    // An incomplete advisory opens the same way, by the build's date.
    let undated =
        Advisory { updated_at: None, has_unreadable_date: true, ..advisory("X", "bugfix", "", LONG_AGO) };
    let mut fact = built(Some(LONG_AGO));
    fact.notices = vec![Notice { advisory: 0, version: "1.0-2".to_owned() }];
    let verdict = judge(&rhel(vec![open(&[], 7)]), vec![undated.clone()], fact.clone());
    assert_eq!((verdict.state, verdict.dated.unwrap().by), (Missing, DateSource::Built));
    assert_eq!(judge(&rhel(vec![after_days(7, &[])]), vec![undated], fact).state, InstalledOther);
}

#[test]
fn lists_know_every_name() {
    let listed = || {
        let mut advisory = advisory("RHSA-2026:1", "security", "", "2026-02-28T00:00:00Z");
        advisory.bugzilla_ids = vec!["1234567".to_owned()];
        vec![advisory]
    };
    let fact = || package(&[(0, "1.0-2")], &["1.0-3", "1.0-2"]);
    // entry, version that it approves (a rule approves nothing here), version approved when it rejects
    let rows = [
        ("1234567", Some("1.0-2"), None),
        ("CVE-2026-11", Some("1.0-2"), None),
        ("RHSA-2026:1", Some("1.0-2"), None),
        ("a-1.0-2.x86_64", Some("1.0-2"), None),
        ("a-0:1.0-2.x86_64", Some("1.0-2"), None),
        ("a-*.x86_64", Some("1.0-2"), None), // 1.0-3 is listed by no advisory
        ("a*", Some("1.0-2"), None),
        ("a-1.0-9.x86_64", None, Some("1.0-2")),
        ("RHSA-2026:2", None, Some("1.0-2")),
        ("b*", None, Some("1.0-2")),
    ];
    for (entry, approved, left) in rows {
        let mut approving = rhel(vec![after_days(7, &[])]);
        approving.approved_patches = vec![entry.to_owned()];
        approving.approved_patches_compliance_level = ComplianceLevel::Medium;
        let verdict = judge(&approving, listed(), fact());
        assert_eq!(verdict.fix_version(), approved, "approved {entry}");
        if approved.is_some() {
            assert_eq!(verdict.decision, Decision::ApprovedByList { entry: entry.to_owned() });
            assert_eq!(verdict.compliance_level, ComplianceLevel::Medium);
        }
        let mut rejecting = rhel(vec![rule(&[])]);
        rejecting.rejected_patches = vec![entry.to_owned()];
        assert_eq!(judge(&rejecting, listed(), fact()).fix_version(), left, "rejected {entry}");
    }
    // Beyond advisories an entry reaches with its own leave.
    let mut approving = rhel(vec![]);
    approving.approved_patches = vec!["a-1.0-3.x86_64".to_owned()];
    assert_eq!(judge(&approving, listed(), fact()).fix_version(), None);
    approving.approved_patches_enable_non_security = true;
    assert_eq!(judge(&approving, listed(), fact()).fix_version(), Some("1.0-3"));
}

#[test]
fn rejection_is_of_versions() {
    use RejectedPatchesAction::{AllowAsDependency, Block};
    let listed =
        || vec![advisory("OLD", "security", "", LONG_AGO), advisory("NEW", "security", "", LONG_AGO)];
    let fact = || package(&[(0, "1.0-1"), (1, "1.0-2")], &["1.0-2", "1.0-1"]);
    use PatchState::*;
    // entry, action, state, level
    let rows = [
        // What is installed is rejected.
        ("a-1.0-1.x86_64", Block, InstalledRejected, ComplianceLevel::High),
        ("a-1.0-1.x86_64", AllowAsDependency, InstalledOther, ComplianceLevel::Unspecified),
        ("OLD", Block, InstalledRejected, ComplianceLevel::High),
        ("a*", Block, InstalledRejected, ComplianceLevel::High),
        // Only what could be installed is: the older fix is there, and stays.
        ("a-1.0-2.x86_64", Block, Installed, ComplianceLevel::High),
        ("NEW", AllowAsDependency, Installed, ComplianceLevel::High),
    ];
    for (entry, action, state, level) in rows {
        let mut rules = rhel(vec![rule(&[])]);
        rules.rejected_patches = vec![entry.to_owned()];
        rules.rejected_patches_action = action;
        let verdict = judge(&rules, listed(), fact());
        assert_eq!((verdict.state, verdict.compliance_level), (state, level), "{entry} {action:?}");
    }
    // Rejection beats the approved list, too.
    let mut rules = rhel(vec![]);
    rules.approved_patches = vec!["NEW".to_owned()];
    rules.rejected_patches = vec!["a-1.0-2.x86_64".to_owned()];
    let verdict = judge(&rules, listed(), fact());
    let because = NotApproved::Rejected { entry: "a-1.0-2.x86_64".to_owned() };
    assert_eq!((verdict.state, verdict.decision), (InstalledOther, Decision::NotApproved { because }));
}

#[test]
fn pending_until_the_next_boot() {
    use PatchState::*;
    let by_us = BTreeSet::from([InstalledPackage {
        name: "a".to_owned(),
        arch: "x86_64".to_owned(),
        version: "1.0-1".to_owned(),
    }]);
    let none = BTreeSet::new();
    let approved: &[(u32, &str)] = &[(0, "1.0-1")];
    // notices, boot (installed at 1000), scope, installed by us, state
    let rows = [
        (approved, 500, PendingScope::Any, &none, InstalledPendingReboot),
        (approved, 500, PendingScope::PatchManager, &none, Installed),
        (approved, 500, PendingScope::PatchManager, &by_us, InstalledPendingReboot),
        (approved, 1500, PendingScope::Any, &by_us, Installed),
        (&[], 500, PendingScope::Any, &none, InstalledOther),
        (&[], 500, PendingScope::Any, &by_us, InstalledPendingReboot),
    ];
    for (notices, boot, pending_scope, installed_by_us, state) in rows {
        let observation =
            Observation { booted_at: Some(Timestamp::from_seconds(boot)), ..Observation::default() };
        let conditions = Conditions { now: at(NOW), installed_by_us, pending_scope };
        let facts = facts(vec![advisory("SEC", "security", "", LONG_AGO)], package(notices, &["1.0-1"]));
        let evaluation = evaluate(&rhel(vec![rule(&[])]), &facts, &observation, &conditions).unwrap();
        assert_eq!(evaluation.verdicts[0].state, state, "{notices:?} {boot} {pending_scope:?}");
    }
}

#[test]
fn locks_exclusions_obsoletes_and_epochs() {
    let listed = || vec![advisory("SEC", "security", "", LONG_AGO)];
    let rules = rhel(vec![security()]);
    // A lock is a reason, not a state; an exclusion in the configuration is nothing at all.
    let mut fact = package(&[(0, "1.0-2")], &["1.0-2", "1.0-1"]);
    fact.held = true;
    fact.available[0].excluded = true;
    // A package that is obsolete is still updated, not replaced.
    fact.obsoleted_by = Some("b".to_owned());
    let verdict = judge(&rules, listed(), fact);
    assert_eq!((verdict.state, verdict.fix_version()), (PatchState::Missing, Some("1.0-2")));
    assert_eq!(verdict.restrictions, [Restriction::Held]);
    // Epochs count, written or not.
    let mut fact = package(&[(0, "1:0.1-1")], &["1:0.1-1"]);
    fact.version = "0:1.0-1".to_owned();
    assert_eq!(judge(&rules, listed(), fact.clone()).state, PatchState::Missing);
    fact.version = "1:0.1-1".to_owned();
    assert_eq!(judge(&rules, listed(), fact).state, PatchState::Installed);
    // Kernels stay installed beside each other: the highest counts.
    let mut kernel = package(&[(0, "1.0-1")], &["1.0-1"]);
    kernel.other_versions = vec!["0.9-1".to_owned()];
    assert_eq!(judge(&rules, listed(), kernel).state, PatchState::Installed);
}

#[test]
fn an_announced_version_that_no_repository_has_is_recorded() {
    let mut mirrored = advisory("SEC", "security", "", LONG_AGO);
    mirrored.repository = 0;
    let verdict = judge(&rhel(vec![security()]), vec![mirrored], package(&[(0, "1.0-2")], &["1.0-1"]));
    assert_eq!(verdict.state, PatchState::InstalledOther);
    let expected =
        HiddenFix { version: "1.0-2".to_owned(), repository: 0, cause: HiddenFixCause::NotOffered };
    assert_eq!(verdict.hidden_fix, Some(expected));
}

#[test]
fn global_filters_keep_what_matches() {
    let listed = || vec![advisory("SEC", "security", "low", LONG_AGO)];
    let fact = || package(&[(0, "1.0-2")], &["1.0-2"]);
    let mut rules = rhel(vec![rule(&[])]);
    rules.global_filters = rule(&[(FilterKey::Severity, &["Critical"])]).filters;
    let because = NotApproved::GlobalFilter { key: FilterKey::Severity, property: "low".to_owned() };
    assert_eq!(judge(&rules, listed(), fact()).decision, Decision::NotApproved { because });
    rules.approved_patches = vec!["SEC".to_owned()];
    assert_eq!(judge(&rules, listed(), fact()).state, PatchState::Missing);
}
