//! pacman 6.

use std::process::Command;
use std::time::Duration;

use agent::packages::pacman::Pacman;
use agent::packages::{GatherOptions, PackageManager, RefreshLists};
use api::Timestamp;
use domain::baseline::Source;
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, ChangeReason, Limits};
use domain::patch::way_back::{OldVersion, WayBack};

use crate::bed::{Bed, changed, codes, package, wanted};

#[test]
fn a_node_is_read() {
    let Some(bed) = Bed::new() else { return };
    let facts = bed.facts();
    assert_eq!((facts.os.id.as_str(), facts.os.arch.as_str()), ("arch", "x86_64"));
    let repositories: Vec<_> =
        facts.repositories.iter().map(|repository| repository.suite.as_str()).collect();
    assert_eq!(repositories, ["core", "extra"]);
    let held = package(&facts, "tb-held");
    assert_eq!((held.held, held.candidate.as_deref()), (true, Some("1.1-1")));
    // The first repository that has it counts, whatever the others have.
    let ssl = package(&facts, "tb-ssl");
    assert_eq!(
        (ssl.candidate.as_deref(), ssl.available[0].repositories.as_slice()),
        (Some("1.1-1"), &[0][..])
    );
    assert_eq!(ssl.available[0].built_at, Some(Timestamp::from_seconds(1_735_787_045)));
    assert!(ssl.installed_at.is_some() && !ssl.automatic);
    let goes = package(&facts, "tb-goes");
    assert_eq!((goes.candidate.as_deref(), goes.available.len()), (Some("1.0-1"), 0));
    assert_eq!(package(&facts, "tb-old").obsoleted_by.as_deref(), Some("tb-new"));
}

#[test]
fn approved_versions_and_what_they_need_go_in() {
    let Some(bed) = Bed::new() else { return };
    let pacman = Pacman::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1-1"), wanted("tb-ssl", "1.1-1"), wanted("linux", "1.1.arch1-1")];
    let expected = [
        ("linux", Some("1.0-1"), Some("1.1.arch1-1")),
        ("tb-brandnew", None, Some("1.0-1")),
        ("tb-newdep", Some("1.0-1"), Some("1.1-1")),
        ("tb-ssl", Some("1.0-1"), Some("1.1-1")),
    ];
    let plan = pacman.plan(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((changed(&plan.changes), codes(&plan.refused)), (expected.to_vec(), vec![]));
    assert_eq!(plan.changes[1].reason, ChangeReason::Dependency);
    assert!(plan.download_bytes.is_some_and(|bytes| bytes > 1000), "{plan:?}");
    assert_eq!(pacman.blockers(&plan), []);
    assert_eq!(pacman.files_of(&plan.changes[3..], &mut bed.run()), ["/usr/share/bed/tb-ssl"]);
    // Others have updates too: a part of an upgrade is told as one.
    assert_eq!(plan.warnings[0].code, FailureCode::PartialUpgrade);
    assert!(plan.warnings[0].detail.contains("tb-app"), "{:?}", plan.warnings);
    assert_eq!(bed.version("tb-ssl"), "1.0-1");
    let outcome = pacman.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((changed(&outcome.changes), codes(&outcome.failed)), (expected.to_vec(), vec![]));
    let warned: Vec<_> = outcome.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(warned, [FailureCode::PartialUpgrade]);
    let facts = bed.facts();
    assert!(package(&facts, "tb-brandnew").automatic && !package(&facts, "tb-newdep").automatic);
    // Only what we asked for was written: pacman finds nothing amiss, and its own lists are as they were.
    let check = bed.pacman(&["-Dk"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

#[test]
fn what_fails_is_named_and_the_others_go_in() {
    let Some(bed) = Bed::new() else { return };
    let all = [
        wanted("tb-bug", "1.1-1"),
        wanted("tb-fail", "1.1-1"),
        wanted("tb-file", "1.1-1"),
        wanted("tb-hash", "1.1-1"),
        wanted("tb-held", "1.1-1"),
        wanted("tb-lib", "2.0-1"),
        wanted("tb-stays", "1.1-1"),
        wanted("tb-ssl", "9.9-1"),
    ];
    let outcome = Pacman::new(&bed.root).install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(
        codes(&outcome.failed),
        [
            (
                "tb-file",
                FailureCode::FileConflict,
                &*bed.path().join("etc/tb-file.conf").display().to_string()
            ),
            ("tb-hash", FailureCode::ChecksumMismatch, "tb-hash"),
            ("tb-held", FailureCode::Held, "tb-held"),
            ("tb-lib", FailureCode::UnmetDependency, "tb-lib"),
            ("tb-stays", FailureCode::WouldRemove, "tb-goes"),
            ("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl"),
        ]
    );
    let warned: Vec<_> = outcome.warnings.iter().map(|failure| failure.subject.as_str()).collect();
    assert_eq!(warned, [""]);
    assert_eq!(
        codes(&outcome.half_done),
        [("tb-fail", FailureCode::ScriptFailed, "tb-fail's install script")]
    );
    let versions =
        ["tb-bug", "tb-fail", "tb-file", "tb-hash", "tb-held", "tb-goes"].map(|name| bed.version(name));
    assert_eq!(versions, ["1.1-1", "1.1-1", "1.0-1", "1.0-1", "1.0-1", "1.0-1"]);
}

#[test]
fn rejected_and_ignored_dependencies_keep_out_what_needs_them() {
    let Some(bed) = Bed::new() else { return };
    let pacman = Pacman::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1-1"), wanted("tb-bug", "1.1-1")];
    for blocked in ["tb-brand*", "tb-brandnew-1.0-1"] {
        let limits = Limits { blocked: vec![blocked.to_owned()], ..Limits::default() };
        let plan = pacman.plan(&all, &limits, &mut bed.run()).unwrap();
        assert_eq!(codes(&plan.refused), [("tb-newdep", FailureCode::RejectedDependency, "tb-brandnew")]);
    }
    let limits = Limits { blocked: vec!["tb-brandnew-2.0-1".to_owned()], ..Limits::default() };
    assert_eq!(pacman.plan(&all, &limits, &mut bed.run()).unwrap().refused, []);
    let config = bed.path().join("etc/pacman.conf");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("IgnorePkg = ", "IgnorePkg = tb-brand* ")).unwrap();
    let outcome = pacman.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(codes(&outcome.failed), [("tb-newdep", FailureCode::Held, "tb-brandnew")]);
    assert_eq!((bed.version("tb-brandnew").as_str(), bed.version("tb-bug").as_str()), ("", "1.1-1"));
}

#[test]
fn changes_can_be_taken_back() {
    let Some(bed) = Bed::new() else { return };
    let pacman = Pacman::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1-1"), wanted("tb-epoch", "1:1.0-1")];
    let outcome = pacman.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(outcome.changes.len(), 3, "{outcome:?}");
    let plan = pacman.undo_plan(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!((plan.changes.len(), plan.refused), (3, vec![]));
    let lost = Change { from: Some("0.5-1".to_owned()), ..outcome.changes[2].clone() };
    let plan = pacman.undo_plan(&[lost], &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-newdep", FailureCode::UndoImpossible, "tb-newdep")]);
    // Removing the new dependency alone would break what needs it.
    let only = [outcome.changes[0].clone()];
    let plan = pacman.undo_plan(&only, &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-brandnew", FailureCode::UnmetDependency, "tb-newdep")]);
    let undone = pacman.undo(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!(codes(&undone.failed), []);
    let versions = ["tb-newdep", "tb-epoch", "tb-brandnew"].map(|name| bed.version(name));
    assert_eq!(versions, ["1.0-1", "9.0-1", ""]);
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
    let pacman = Pacman::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1-1"), wanted("tb-bug", "1.1-1")];
    let plan = pacman.plan(&all, &Limits::default(), &mut bed.run()).unwrap();
    let found = pacman.ways_back(&plan.changes, &mut bed.run()).unwrap();
    let mut expected = vec![("tb-brandnew", ""), ("tb-bug", "cache"), ("tb-newdep", "cache")];
    assert_eq!(ways(&found), expected);
    let OldVersion::Cache { file } = &found[1].old else { panic!("{found:?}") };
    // As `paccache` would.
    std::fs::remove_file(file).unwrap();
    expected[1].1 = "gone";
    let found = pacman.ways_back(&plan.changes, &mut bed.run()).unwrap();
    assert_eq!(ways(&found), expected);
    let failure = found[1].old.failure().unwrap();
    assert_eq!((failure.code, failure.subject.as_str()), (FailureCode::UndoImpossible, "tb-bug"));
    assert!(failure.detail.contains("no file of version 1.0-1"), "{failure}");
}

#[test]
fn sources_of_a_baseline_take_the_place_of_the_nodes_own() {
    let Some(bed) = Bed::new() else { return };
    let source = Source {
        name: "only-extra".to_owned(),
        products: vec!["*".to_owned()],
        configuration: format!("[extra]\nServer = file://{}/repo/extra\n", bed.base().display()),
    };
    let mut pacman = Pacman::new(&bed.root);
    pacman.replace_repositories(&[source]).unwrap();
    let options = |refresh| GatherOptions { now: Timestamp::from_seconds(0), refresh, data_dir: None };
    let (facts, observation) = pacman.gather(&options(RefreshLists::WherePossible)).unwrap();
    assert_eq!(observation.refresh, domain::facts::ListRefresh::Refreshed);
    let names: Vec<_> = facts.repositories.iter().map(|repository| repository.suite.as_str()).collect();
    assert_eq!(names, ["extra"]);
    assert_eq!(package(&facts, "tb-ssl").candidate.as_deref(), Some("9.9-1"));
    assert!(package(&facts, "tb-held").held, "the node's other settings hold");
    let plan = pacman.plan(&[wanted("tb-bug", "1.1-1")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-bug", FailureCode::VersionUnavailable, "tb-bug")]);
    let outcome = pacman.install(&[wanted("tb-ssl", "9.9-1")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((codes(&outcome.failed), bed.version("tb-ssl").as_str()), (vec![], "9.9-1"));
    let own = Pacman::new(&bed.root).plan(&[wanted("tb-bug", "1.1-1")], &Limits::default(), &mut bed.run());
    assert_eq!(own.unwrap().refused, []);
}

#[test]
fn another_pacman_is_named_and_a_dead_ones_lock_is_not_in_the_way() {
    let Some(bed) = Bed::new() else { return };
    let lock = bed.path().join("var/lib/pacman/db.lck");
    let file = std::fs::File::create(&lock).unwrap();
    let mut other = Command::new("sleep").arg("60").stdin(file).spawn().unwrap();
    let pacman = Pacman::new(&bed.root);
    let all = [wanted("tb-bug", "1.1-1")];
    let mut impatient = bed.run().waiting_for_locks(Duration::from_millis(300));
    let installed = pacman.install(&all, &Limits::default(), &mut impatient);
    // A plan needs no lock.
    let planned = pacman.plan(&all, &Limits::default(), &mut bed.run());
    other.kill().unwrap();
    other.wait().unwrap();
    let failure = installed.unwrap_err();
    let holder = format!("sleep (pid {})", other.id());
    assert_eq!((failure.code, failure.subject), (FailureCode::LockHeld, holder));
    assert_eq!(planned.unwrap().refused, []);
    assert!(lock.exists());
    let outcome = pacman.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((codes(&outcome.failed), bed.version("tb-bug").as_str()), (vec![], "1.1-1"));
    assert!(!lock.exists());
}

#[test]
fn an_unreachable_repository_is_named_and_the_old_list_serves() {
    let Some(bed) = Bed::new() else { return };
    let config = bed.path().join("etc/pacman.conf");
    let text = std::fs::read_to_string(&config).unwrap();
    let core = format!("file://{}/repo/core\n", bed.base().display());
    assert!(text.contains(&core), "{text}");
    std::fs::write(&config, text.replace(&core, "http://127.0.0.1:9/x\n")).unwrap();
    let outcome = Pacman::new(&bed.root)
        .install(
            &[wanted("tb-bug", "1.1-1"), wanted("tb-grouped", "1.1-1")],
            &Limits::default(),
            &mut bed.run(),
        )
        .unwrap();
    assert_eq!(codes(&outcome.failed), [("tb-bug", FailureCode::DownloadFailed, "tb-bug")]);
    assert_eq!(bed.version("tb-grouped"), "1.1-1");
}
