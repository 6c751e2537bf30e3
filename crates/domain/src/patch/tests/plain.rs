//! Decisions on Alpine and Arch, row by row.
//! Source: docs/decisions/0014.

use super::*;
use crate::baseline::RejectedPatchesAction;
use crate::facts::*;

const SYSTEMS: [(OperatingSystem, &str); 2] =
    [(OperatingSystem::AlpineLinux, "alpine"), (OperatingSystem::ArchLinux, "arch")];

fn offer(version: &str, repositories: &[u32], built_at: &str) -> AvailableVersion {
    AvailableVersion {
        version: version.to_owned(),
        repositories: repositories.to_vec(),
        built_at: (!built_at.is_empty()).then(|| at(built_at)),
        ..AvailableVersion::default()
    }
}

/// `zlib 1.3-1`, with what the repositories have; the first is the candidate.
fn zlib(available: Vec<AvailableVersion>) -> PackageFact {
    PackageFact {
        name: "zlib".to_owned(),
        arch: "x86_64".to_owned(),
        version: "1.3-1".to_owned(),
        candidate: Some(available.first().map_or("1.3-1", |offer| &offer.version).to_owned()),
        available,
        ..PackageFact::default()
    }
}

fn run(id: &str, rules: &BaselineRules, package: PackageFact) -> Verdict {
    let repository = |name: &str| Repository { suite: name.to_owned(), ..Repository::default() };
    let facts = FactSet {
        os: OsRelease { id: id.to_owned(), version_id: "3.22.1".to_owned(), ..OsRelease::default() },
        repositories: vec![repository("core"), repository("extra")],
        packages: vec![package],
        ..FactSet::default()
    };
    let conditions = Conditions::at(at("2026-03-10T00:00:00Z"));
    let evaluation = evaluate(rules, &facts, &Observation::default(), &conditions).unwrap();
    evaluation.verdicts.into_iter().next().unwrap()
}

/// The same on both systems.
fn check(rules: &[Rule], package: &PackageFact, expected: PatchState) -> Verdict {
    let mut last = None;
    for (os, id) in SYSTEMS {
        let verdict = run(id, &baseline(os, rules.to_vec()), package.clone());
        assert_eq!(verdict.state, expected, "{id} {:?} {:?}", rules, package);
        last = Some(verdict);
    }
    last.unwrap()
}

#[test]
fn the_candidate_counts_and_its_repository_and_build() {
    use PatchState::*;
    let newer = zlib(vec![offer("1.3.1-1", &[0], "2026-03-05T00:00:00Z")]);
    let same = zlib(vec![offer("1.3-1", &[0], "2026-03-05T00:00:00Z")]);
    let undated = zlib(vec![offer("1.3.1-1", &[0], "")]);
    let unoffered = zlib(Vec::new());
    let core: Filters = &[(FilterKey::Repository, &["CORE"])];
    let extra: Filters = &[(FilterKey::Repository, &["extra"])];
    // Rules need not reach beyond security content: there is no such thing here.
    check(&[rule(&[])], &newer, Missing);
    check(&[rule(core)], &newer, Missing);
    check(&[rule(extra)], &newer, InstalledOther);
    check(&[rule(core)], &same, Installed);
    check(&[rule(extra)], &same, InstalledOther);
    check(&[rule(&[])], &unoffered, InstalledOther);
    check(&[], &newer, InstalledOther);
    check(&[after_days(5, core)], &newer, Missing);
    let later = check(&[after_days(6, core)], &newer, InstalledOther);
    assert_eq!(later.upcoming.unwrap().at, at("2026-03-11T00:00:00Z"));
    check(&[after_days(100, core)], &undated, Missing);
    // What either repository has is approved by rules for either.
    check(&[rule(extra)], &zlib(vec![offer("1.3.1-1", &[0, 1], "")]), Missing);
}

#[test]
fn a_verdict_says_what_is_known_and_no_more() {
    let verdict = check(
        &[rule(&[])],
        &PackageFact { held: true, ..zlib(vec![offer("1.3.1-1", &[1], "2026-03-05T00:00:00Z")]) },
        PatchState::Missing,
    );
    assert_eq!((verdict.classification.as_str(), verdict.severity.as_str()), ("", ""));
    assert_eq!(verdict.dated.unwrap().by, DateSource::Built);
    assert_eq!(verdict.restrictions, [Restriction::Held]);
    let candidate = verdict.candidate.unwrap();
    assert!(candidate.is_upgrade && !candidate.from_security);
    assert_eq!((candidate.version.as_str(), candidate.repository), ("1.3.1-1", Some(1)));
}

#[test]
fn lists_name_packages_and_versions() {
    use PatchState::*;
    let package = zlib(vec![offer("1.3.1-1", &[0], ""), offer("1.3-1", &[1], "")]);
    // entry, approved by it alone, rejected with BLOCK while a rule approves all
    let rows = [
        ("zlib", Missing, InstalledRejected),
        ("z*", Missing, InstalledRejected),
        ("zlib=1.3.1-1", Missing, Installed),
        ("zlib-1.3.1-1", Missing, Installed),
        ("zlib-1.3.1-1-x86_64", Missing, Installed),
        ("zlib-1.3-1", Installed, InstalledRejected),
        ("zlib-9-1", InstalledOther, Missing),
        ("zli", InstalledOther, Missing),
    ];
    for (entry, approved, rejected) in rows {
        for (os, id) in SYSTEMS {
            let mut rules = baseline(os, Vec::new());
            rules.approved_patches = vec![entry.to_owned()];
            assert_eq!(run(id, &rules, package.clone()).state, approved, "{id} approved {entry}");
            let mut rules = baseline(os, vec![rule(&[])]);
            rules.rejected_patches = vec![entry.to_owned()];
            rules.rejected_patches_action = RejectedPatchesAction::Block;
            assert_eq!(run(id, &rules, package.clone()).state, rejected, "{id} rejected {entry}");
        }
    }
}

#[test]
fn what_is_older_than_installed_is_no_update_on_arch() {
    let rules = baseline(OperatingSystem::ArchLinux, vec![rule(&[])]);
    let verdict = run("arch", &rules, zlib(vec![offer("1.2-1", &[0], "")]));
    assert_eq!(verdict.state, PatchState::InstalledOther);
    assert_eq!(verdict.fix_version(), None);
}
