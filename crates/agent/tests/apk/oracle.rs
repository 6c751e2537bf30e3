//! What the agent reads, held against what apk itself says.

use std::collections::BTreeMap;
use std::fs;

use agent::packages::apk::{ApkTransactions, refresh};
use agent::packages::{self, GatherOptions, RefreshLists};
use api::Timestamp;
use domain::facts::{FactSet, ListRefresh, PackageFact, PackageState};

use crate::bed::Bed;
use crate::server::Server;

/// Installed packages with a newer candidate.
fn candidates(facts: &FactSet) -> BTreeMap<String, String> {
    let newer = |package: &PackageFact| {
        let candidate = package.candidate.clone().filter(|candidate| *candidate != package.version)?;
        Some((package.name.clone(), candidate))
    };
    facts.packages.iter().filter_map(newer).collect()
}

fn of<'f>(facts: &'f FactSet, name: &str) -> &'f PackageFact {
    facts.packages.iter().find(|package| package.name == name).unwrap()
}

/// `apk version -l '<'`: `NAME-VERSION < NEWER [@TAG]`
fn versions(bed: &Bed) -> BTreeMap<String, String> {
    let said = bed.said(&["version", "-l", "<"]);
    let line = |line: &str| {
        let (package, newer) = line.split_once(" < ")?;
        let package = package.trim();
        let at = package
            .rmatch_indices('-')
            .find(|(at, _)| package[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
        Some((package[..at.0].to_owned(), newer.split_whitespace().next()?.to_owned()))
    };
    said.lines().filter_map(line).collect()
}

/// `apk upgrade -s`
fn upgrades(bed: &Bed) -> BTreeMap<String, String> {
    let said = bed.said(&["upgrade", "--simulate"]);
    let line = |line: &str| {
        let (head, versions) = line.split_once(" (").filter(|(head, _)| head.contains(") Upgrading "))?;
        let name = head.rsplit(' ').next()?.split('@').next()?;
        Some((name.to_owned(), versions.strip_suffix(')')?.split(" -> ").nth(1)?.to_owned()))
    };
    // The first parenthesis of a line is that of its number.
    said.lines().filter_map(|text| line(text.split_once(") ").map(|_| text)?)).collect()
}

#[test]
fn candidates_are_those_of_apk_version() {
    let Some(bed) = Bed::new() else { return };
    let mut theirs = versions(&bed);
    assert!(theirs.len() > 10, "{theirs:?}");
    // `apk version` looks past the world, which admits only 1.0 and what begins with it. It shows packages of a tag by
    // where they came from; the world says where they come from.
    assert_eq!(theirs.insert("tb-fuzzy".to_owned(), "1.0.1-r0".to_owned()).as_deref(), Some("1.1-r0"));
    theirs.insert("tb-edge".to_owned(), "2.0-r0".to_owned());
    assert_eq!(candidates(&bed.facts()), theirs);
}

#[test]
fn what_is_free_to_move_is_what_apk_upgrade_moves() {
    let Some(bed) = Bed::new() else { return };
    // As long as it is wanted beside tb-stays, apk upgrades nothing at all. This moves tb-edge along.
    bed.said(&["del", "--quiet", "tb-goes"]);
    let facts = bed.facts();
    let mut ours = candidates(&facts);
    ours.retain(|name, _| !of(&facts, name).held);
    // That another package needs exactly the installed version is for the solver to find.
    assert_eq!(ours.remove("tb-loose").as_deref(), Some("1.1-r0"));
    assert_eq!(ours, upgrades(&bed));
}

#[test]
fn a_package_says_what_is_known_of_it() {
    let Some(bed) = Bed::new() else { return };
    let facts = bed.facts();
    let names: Vec<_> = facts.repositories.iter().map(|repository| repository.suite.as_str()).collect();
    assert_eq!(names, ["base", "updates", "edge"]);
    assert_eq!(
        (facts.repositories[1].label.as_str(), facts.repositories[2].component.as_str()),
        ("bed updates", "@edge")
    );
    assert_eq!(
        (facts.os.id.as_str(), facts.os.version_id.as_str(), facts.os.arch.as_str()),
        ("alpine", "3.23.6", "x86_64")
    );
    let libs = of(&facts, "tb-ssl-libs");
    assert_eq!((libs.source.as_deref(), libs.automatic, libs.held), (Some("tb-ssl"), false, false));
    assert_eq!(libs.available[0].repositories, [1]);
    assert_eq!(libs.available[0].built_at, Some(Timestamp::from_seconds(1_735_787_045)));
    assert!(libs.installed_at.is_some_and(|at| at > Timestamp::from_seconds(1_735_787_045)));
    assert!(of(&facts, "tb-loose").automatic);
    let pinned = of(&facts, "tb-pinned");
    assert_eq!((pinned.held, pinned.candidate.as_deref()), (true, Some("1.1-r0")));
    let fuzzy = of(&facts, "tb-fuzzy");
    let versions: Vec<_> =
        fuzzy.available.iter().map(|offer| (offer.version.as_str(), offer.excluded)).collect();
    assert_eq!(versions, [("1.1-r0", true), ("1.0.1-r0", false), ("1.0-r0", false)]);
    // A newer one that nobody asked for.
    assert_eq!(of(&facts, "tb-ssl").available.first().map(|offer| offer.version.as_str()), Some("1.1-r0"));
}

#[test]
fn what_an_upgrade_left_broken_is_seen() {
    let Some(bed) = Bed::new() else { return };
    assert!(!bed.apk(&["add", "tb-fail=1.1-r0", "tb-hash=1.1-r0"]).status.success());
    let facts = bed.facts();
    assert_eq!(
        (of(&facts, "tb-fail").version.as_str(), of(&facts, "tb-fail").state),
        ("1.1-r0", PackageState::HalfConfigured)
    );
    assert_eq!(
        (of(&facts, "tb-hash").version.as_str(), of(&facts, "tb-hash").state),
        ("1.0-r0", PackageState::Installed)
    );
}

/// Indexes that apk fetched stand in its cache under names of its own.
#[test]
fn indexes_of_servers_are_found_in_the_cache() {
    let Some(bed) = Bed::new() else { return };
    let before = bed.facts();
    let server = Server::of(bed.path().join("repo"));
    let at = format!("http://{}", server.address);
    fs::write(
        bed.path().join("etc/apk/repositories"),
        format!("{at}/base\n{at}/updates/\n@edge {at}/edge\n"),
    )
    .unwrap();
    let options =
        GatherOptions { now: Timestamp::from_seconds(7), refresh: RefreshLists::Never, data_dir: None };
    let nothing = packages::of(&bed.root).unwrap().gather(&options).unwrap_err().to_string();
    assert!(nothing.contains("run `apk update`"), "{nothing}");
    let update = || refresh::by(|run| ApkTransactions::new(&bed.root).fetch_indexes(run), &options);
    assert_eq!(update().outcome, ListRefresh::Refreshed);
    let (facts, observation) = packages::of(&bed.root).unwrap().gather(&options).unwrap();
    assert_eq!(facts.packages, before.packages);
    assert!(observation.lists_updated_at.is_some());
    // One of them goes away: its old index stays in use, and it is told.
    fs::rename(bed.path().join("repo/edge"), bed.path().join("repo/gone")).unwrap();
    let refresh = update();
    assert_eq!(refresh.outcome, ListRefresh::Partial);
    let failed: Vec<_> =
        refresh.failed.iter().map(|failure| (failure.suite.as_str(), failure.error.as_str())).collect();
    assert_eq!(failed, [("edge", "HTTP 404: Not Found")]);
    assert_eq!(packages::of(&bed.root).unwrap().gather(&options).unwrap().0, facts);
    // One was never fetched: the others are read, and it is told.
    fs::write(bed.path().join("etc/apk/repositories"), format!("{at}/base\n{at}/nowhere\n")).unwrap();
    let (_, observation) = packages::of(&bed.root).unwrap().gather(&options).unwrap();
    let missing: Vec<_> =
        observation.failed_repositories.iter().map(|failure| failure.suite.as_str()).collect();
    assert_eq!(missing, ["nowhere"]);
}
