//! zypper 1.14.

use std::process::Command;

use agent::packages::rpm_tools::zypper::ZypperTransactions as Zypper;
use agent::packages::tool::ToolRun;
use agent::packages::{GatherOptions, RefreshLists};
use api::Timestamp;
use domain::baseline::Source;
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, Limits};
use domain::patch::way_back::OldVersion;

use crate::bed::{Bed, changed, codes, wanted, ways};

fn bed() -> Option<Bed> {
    Bed::new("zypper-bed", &[])
}

/// The bed unpacks zypper itself where it is not installed.
fn run(bed: &Bed) -> ToolRun {
    let tools = bed.base().join("tools/usr/bin");
    let path = std::env::var("PATH").unwrap();
    bed.run().with_env("PATH", format!("{path}:{}", tools.display()))
}

#[test]
fn approved_versions_and_what_they_need_go_in() {
    let Some(bed) = bed() else { return };
    let zypper = Zypper::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1"), wanted("tb-ssl", "1.1")];
    let expected = [
        ("tb-brandnew", None, Some("1.0-1.bed")),
        ("tb-newdep", Some("1.0-1.bed"), Some("1.1-1.bed")),
        ("tb-ssl", Some("1.0-1.bed"), Some("1.1-1.bed")),
    ];
    let plan = zypper.plan(&all, &Limits::default(), &mut run(&bed)).unwrap();
    assert_eq!((changed(&plan.changes), codes(&plan.refused)), (expected.to_vec(), vec![]));
    assert!(plan.download_bytes.is_some_and(|bytes| bytes > 1000), "{plan:?}");
    assert_eq!(bed.versions("tb-ssl"), "1.0-1.bed");
    let outcome = zypper.install(&all, &Limits::default(), &mut run(&bed)).unwrap();
    assert_eq!((changed(&outcome.changes), codes(&outcome.failed)), (expected.to_vec(), vec![]));
}

#[test]
fn what_fails_is_named_and_the_others_go_in() {
    let Some(bed) = bed() else { return };
    let all = [
        wanted("tb-bug", "1.1"),
        wanted("tb-fail", "1.1"),
        wanted("tb-failpre", "1.1"),
        wanted("tb-hash", "1.1"),
        wanted("tb-locked", "1.1"),
        wanted("tb-stays", "1.1"),
        wanted("tb-ssl", "7.7"),
    ];
    let outcome = Zypper::new(&bed.root).install(&all, &Limits::default(), &mut run(&bed)).unwrap();
    assert_eq!(
        codes(&outcome.failed),
        [
            ("tb-failpre", FailureCode::ScriptFailed, "tb-failpre %prein"),
            ("tb-hash", FailureCode::ChecksumMismatch, "tb-hash"),
            ("tb-locked", FailureCode::Held, "tb-locked"),
            ("tb-stays", FailureCode::WouldRemove, "tb-goes"),
            ("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl"),
        ]
    );
    assert_eq!(codes(&outcome.half_done), [("tb-fail", FailureCode::ScriptFailed, "tb-fail %post")]);
    assert_eq!(outcome.warnings, []);
    let versions = ["tb-bug", "tb-fail", "tb-failpre", "tb-hash", "tb-goes"].map(|name| bed.versions(name));
    assert_eq!(versions, ["1.1-1.bed", "1.1-1.bed", "1.0-1.bed", "1.0-1.bed", "1.0-1.bed"]);
}

#[test]
fn a_rejected_dependency_keeps_out_what_needs_it_and_no_lock_stays() {
    let Some(bed) = bed() else { return };
    let locks = bed.path().join("etc/zypp/locks");
    let before = std::fs::read(&locks).unwrap();
    let limits = Limits { blocked: vec!["tb-brand*".to_owned()], ..Limits::default() };
    let all = [wanted("tb-newdep", "1.1"), wanted("tb-bug", "1.1"), wanted("tb-locked", "1.1")];
    let outcome = Zypper::new(&bed.root).install(&all, &limits, &mut run(&bed)).unwrap();
    assert_eq!(
        codes(&outcome.failed),
        [
            ("tb-newdep", FailureCode::RejectedDependency, "tb-brandnew"),
            // The node's own locks hold beside the baseline's.
            ("tb-locked", FailureCode::Held, "tb-locked"),
        ]
    );
    assert_eq!((bed.versions("tb-brandnew").as_str(), bed.versions("tb-bug").as_str()), ("", "1.1-1.bed"));
    assert_eq!(std::fs::read(&locks).unwrap(), before);
}

#[test]
fn changes_can_be_taken_back() {
    let Some(bed) = bed() else { return };
    let zypper = Zypper::new(&bed.root);
    let outcome = zypper.install(&[wanted("tb-newdep", "1.1")], &Limits::default(), &mut run(&bed)).unwrap();
    assert_eq!(outcome.changes.len(), 2, "{outcome:?}");
    let plan = zypper.undo_plan(&outcome.changes, &mut run(&bed)).unwrap();
    assert_eq!((plan.changes.len(), plan.refused.as_slice()), (2, [].as_slice()));
    assert_eq!(zypper.blockers(&plan), []);
    let files = zypper.files_of(&outcome.changes[1..], &mut run(&bed));
    assert!(files.iter().any(|file| file.starts_with("/usr/share/bed/")), "{files:?}");
    let lost = Change { from: Some("0.5-1.bed".to_owned()), ..outcome.changes[1].clone() };
    let plan = zypper.undo_plan(&[lost], &mut run(&bed)).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-newdep", FailureCode::UndoImpossible, "tb-newdep")]);
    let undone = zypper.undo(&outcome.changes, &mut run(&bed)).unwrap();
    assert_eq!(codes(&undone.failed), []);
    assert_eq!((bed.versions("tb-newdep").as_str(), bed.versions("tb-brandnew").as_str()), ("1.0-1.bed", ""));
}

#[test]
fn a_plan_says_where_the_versions_of_now_are_to_be_had() {
    let Some(bed) = bed() else { return };
    let zypper = Zypper::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1"), wanted("tb-bug", "1.1")];
    let plan = zypper.plan(&all, &Limits::default(), &mut run(&bed)).unwrap();
    let found = zypper.ways_back(&plan.changes, &mut run(&bed)).unwrap();
    assert_eq!(ways(&found), [("tb-brandnew", ""), ("tb-bug", "repository"), ("tb-newdep", "repository")]);
    assert_eq!(found[1].old, OldVersion::Repository { name: "bed base".to_owned() });

    bed.switch_off("etc/zypp/repos.d/bed-base.repo", "[bed-base]");
    bed.keep_file("var/cache/zypp/packages/bed-base/noarch", "tb-bug-1.0-1.bed.noarch.rpm");
    let plan = zypper.plan(&all, &Limits::default(), &mut run(&bed)).unwrap();
    let found = zypper.ways_back(&plan.changes, &mut run(&bed)).unwrap();
    assert_eq!(ways(&found), [("tb-brandnew", ""), ("tb-bug", "cache"), ("tb-newdep", "gone")]);
    let failure = found[2].old.failure().unwrap();
    assert_eq!(failure.detail, "version 1.0-1.bed is in no repository and not in the cache");

    let outcome = zypper.install(&all, &Limits::default(), &mut run(&bed)).unwrap();
    assert_eq!(codes(&outcome.failed), []);
    let plan = zypper.undo_plan(&outcome.changes, &mut run(&bed)).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-newdep", FailureCode::UndoImpossible, "tb-newdep")]);
    let undone = zypper.undo(&outcome.changes[1..2], &mut run(&bed)).unwrap();
    assert_eq!((codes(&undone.failed), bed.versions("tb-bug").as_str()), (vec![], "1.0-1.bed"));
}

#[test]
fn sources_of_a_baseline_take_the_place_of_the_nodes_own() {
    let Some(bed) = bed() else { return };
    let source = Source {
        name: "only-base".to_owned(),
        products: vec!["*".to_owned()],
        configuration: format!(
            "[main]\nname=x\nbaseurl=dir:{}/repo-base\ngpgcheck=0\n",
            bed.base().display()
        ),
    };
    let mut node = agent::packages::of(&bed.root).unwrap();
    node.replace_repositories(std::slice::from_ref(&source)).unwrap();
    let mut zypper = Zypper::new(&bed.root);
    zypper.replace_repositories(&[source]).unwrap();
    zypper.fetch_metadata(&mut run(&bed)).unwrap();
    let options =
        GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None };
    let (facts, _) = node.gather(&options).unwrap();
    let ids: Vec<_> = facts.repositories.iter().map(|repository| repository.suite.as_str()).collect();
    assert_eq!(ids, ["only-base"]);
    let plan = zypper.plan(&[wanted("tb-ssl", "1.1")], &Limits::default(), &mut run(&bed)).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl")]);
    let own = Zypper::new(&bed.root);
    let plan = own.plan(&[wanted("tb-ssl", "1.1")], &Limits::default(), &mut run(&bed)).unwrap();
    assert_eq!((plan.changes.len(), plan.refused), (1, vec![]));
}

#[test]
fn another_zypper_is_named() {
    let Some(bed) = bed() else { return };
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(bed.path().join("run/zypp.pid"), other.id().to_string()).unwrap();
    let mut impatient = run(&bed).waiting_for_locks(std::time::Duration::from_millis(300));
    let installed =
        Zypper::new(&bed.root).install(&[wanted("tb-ssl", "1.1")], &Limits::default(), &mut impatient);
    let mut impatient = run(&bed).waiting_for_locks(std::time::Duration::from_millis(300));
    let fetched = Zypper::new(&bed.root).fetch_metadata(&mut impatient);
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(fetched.unwrap_err().code, FailureCode::LockHeld);
    assert!(Zypper::new(&bed.root).fetch_metadata(&mut run(&bed)).unwrap().succeeded());
    let failure = installed.unwrap_err();
    let holder = format!("sleep (pid {})", other.id());
    assert_eq!((failure.code, failure.subject), (FailureCode::LockHeld, holder));
}
