//! Installing, refusing, undoing.

use std::fs;
use std::time::Duration;

use agent::packages::apk::ApkTransactions as Apk;
use agent::packages::{self, GatherOptions, RefreshLists};
use api::Timestamp;
use domain::baseline::Source;
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, Limits};
use domain::patch::way_back::{OldVersion, WayBack};

use crate::bed::{Bed, changed, codes, wanted};
use crate::server::Server;

#[test]
fn approved_versions_and_what_they_need_go_in() {
    let Some(bed) = Bed::new() else { return };
    let (apk, world) = (Apk::new(&bed.root), bed.world());
    let all = [wanted("tb-newdep", "1.1-r0"), wanted("tb-both", "1.1-r0"), wanted("tb-fuzzy", "1.0.1-r0")];
    let expected = [
        ("tb-both", Some("1.0-r0"), Some("1.1-r0")),
        ("tb-brandnew", None, Some("1.0-r0")),
        ("tb-fuzzy", Some("1.0-r0"), Some("1.0.1-r0")),
        ("tb-newdep", Some("1.0-r0"), Some("1.1-r0")),
    ];
    let plan = apk.plan(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((changed(&plan.changes), codes(&plan.refused)), (expected.to_vec(), vec![]));
    assert!(plan.download_bytes.is_some_and(|bytes| bytes > 1000), "{plan:?}");
    assert_eq!(plan.disk_bytes, Some(4096));
    assert_eq!((bed.version("tb-newdep").as_str(), bed.world()), ("1.0-r0", world.clone()));
    assert_eq!(apk.blockers(&plan), []);
    let files = ["/usr/share/bed/tb-both", "/usr/share/bed/tb-fuzzy", "/usr/share/bed/tb-newdep"];
    assert_eq!(apk.files_of(&plan.changes), files);
    let outcome = apk.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    // tb-edge, which any other `apk add` would move along, stays.
    assert_eq!((changed(&outcome.changes), codes(&outcome.failed)), (expected.to_vec(), vec![]));
    assert_eq!(outcome.warnings, []);
    assert_eq!(bed.world(), world);
    assert!(bed.facts().packages.iter().find(|package| package.name == "tb-brandnew").unwrap().automatic);
}

#[test]
fn packages_of_a_tag_stay_packages_of_that_tag() {
    let Some(bed) = Bed::new() else { return };
    let world = bed.world();
    let apk = Apk::new(&bed.root);
    let outcome = apk.install(&[wanted("tb-edge", "2.0-r0")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(changed(&outcome.changes), [("tb-edge", Some("1.0-r0"), Some("2.0-r0"))]);
    assert_eq!(bed.world(), world);
    let outcome = apk.install(&[wanted("tb-ssl", "9.0-r0")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(codes(&outcome.failed), [("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl")]);
}

#[test]
fn what_fails_is_named_and_the_others_go_in() {
    let Some(bed) = Bed::new() else { return };
    let world = bed.world();
    let all = [
        wanted("tb-bug", "1.1-r0"),
        wanted("tb-fail", "1.1-r0"),
        wanted("tb-failpre", "1.1-r0"),
        wanted("tb-trigger", "1.1-r0"),
        wanted("tb-hash", "1.1-r0"),
        wanted("tb-pinned", "1.1-r0"),
        wanted("tb-fuzzy", "1.1-r0"),
        wanted("tb-stays", "1.1-r0"),
        wanted("tb-loose", "1.1-r0"),
        wanted("tb-ssl", "7.7-r0"),
        wanted("tb-ssl-libs", "1.1-r0"),
    ];
    let outcome = Apk::new(&bed.root).install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(
        codes(&outcome.failed),
        [
            ("tb-fail", FailureCode::ScriptFailed, "tb-fail post-upgrade"),
            ("tb-failpre", FailureCode::ScriptFailed, "tb-failpre pre-upgrade"),
            ("tb-trigger", FailureCode::ScriptFailed, "tb-trigger trigger"),
            ("tb-hash", FailureCode::ChecksumMismatch, "tb-hash"),
            ("tb-pinned", FailureCode::Held, "tb-pinned"),
            ("tb-fuzzy", FailureCode::Held, "tb-fuzzy"),
            ("tb-stays", FailureCode::WouldRemove, "tb-goes"),
            ("tb-loose", FailureCode::UnmetDependency, "tb-loose"),
            ("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl"),
        ]
    );
    let held = &outcome.failed[4].failure.detail;
    assert!(held.contains("`tb-pinned=1.0-r0`"), "{held}");
    let versions =
        ["tb-bug", "tb-ssl-libs", "tb-fail", "tb-hash", "tb-goes", "tb-edge"].map(|name| bed.version(name));
    assert_eq!(versions, ["1.1-r0", "1.1-r0", "1.1-r0", "1.0-r0", "1.0-r0", "1.0-r0"]);
    assert_eq!(bed.world(), world);
    // They are not taken for installed by the next run either.
    let plan =
        Apk::new(&bed.root).plan(&[wanted("tb-fail", "1.1-r0")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(plan.refused, []);
}

#[test]
fn a_rejected_dependency_keeps_out_what_needs_it() {
    let Some(bed) = Bed::new() else { return };
    let world = bed.world();
    let limits = Limits { blocked: vec!["tb-brand*".to_owned()], ..Limits::default() };
    let all = [wanted("tb-newdep", "1.1-r0"), wanted("tb-bug", "1.1-r0"), wanted("tb-pinned", "1.1-r0")];
    let outcome = Apk::new(&bed.root).install(&all, &limits, &mut bed.run()).unwrap();
    assert_eq!(
        codes(&outcome.failed),
        [
            ("tb-newdep", FailureCode::RejectedDependency, "tb-brandnew"),
            ("tb-pinned", FailureCode::Held, "tb-pinned"),
        ]
    );
    assert_eq!((bed.version("tb-brandnew").as_str(), bed.version("tb-bug").as_str()), ("", "1.1-r0"));
    assert_eq!(bed.world(), world);
}

#[test]
fn changes_can_be_taken_back() {
    let Some(bed) = Bed::new() else { return };
    let (apk, world) = (Apk::new(&bed.root), bed.world());
    let all = [wanted("tb-newdep", "1.1-r0"), wanted("tb-conf", "1.1-r0")];
    let outcome = apk.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(outcome.changes.len(), 3, "{outcome:?}");
    let plan = apk.undo_plan(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!((plan.changes.len(), codes(&plan.refused)), (3, vec![]));
    let lost = Change { from: Some("0.5-r0".to_owned()), ..outcome.changes[1].clone() };
    let plan = apk.undo_plan(&[lost], &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-conf", FailureCode::UndoImpossible, "tb-conf")]);
    let undone = apk.undo(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!(codes(&undone.failed), []);
    let versions = ["tb-newdep", "tb-brandnew", "tb-conf"].map(|name| bed.version(name));
    assert_eq!(versions, ["1.0-r0", "", "1.0-r0"]);
    assert_eq!(bed.world(), world);
}

/// Where each version from before is: `repository`, `cache`, `gone` or nothing to be had.
fn ways(ways: &[WayBack]) -> Vec<(&str, &str)> {
    let word = |old: &OldVersion| match old {
        OldVersion::NotNeeded => "",
        OldVersion::Cache { .. } => "cache",
        OldVersion::Repository { .. } => "repository",
        OldVersion::Nowhere { .. } => "gone",
    };
    ways.iter().map(|way| (way.wanted.name.as_str(), word(&way.old))).collect()
}

#[test]
fn a_plan_says_where_the_versions_of_now_are_to_be_had() {
    let Some(bed) = Bed::new() else { return };
    let apk = Apk::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1-r0"), wanted("tb-conf", "1.1-r0"), wanted("tb-bug", "1.1-r0")];
    let said = || {
        let plan = apk.plan(&all, &Limits::default(), &mut bed.run()).unwrap();
        apk.ways_back(&plan.changes).unwrap()
    };
    let found = said();
    let expected = [
        ("tb-brandnew", ""),
        ("tb-bug", "repository"),
        ("tb-conf", "repository"),
        ("tb-newdep", "repository"),
    ];
    assert_eq!(ways(&found), expected);

    let cache = bed.path().join("etc/apk/cache");
    fs::create_dir_all(&cache).unwrap();
    fs::copy(bed.path().join("repo/base/x86_64/tb-bug-1.0-r0.apk"), cache.join("tb-bug-1.0-r0.0123abcd.apk"))
        .unwrap();
    fs::write(bed.path().join("etc/apk/repositories"), "/repo/updates\n@edge /repo/edge\n").unwrap();
    let found = said();
    let expected = [("tb-brandnew", ""), ("tb-bug", "cache"), ("tb-conf", "gone"), ("tb-newdep", "gone")];
    assert_eq!(ways(&found), expected);
    let failure = found[2].old.failure().unwrap();
    assert_eq!(failure.detail, "version 1.0-r0 is in no repository and not in the cache");
}

/// Where somebody has apk keep packages, an old version can come back that no repository has any more.
#[test]
fn a_kept_package_file_can_come_back() {
    let Some(bed) = Bed::new() else { return };
    let apk = Apk::new(&bed.root);
    let outcome = apk.install(&[wanted("tb-bug", "1.1-r0")], &Limits::default(), &mut bed.run()).unwrap();
    let cache = bed.path().join("etc/apk/cache");
    fs::create_dir_all(&cache).unwrap();
    fs::copy(bed.path().join("repo/base/x86_64/tb-bug-1.0-r0.apk"), cache.join("tb-bug-1.0-r0.0123abcd.apk"))
        .unwrap();
    fs::write(bed.path().join("etc/apk/repositories"), "/repo/updates\n@edge /repo/edge\n").unwrap();
    let world = bed.world();
    let undone = apk.undo(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!((codes(&undone.failed), bed.version("tb-bug").as_str()), (vec![], "1.0-r0"));
    assert_eq!(bed.world(), world);
}

/// What a package needs cannot be fetched: nothing of it is changed, and no fetched file stays.
#[test]
fn what_cannot_be_fetched_changes_nothing() {
    let Some(bed) = Bed::new() else { return };
    let server = Server::of(bed.path().join("repo"));
    let at = format!("http://{}", server.address);
    fs::write(bed.path().join("etc/apk/repositories"), format!("{at}/base\n{at}/updates\n@edge {at}/edge\n"))
        .unwrap();
    bed.said(&["update"]);
    fs::remove_file(bed.path().join("repo/updates/x86_64/tb-brandnew-1.0-r0.apk")).unwrap();
    let all = [wanted("tb-newdep", "1.1-r0"), wanted("tb-bug", "1.1-r0"), wanted("tb-hash", "1.1-r0")];
    let outcome = Apk::new(&bed.root).install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(changed(&outcome.changes), [("tb-bug", Some("1.0-r0"), Some("1.1-r0"))]);
    assert_eq!(
        codes(&outcome.failed),
        [
            ("tb-newdep", FailureCode::DownloadFailed, "tb-brandnew"),
            ("tb-hash", FailureCode::ChecksumMismatch, "tb-hash"),
        ]
    );
    let kept: Vec<_> = fs::read_dir(bed.path().join("var/cache/apk")).unwrap().flatten().collect();
    assert!(
        kept.iter().all(|entry| entry.file_name().to_string_lossy().starts_with("APKINDEX.")),
        "{kept:?}"
    );
}

#[test]
fn sources_of_a_baseline_take_the_place_of_the_nodes_own() {
    let Some(bed) = Bed::new() else { return };
    let own = fs::read(bed.path().join("etc/apk/repositories")).unwrap();
    let server = Server::of(bed.path().join("repo"));
    // The world names a tag, which apk wants a repository for.
    let source = |name: &str, line: String| Source {
        name: name.to_owned(),
        products: vec!["*".to_owned()],
        configuration: line,
    };
    let at = format!("http://{}", server.address);
    let sources = [source("only-base", format!("{at}/base")), source("edge", format!("@edge {at}/edge"))];
    let options = GatherOptions {
        now: Timestamp::from_seconds(0),
        refresh: RefreshLists::WherePossible,
        data_dir: None,
    };
    let mut node = packages::of(&bed.root).unwrap();
    node.replace_repositories(&sources).unwrap();
    let (facts, _) = node.gather(&options).unwrap();
    let names: Vec<_> = facts.repositories.iter().map(|repository| repository.suite.as_str()).collect();
    assert_eq!(names, ["base", "edge"]);
    let plan = node.plan(&[wanted("tb-ssl", "1.1-r0")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl")]);
    let plan =
        Apk::new(&bed.root).plan(&[wanted("tb-ssl", "1.1-r0")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((plan.changes.len(), plan.refused), (1, vec![]));
    assert_eq!(fs::read(bed.path().join("etc/apk/repositories")).unwrap(), own);
}

#[test]
fn another_apk_is_named() {
    let Some(bed) = Bed::new() else { return };
    let lock = fs::File::open(bed.path().join("lib/apk/db/lock")).unwrap();
    lock.lock().unwrap();
    let plan =
        Apk::new(&bed.root).plan(&[wanted("tb-ssl", "1.1-r0")], &Limits::default(), &mut bed.run()).unwrap();
    let blockers = Apk::new(&bed.root).blockers(&plan);
    assert_eq!(blockers.iter().map(|failure| failure.code).collect::<Vec<_>>(), [FailureCode::LockHeld]);
    let mut impatient = bed.run().waiting_for_locks(Duration::from_millis(300));
    let failure = Apk::new(&bed.root)
        .install(&[wanted("tb-ssl", "1.1-r0")], &Limits::default(), &mut impatient)
        .unwrap_err();
    assert_eq!(failure.code, FailureCode::LockHeld);
    assert!(failure.subject.contains(&format!("(pid {})", std::process::id())), "{failure}");
    drop(lock);
    let outcome = Apk::new(&bed.root)
        .install(&[wanted("tb-ssl", "1.1-r0")], &Limits::default(), &mut bed.run())
        .unwrap();
    assert_eq!(codes(&outcome.failed), []);
}
