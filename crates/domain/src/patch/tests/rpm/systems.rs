//! What single systems have of their own: SUSE's patches, Amazon's live patches, the provided baselines.
//! Source: spec patch-manager 1.10, 2.2, 2.4 and 3.1.

use super::*;
use crate::compliance::ComplianceStatus;

#[test]
fn absent_packages_are_counted() {
    let absent = |kind: &str, dated_at: Option<&str>, packages| AbsentPackages {
        terms: vec![
            AdvisoryTerms { kind: "enhancement".to_owned(), ..AdvisoryTerms::default() },
            AdvisoryTerms {
                kind: kind.to_owned(),
                severity: "Critical".to_owned(),
                dated_at: dated_at.map(at),
            },
        ],
        packages,
    };
    let mut facts = facts(vec![], package(&[], &[]));
    facts.absent = vec![
        absent("security", Some(LONG_AGO), 100),
        absent("security", Some("2026-02-28T00:00:00Z"), 20),
        absent("security", None, 3),
        absent("bugfix", Some(LONG_AGO), 1),
    ];
    let mut rules = rhel(vec![after_days(7, &[(FilterKey::Classification, &["Security"])])]);
    assert_eq!(judge_all(&rules, &facts).counts.not_applicable, 100);
    rules.approved_patches = vec!["nowhere-*.x86_64".to_owned(), "a*".to_owned()];
    let evaluation = judge_all(&rules, &facts);
    assert_eq!(evaluation.counts.not_applicable, 102);
    assert_eq!(evaluation.not_applicable, ["nowhere-*.x86_64", "a*"]); // nothing offers or lists `a`
}

#[test]
fn live_patches_stand_in_for_a_kernel() {
    let advisories = vec![
        Advisory { cve_ids: vec!["CVE-1".to_owned()], ..advisory("KERNEL", "security", "", LONG_AGO) },
        Advisory {
            cve_ids: vec!["CVE-1".to_owned(), "CVE-2".to_owned()],
            ..advisory("LIVE", "security", "", LONG_AGO)
        },
    ];
    let mut kernel = package(&[(0, "5.10.90-1")], &["5.10.90-1"]);
    kernel.name = "kernel".to_owned();
    kernel.version = "5.10.82-83.359.amzn2".to_owned();
    let mut live = package(&[(1, "1.0-1")], &["1.0-1"]);
    live.name = "kernel-livepatch-5.10.82-83.359".to_owned();
    let mut facts = facts(advisories, kernel);
    facts.os = OsRelease { id: "amzn".to_owned(), version_id: "2".to_owned(), ..OsRelease::default() };
    facts.packages.push(live);
    let rules = baseline(OperatingSystem::AmazonLinux2, vec![security()]);
    let kernel_of = |facts: &FactSet, running: &str| {
        let observation = Observation { running_kernel: running.to_owned(), ..Observation::default() };
        let evaluation = evaluate(&rules, facts, &observation, &Conditions::at(at(NOW))).unwrap();
        evaluation.verdicts.into_iter().next().unwrap()
    };
    let verdict = kernel_of(&facts, "5.10.82-83.359.amzn2.x86_64");
    assert_eq!((verdict.state, verdict.status), (PatchState::Installed, Some(ComplianceStatus::Compliant)));
    assert_eq!(verdict.installed_at, None);
    assert!(matches!(&verdict.restrictions[..], [Restriction::LivePatched { .. }]));
    // Another kernel runs, or a hole is left open.
    assert_eq!(kernel_of(&facts, "5.10.82-83.3590.amzn2.x86_64").state, PatchState::Missing);
    facts.advisories[0].cve_ids.push("CVE-3".to_owned());
    assert_eq!(kernel_of(&facts, "5.10.82-83.359.amzn2.x86_64").state, PatchState::Missing);
}

#[test]
fn suse_patches_have_names_and_lenient_dates() {
    let mut listed = advisory("SUSE-SLE-Module-15-2026-1", "security", "important", LONG_AGO);
    let fact = || package(&[(0, "1.0-2")], &["1.0-2"]);
    let suse = |rules: Vec<Rule>| baseline(OperatingSystem::Suse, rules);
    let judge = |rules: &BaselineRules, listed: &Advisory| {
        let mut facts = facts(vec![listed.clone()], fact());
        facts.os = OsRelease { id: "sles".to_owned(), version_id: "15.5".to_owned(), ..OsRelease::default() };
        judge_all(rules, &facts).verdicts.remove(0)
    };
    for entry in ["SUSE-SLE-Module-15-2026-1", "SUSE-SLE-*-2026-1", "a-1.0-2.x86_64.rpm", "a-*.x86_64.rpm"] {
        let mut rules = suse(vec![]);
        rules.approved_patches = vec![entry.to_owned()];
        assert_eq!(judge(&rules, &listed).state, PatchState::Missing, "{entry}");
    }
    // `issued` counts before `updated`; a patch without a date is old enough.
    let waiting = suse(vec![after_days(7, &[(FilterKey::Classification, &["Security"])])]);
    listed.issued_at = Some(at("2026-02-28T00:00:00Z"));
    assert_eq!(judge(&waiting, &listed).state, PatchState::InstalledOther);
    (listed.issued_at, listed.updated_at) = (None, None);
    assert_eq!(judge(&waiting, &listed).state, PatchState::Missing);
    // Features go by two spellings.
    listed.kind = "feature".to_owned();
    let features = suse(vec![rule(&[(FilterKey::Classification, &["Features"])])]);
    assert_eq!(judge(&features, &listed).state, PatchState::Missing);
}

#[test]
fn the_provided_baselines_do_what_their_table_says() {
    use crate::baseline::predefined;
    use PatchState::{InstalledOther, Missing};
    let region = "eu-central-1".parse().unwrap();
    let rows = [
        ("rhel", "9.4", "security", "Critical", Missing),
        ("rhel", "9.4", "security", "Moderate", InstalledOther),
        ("rhel", "9.4", "bugfix", "", Missing),
        ("rhel", "9.4", "enhancement", "", InstalledOther),
        ("amzn", "2023", "security", "important", Missing),
        ("amzn", "2023", "security", "medium", InstalledOther),
        ("amzn", "2", "bugfix", "", Missing),
        ("rocky", "8.9", "security", "Important", Missing),
        ("almalinux", "9.2", "bugfix", "", Missing),
        ("ol", "8.9", "security", "IMPORTANT", Missing),
        ("ol", "8.9", "security", "MODERATE", Missing),
        ("ol", "8.9", "security", "CRITICAL", InstalledOther), // the table leaves it out
        ("centos", "9", "enhancement", "", Missing),
        ("sles", "15.5", "security", "important", Missing),
        ("sles", "15.5", "security", "moderate", InstalledOther),
        ("sles", "15.5", "recommended", "important", InstalledOther),
    ];
    for (id, version_id, kind, severity, state) in rows {
        // Seven days old, to the second.
        let listed = vec![advisory("A", kind, severity, "2026-02-22T00:00:00Z")];
        let mut facts = facts(listed, package(&[(0, "1.0-2")], &["1.0-2"]));
        facts.os = OsRelease { id: id.to_owned(), version_id: version_id.to_owned(), ..OsRelease::default() };
        let os = OperatingSystem::detect(&facts.os).unwrap().operating_system;
        let rules = predefined::default_for(os, &region).rules;
        let verdict = judge_all(&rules, &facts).verdicts.remove(0);
        assert_eq!(verdict.state, state, "{os} {kind} {severity}");
        facts.advisories[0].updated_at = Some(at("2026-02-22T00:00:01Z"));
        assert_eq!(judge_all(&rules, &facts).counts.missing, 0, "{os} {kind} {severity}");
    }
    // CentOS ships no advisories at all.
    let mut facts = facts(vec![], package(&[], &["1.0-2", "1.0-1"]));
    facts.os = OsRelease { id: "centos".to_owned(), version_id: "9".to_owned(), ..OsRelease::default() };
    let rules = predefined::default_for(OperatingSystem::CentOs, &region).rules;
    assert_eq!(judge_all(&rules, &facts).counts.missing, 1);
}
