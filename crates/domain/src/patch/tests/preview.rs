//! What rules would decide of several fact sets together.

use super::*;
use crate::facts::*;
use crate::patch::preview::{Outcome, PatchKey, Preview, Previewed, differs};

const NOW: &str = "2026-03-01T00:00:00Z";

fn advisory(id: &str, kind: &str, updated: &str) -> Advisory {
    Advisory {
        id: id.to_owned(),
        kind: kind.to_owned(),
        severity: "important".to_owned(),
        updated_at: Some(at(updated)),
        ..Advisory::default()
    }
}

/// `name`.x86_64 1-1, with one newer version that an advisory lists.
fn package(name: &str, version: &str, advisory: u32) -> PackageFact {
    let offer = |version: &str| AvailableVersion {
        version: version.to_owned(),
        repositories: vec![0],
        ..AvailableVersion::default()
    };
    PackageFact {
        name: name.to_owned(),
        arch: "x86_64".to_owned(),
        version: version.to_owned(),
        available: vec![offer("1-2"), offer("1-1")],
        notices: vec![Notice { advisory, version: "1-2".to_owned() }],
        ..PackageFact::default()
    }
}

fn rhel(packages: Vec<PackageFact>) -> FactSet {
    FactSet {
        os: OsRelease { id: "rhel".to_owned(), version_id: "9.4".to_owned(), ..OsRelease::default() },
        repositories: vec![Repository { suite: "baseos".to_owned(), ..Repository::default() }],
        packages,
        advisories: vec![
            advisory("SEC", "security", "2026-01-01T00:00:00Z"),
            advisory("BUG", "bugfix", "2026-01-01T00:00:00Z"),
            advisory("NEW", "security", "2026-02-28T00:00:00Z"),
        ],
        ..FactSet::default()
    }
}

fn preview(rules: &BaselineRules, sets: &[(FactSet, u64)]) -> Preview {
    let mut preview = Preview::default();
    for (facts, nodes) in sets {
        preview.add(rules, facts, at(NOW), *nodes).unwrap();
    }
    preview
}

/// Name and version, outcome, nodes that lack it, nodes that have it.
fn lines(preview: &Preview) -> Vec<(String, Outcome, u64, u64)> {
    let line = |(key, patch): (&PatchKey, &Previewed)| {
        (format!("{} {}", key.name, key.version), patch.outcome, patch.nodes_lacking, patch.nodes_present)
    };
    preview.patches.iter().map(line).collect()
}

#[test]
fn a_patch_is_told_once_with_its_nodes() {
    let security = after_days(7, &[(FilterKey::Classification, &["Security"])]);
    let mut rules = baseline(OperatingSystem::RedhatEnterpriseLinux, vec![security]);
    rules.rejected_patches = vec!["d".to_owned()];
    let all = |a: &str| {
        rhel(vec![package("a", a, 0), package("b", "1-1", 1), package("c", "1-1", 2), package("d", "1-1", 0)])
    };
    let preview = preview(&rules, &[(all("1-1"), 3), (all("1-2"), 2)]);
    let line = |name: &str, outcome, lacking, present| (name.to_owned(), outcome, lacking, present);
    assert_eq!(
        lines(&preview),
        [
            line("a 1-2", Outcome::Approved, 3, 2),
            line("b 1-2", Outcome::NotMatched, 5, 0),
            line("c 1-2", Outcome::ApprovedLater, 5, 0),
            line("d 1-2", Outcome::Rejected, 5, 0),
        ]
    );
    let later = preview.patches.values().nth(2).unwrap();
    assert_eq!(later.approved_at, Some(at("2026-03-07T00:00:00Z")));
    assert_eq!(
        later.decision,
        Some(Decision::NotApproved {
            because: NotApproved::ApprovedLater { rule: 0, at: at("2026-03-07T00:00:00Z") }
        })
    );
    assert_eq!(preview.patches.values().next().unwrap().decision, Some(Decision::ApprovedByRule { rule: 0 }));
}

#[test]
fn two_sets_of_rules_are_compared() {
    let rules = |classification: &'static str| {
        baseline(
            OperatingSystem::RedhatEnterpriseLinux,
            vec![Rule {
                enable_non_security: true,
                ..rule(&[(FilterKey::Classification, &[classification])])
            }],
        )
    };
    let sets = [
        (rhel(vec![package("a", "1-1", 0), package("b", "1-1", 1)]), 3),
        (rhel(vec![package("b", "1-2", 1)]), 2),
    ];
    let (before, after) = (preview(&rules("Security"), &sets), preview(&rules("Bugfix"), &sets));
    let names = |found: Vec<(&PatchKey, &Previewed)>| -> Vec<String> {
        found.into_iter().map(|(key, _)| key.name.clone()).collect()
    };
    assert_eq!(names(after.newly_approved(&before).collect()), ["b"]);
    assert_eq!(names(after.no_longer_approved(&before).collect()), ["a"]);
    assert_eq!(after.newly_approved(&after).count() + after.no_longer_approved(&after).count(), 0);

    let judged =
        |classification, facts| Preview::default().add(&rules(classification), facts, at(NOW), 1).unwrap();
    let set = &sets[0].0;
    assert!(differs(&judged("Security", set), &judged("Bugfix", set)));
    assert!(!differs(&judged("Security", set), &judged("Security", set)));
}

#[test]
fn updates_that_nothing_is_done_about_are_told() {
    let update = |kb: &str, classification: &str, released: &str| UpdateFact {
        id: format!("guid-{kb}"),
        kb_ids: vec![kb.to_owned()],
        classification: classification.to_owned(),
        severity: "Critical".to_owned(),
        products: vec!["WindowsServer2019".to_owned()],
        product_families: vec!["Windows".to_owned()],
        released_at: Some(at(released)),
        ..UpdateFact::default()
    };
    let facts = FactSet {
        os: OsRelease {
            id: "windows".to_owned(),
            name: "Microsoft Windows Server 2019 Datacenter".to_owned(),
            ..OsRelease::default()
        },
        updates: vec![
            update("KB1", "SecurityUpdates", "2026-01-01T00:00:00Z"),
            update("KB2", "Updates", "2026-01-01T00:00:00Z"),
            update("KB3", "SecurityUpdates", "2026-01-01T00:00:00Z"),
            update("KB4", "SecurityUpdates", "2026-02-28T00:00:00Z"),
        ],
        ..FactSet::default()
    };
    let mut rules = baseline(
        OperatingSystem::Windows,
        vec![after_days(7, &[(FilterKey::Classification, &["SecurityUpdates"])])],
    );
    rules.rejected_patches = vec!["KB3".to_owned()];
    let found = preview(&rules, &[(facts, 4)]);
    let outcomes: Vec<_> = found
        .patches
        .iter()
        .map(|(key, patch)| (key.name.as_str(), patch.outcome, patch.nodes_lacking))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("KB1", Outcome::Approved, 4),
            ("KB2", Outcome::NotMatched, 4),
            ("KB3", Outcome::Rejected, 4),
            ("KB4", Outcome::ApprovedLater, 4),
        ]
    );
}
