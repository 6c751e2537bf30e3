//! What holds for every baseline and every node, whatever its family.
//! Source: spec patch-manager 1.2, 1.5, 3.1 and 3.3.

use proptest::prelude::*;

use super::*;
use crate::baseline::RejectedPatchesAction;
use crate::facts::*;

const SYSTEMS: [(OperatingSystem, &str, &str); 6] = [
    (OperatingSystem::RedhatEnterpriseLinux, "rhel", "9.4"),
    (OperatingSystem::Suse, "sles", "15.5"),
    (OperatingSystem::Windows, "windows", "10.0"),
    (OperatingSystem::MacOs, "macos", "14.5"),
    (OperatingSystem::AlpineLinux, "alpine", "3.22.1"),
    (OperatingSystem::ArchLinux, "arch", ""),
];

fn kind() -> impl Strategy<Value = String> {
    prop_oneof![Just("security"), Just("bugfix"), Just("SecurityUpdates"), Just("")].prop_map(str::to_owned)
}

fn severity() -> impl Strategy<Value = String> {
    prop_oneof![Just("critical"), Just("Medium"), Just("low"), Just("")].prop_map(str::to_owned)
}

fn day() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((0i64..20).prop_map(|day| Timestamp::from_seconds(day * 86_400)))
}

fn version() -> impl Strategy<Value = String> {
    "[1-2]\\.[0-2]-1"
}

fn any_advisory() -> impl Strategy<Value = Advisory> {
    (0..9u32, kind(), severity(), day(), day()).prop_map(|(number, kind, severity, updated_at, issued_at)| {
        Advisory {
            id: format!("ADV-{number}"),
            kind,
            severity,
            updated_at,
            issued_at,
            cve_ids: vec![format!("CVE-2026-{}", number % 3)],
            bugzilla_ids: vec![number.to_string()],
            ..Advisory::default()
        }
    })
}

fn any_package() -> impl Strategy<Value = PackageFact> {
    let notices = proptest::collection::vec((0..4u32, version()), 0..5);
    let offers = proptest::collection::vec((version(), day()), 0..4);
    ("[a-d]", version(), notices, offers, day(), any::<bool>()).prop_map(
        |(name, version, notices, offers, installed_at, held)| PackageFact {
            // One offer among them, or the installed version.
            candidate: Some(offers.first().map_or_else(|| version.clone(), |(offer, _)| offer.clone())),
            name,
            arch: "x86_64".to_owned(),
            version,
            installed_at,
            held,
            notices: notices.into_iter().map(|(advisory, version)| Notice { advisory, version }).collect(),
            available: offers
                .into_iter()
                .map(|(version, built_at)| AvailableVersion {
                    version,
                    built_at,
                    repositories: vec![0],
                    ..AvailableVersion::default()
                })
                .collect(),
            ..PackageFact::default()
        },
    )
}

fn any_update() -> impl Strategy<Value = UpdateFact> {
    let status = prop_oneof![
        Just(UpdateStatus::Installed),
        Just(UpdateStatus::Applicable),
        Just(UpdateStatus::Hidden)
    ];
    let ids = proptest::collection::vec("[a-e]", 0..2);
    ("[a-e]", 0..4u32, kind(), severity(), status, day(), ids).prop_map(
        |(id, kb, classification, severity, status, released_at, supersedes)| UpdateFact {
            id,
            version: "2".to_owned(),
            kb_ids: vec![format!("KB{kb}")],
            classification,
            severity,
            status,
            released_at,
            supersedes,
            ..UpdateFact::default()
        },
    )
}

fn any_facts() -> impl Strategy<Value = (OperatingSystem, FactSet)> {
    let packages = proptest::collection::vec(any_package(), 0..4);
    let advisories = proptest::collection::vec(any_advisory(), 4);
    let updates = proptest::collection::vec(any_update(), 0..5);
    (0..SYSTEMS.len(), packages, advisories, updates).prop_map(
        |(system, mut packages, advisories, mut updates)| {
            packages.sort_by(|a, b| a.name.cmp(&b.name));
            packages.dedup_by(|a, b| a.name == b.name);
            updates.sort_by(|a, b| a.id.cmp(&b.id));
            updates.dedup_by(|a, b| a.id == b.id);
            let (os, id, version_id) = SYSTEMS[system];
            let facts = FactSet {
                os: OsRelease {
                    id: id.to_owned(),
                    version_id: version_id.to_owned(),
                    ..OsRelease::default()
                },
                repositories: vec![Repository::default()],
                packages,
                advisories,
                updates,
                ..FactSet::default()
            };
            (os, facts)
        },
    )
}

fn any_entry() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-e]",
        "[a-d]\\*",
        "ADV-[0-8]",
        "CVE-2026-[0-2]",
        "[0-8]",
        "KB[0-5]",
        "[a-d]-[12]\\.[0-2]-1\\.x86_64"
    ]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let filters = proptest::collection::vec((0..2usize, kind(), severity()), 0..3);
    let approval = prop_oneof![
        (0..15u32).prop_map(ApprovalDate::AfterDays),
        (1..20u32).prop_map(|day| ApprovalDate::Until(format!("1970-01-{day:02}").parse().unwrap())),
    ];
    let levels = proptest::sample::select(ComplianceLevel::ALL.to_vec());
    (filters, approval, any::<bool>(), levels).prop_map(|(filters, approval, enable_non_security, level)| {
        Rule {
            filters: FilterGroup {
                patch_filters: filters
                    .iter()
                    .map(|(key, kind, severity)| match key {
                        0 => Filter::new(FilterKey::Classification, &[kind]),
                        _ => Filter::new(FilterKey::Severity, &[severity]),
                    })
                    .collect(),
            },
            compliance_level: level,
            approval: Some(approval),
            enable_non_security,
        }
    })
}

fn any_rules() -> impl Strategy<Value = BaselineRules> {
    let names = || proptest::collection::vec(any_entry(), 0..3);
    (proptest::collection::vec(any_rule(), 0..3), names(), names(), any::<[bool; 2]>()).prop_map(
        |(rules, approved, rejected, switches)| {
            let mut rules = baseline(OperatingSystem::Suse, rules);
            rules.approved_patches = approved;
            rules.rejected_patches = rejected;
            rules.approved_patches_enable_non_security = switches[0];
            if switches[1] {
                rules.rejected_patches_action = RejectedPatchesAction::Block;
            }
            rules
        },
    )
}

fn run(os: OperatingSystem, rules: &BaselineRules, facts: &FactSet) -> Evaluation {
    let rules = BaselineRules { operating_system: os, ..rules.clone() };
    let observation =
        Observation { booted_at: Some(Timestamp::from_seconds(5 * 86_400)), ..Observation::default() };
    evaluate(&rules, facts, &observation, &Conditions::at(Timestamp::from_seconds(15 * 86_400))).unwrap()
}

/// Names of what is approved, with the version to install where one is missing.
fn approved(evaluation: &Evaluation) -> Vec<(&str, Option<&str>)> {
    let is_approved = |verdict: &&Verdict| {
        matches!(verdict.decision, Decision::ApprovedByRule { .. } | Decision::ApprovedByList { .. })
    };
    let approved = evaluation.verdicts.iter().filter(is_approved);
    approved.map(|verdict| (verdict.name.as_str(), verdict.fix_version())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn order_does_not_matter((os, facts) in any_facts(), rules in any_rules()) {
        let mut shuffled = facts.clone();
        shuffled.packages.reverse();
        shuffled.updates.reverse();
        for package in &mut shuffled.packages {
            package.notices.reverse();
        }
        prop_assert_eq!(run(os, &rules, &facts), run(os, &rules, &shuffled));
    }

    #[test]
    fn rejecting_more_approves_nothing((os, facts) in any_facts(), rules in any_rules(), entry in any_entry()) {
        let mut stricter = rules.clone();
        stricter.rejected_patches.push(entry);
        let (before, after) = (run(os, &rules, &facts), run(os, &stricter, &facts));
        let before = approved(&before);
        for (name, fix) in approved(&after) {
            let known = before.iter().find(|(known, _)| *known == name);
            prop_assert!(known.is_some(), "{} became approved", name);
            // It may be a lower version now, never a higher one.
            let was = known.and_then(|(_, fix)| *fix);
            if let (Some(now), Some(was)) = (fix, was) {
                prop_assert!(os == OperatingSystem::Windows || !version_rpm::is_newer(now, was));
            }
            prop_assert!(fix.is_none() || was.is_some(), "{} became missing", name);
        }
    }

    #[test]
    fn widening_a_rule_removes_no_approval((os, facts) in any_facts(), rules in any_rules(), which in 0..3usize) {
        let mut wider = rules.clone();
        let Some(rule) = wider.approval_rules.patch_rules.get_mut(which) else { return Ok(()) };
        rule.filters.patch_filters.pop();
        rule.enable_non_security = true;
        if let Some(ApprovalDate::AfterDays(days)) = &mut rule.approval {
            *days = 0;
        }
        let (before, after) = (run(os, &rules, &facts), run(os, &wider, &facts));
        let after = approved(&after);
        for (name, _) in approved(&before) {
            prop_assert!(after.iter().any(|(known, _)| *known == name), "{} lost its approval", name);
        }
    }

    #[test]
    fn counts_follow_the_items((os, facts) in any_facts(), rules in any_rules()) {
        let evaluation = run(os, &rules, &facts);
        let mut counted = PatchCounts::default();
        for verdict in &evaluation.verdicts {
            counted.add_judged(verdict.state, verdict.status, verdict.compliance_level, &verdict.classification);
            prop_assert_eq!(verdict.status.is_none(), verdict.state == PatchState::NotApplicable);
            prop_assert!(verdict.cve_ids.is_empty() || verdict.state == PatchState::Missing);
        }
        counted.not_applicable = evaluation.counts.not_applicable;
        prop_assert_eq!(counted, evaluation.counts);
        let breaks = evaluation.verdicts.iter().any(Verdict::is_non_compliant);
        prop_assert_eq!(breaks, evaluation.status() == crate::compliance::ComplianceStatus::NonCompliant);
        prop_assert_eq!(wanted(&evaluation).len(), usize::try_from(counted.missing).unwrap());
    }
}
