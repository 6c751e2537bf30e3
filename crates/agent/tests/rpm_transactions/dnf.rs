//! dnf 4.

use agent::packages::rpm_tools::dnf::DnfTransactions as Dnf;
use agent::packages::{GatherOptions, RefreshLists};
use api::Timestamp;
use domain::baseline::Source;
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, ChangeReason, Limits};
use domain::patch::way_back::OldVersion;

use crate::bed::{Bed, changed, codes, wanted, ways};

fn bed() -> Option<Bed> {
    Bed::new("dnf-bed", &["dnf"])
}

#[test]
fn approved_versions_and_what_they_need_go_in() {
    let Some(bed) = bed() else { return };
    let dnf = Dnf::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1"), wanted("tb-ssl", "1.1"), wanted("kernel", "5.10.2")];
    let expected = [
        ("kernel", None, Some("5.10.2-1.bed")),
        ("tb-brandnew", None, Some("1.0-1.bed")),
        ("tb-newdep", Some("1.0-1.bed"), Some("1.1-1.bed")),
        ("tb-ssl", Some("1.0-1.bed"), Some("1.1-1.bed")),
    ];
    let plan = dnf.plan(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((changed(&plan.changes), codes(&plan.refused)), (expected.to_vec(), vec![]));
    assert_eq!(plan.changes[1].reason, ChangeReason::Dependency);
    assert!(plan.download_bytes.is_some_and(|bytes| bytes > 1000), "{plan:?}");
    assert_eq!(bed.versions("tb-ssl"), "1.0-1.bed");
    let outcome = dnf.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((changed(&outcome.changes), codes(&outcome.failed)), (expected.to_vec(), vec![]));
    assert_eq!((bed.versions("kernel").as_str(), outcome.warnings), ("5.10.1-1.bed,5.10.2-1.bed", vec![]));
}

#[test]
fn what_fails_is_named_and_the_others_go_in() {
    let Some(bed) = bed() else { return };
    let all = [
        wanted("tb-bug", "1.1"),
        wanted("tb-fail", "1.1"),
        wanted("tb-failpre", "1.1"),
        wanted("tb-hash", "1.1"),
        wanted("tb-stays", "1.1"),
        wanted("tb-ssl", "7.7"),
    ];
    let outcome = Dnf::new(&bed.root).install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(
        codes(&outcome.failed),
        [
            ("tb-failpre", FailureCode::ScriptFailed, "tb-failpre %prein"),
            ("tb-hash", FailureCode::ChecksumMismatch, "tb-hash"),
            ("tb-stays", FailureCode::UnmetDependency, "tb-stays"),
            ("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl"),
        ]
    );
    assert_eq!(codes(&outcome.half_done), [("tb-fail", FailureCode::ScriptFailed, "tb-fail %post")]);
    assert_eq!(outcome.warnings, []);
    let versions = ["tb-bug", "tb-fail", "tb-failpre", "tb-hash", "tb-goes"].map(|name| bed.versions(name));
    assert_eq!(versions, ["1.1-1.bed", "1.1-1.bed", "1.0-1.bed", "1.0-1.bed", "1.0-1.bed"]);
}

#[test]
fn a_rejected_dependency_keeps_out_what_needs_it() {
    let Some(bed) = bed() else { return };
    let limits = Limits { blocked: vec!["tb-brand*".to_owned()], ..Limits::default() };
    let all = [wanted("tb-newdep", "1.1"), wanted("tb-bug", "1.1")];
    let outcome = Dnf::new(&bed.root).install(&all, &limits, &mut bed.run()).unwrap();
    assert_eq!(codes(&outcome.failed), [("tb-newdep", FailureCode::RejectedDependency, "tb-brandnew")]);
    assert_eq!((bed.versions("tb-brandnew").as_str(), bed.versions("tb-bug").as_str()), ("", "1.1-1.bed"));
}

#[test]
fn changes_can_be_taken_back() {
    let Some(bed) = bed() else { return };
    let dnf = Dnf::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1"), wanted("kernel", "5.10.2")];
    let outcome = dnf.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(outcome.changes.len(), 3, "{outcome:?}");
    let plan = dnf.undo_plan(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!((plan.changes.len(), plan.refused.as_slice()), (3, [].as_slice()));
    assert_eq!(dnf.blockers(&plan), []);
    let files = dnf.files_of(&outcome.changes[2..], &mut bed.run());
    assert!(files.iter().any(|file| file.starts_with("/usr/share/bed/")), "{files:?}");
    let lost = Change { from: Some("0.5-1.bed".to_owned()), ..outcome.changes[2].clone() };
    let plan = dnf.undo_plan(&[lost], &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-newdep", FailureCode::UndoImpossible, "tb-newdep")]);
    let undone = dnf.undo(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!(codes(&undone.failed), []);
    let versions = ["tb-newdep", "kernel", "tb-brandnew"].map(|name| bed.versions(name));
    assert_eq!(versions, ["1.0-1.bed", "5.10.1-1.bed", ""]);
}

#[test]
fn a_plan_says_where_the_versions_of_now_are_to_be_had() {
    let Some(bed) = bed() else { return };
    let dnf = Dnf::new(&bed.root);
    let all = [wanted("tb-newdep", "1.1"), wanted("tb-bug", "1.1"), wanted("kernel", "5.10.2")];
    let plan = dnf.plan(&all, &Limits::default(), &mut bed.run()).unwrap();
    let found = dnf.ways_back(&plan.changes, &mut bed.run()).unwrap();
    let expected =
        [("kernel", ""), ("tb-brandnew", ""), ("tb-bug", "repository"), ("tb-newdep", "repository")];
    assert_eq!(ways(&found), expected);
    assert_eq!(found[2].old, OldVersion::Repository { name: "bed-base".to_owned() });

    bed.switch_off("etc/yum.repos.d/bed.repo", "[bed-base]");
    let cache = "var/cache/dnf/bed-base-0123456789abcdef/packages";
    let file = bed.keep_file(cache, "tb-bug-1.0-1.bed.noarch.rpm");
    let passing = bed.keep_file(cache, "tb-newdep-1.0-1.bed.noarch.rpm");
    // dnf means to delete this one after the next transaction.
    let list = serde_json::to_string(&[&passing]).unwrap();
    std::fs::write(bed.path().join("var/cache/dnf/tempfiles.json"), list).unwrap();
    let plan = dnf.plan(&all, &Limits::default(), &mut bed.run()).unwrap();
    let found = dnf.ways_back(&plan.changes, &mut bed.run()).unwrap();
    assert_eq!(
        ways(&found),
        [("kernel", ""), ("tb-brandnew", ""), ("tb-bug", "cache"), ("tb-newdep", "gone")]
    );
    let failure = found[3].old.failure().unwrap();
    assert_eq!(failure.detail, "version 1.0-1.bed is in no repository and not in the cache");

    let outcome = dnf.install(&all[..2], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((codes(&outcome.failed), file.exists(), passing.exists()), (vec![], true, false));
    let plan = dnf.undo_plan(&outcome.changes, &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-newdep", FailureCode::UndoImpossible, "tb-newdep")]);
    let undone = dnf.undo(&outcome.changes[1..2], &mut bed.run()).unwrap();
    assert_eq!((codes(&undone.failed), bed.versions("tb-bug").as_str()), (vec![], "1.0-1.bed"));
}

#[test]
fn sources_of_a_baseline_take_the_place_of_the_nodes_own() {
    let Some(bed) = bed() else { return };
    let source = Source {
        name: "only-base".to_owned(),
        products: vec!["*".to_owned()],
        configuration: format!(
            "[main]\nname=x\nbaseurl=file://{}/repo-base\ngpgcheck=0\n",
            bed.base().display()
        ),
    };
    let mut node = agent::packages::of(&bed.root).unwrap();
    node.replace_repositories(std::slice::from_ref(&source)).unwrap();
    let mut dnf = Dnf::new(&bed.root);
    dnf.replace_repositories(&[source]).unwrap();
    dnf.fetch_metadata(&mut bed.run()).unwrap();
    let options =
        GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None };
    let (facts, _) = node.gather(&options).unwrap();
    let ids: Vec<_> = facts.repositories.iter().map(|repository| repository.suite.as_str()).collect();
    assert_eq!(ids, ["only-base"]);
    let plan = dnf.plan(&[wanted("tb-ssl", "1.1")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-ssl", FailureCode::VersionUnavailable, "tb-ssl")]);
    let own =
        Dnf::new(&bed.root).plan(&[wanted("tb-ssl", "1.1")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!((own.changes.len(), own.refused), (1, vec![]));
}

#[test]
fn metadata_is_fetched_once_nobody_else_fetches_it() {
    let Some(bed) = bed() else { return };
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(bed.path().join("var/cache/dnf/metadata_lock.pid"), other.id().to_string()).unwrap();
    let dnf = Dnf::new(&bed.root);
    let mut impatient = bed.run().waiting_for_locks(std::time::Duration::from_millis(300));
    let failure = dnf.fetch_metadata(&mut impatient).unwrap_err();
    other.kill().unwrap();
    other.wait().unwrap();
    let holder = format!("sleep (pid {})", other.id());
    assert_eq!((failure.code, failure.subject), (FailureCode::LockHeld, holder));
    // Its file still lies there, and holds nothing.
    assert!(dnf.fetch_metadata(&mut bed.run()).unwrap().succeeded());
}

#[test]
fn an_unreachable_repository_is_named_before_anything_begins() {
    let Some(bed) = bed() else { return };
    let file = bed.path().join("etc/yum.repos.d/bed.repo");
    let text = std::fs::read_to_string(&file).unwrap();
    let updates = format!("file://{}/repo-updates", bed.base().display());
    assert!(text.contains(&updates), "{text}");
    std::fs::write(&file, text.replace(&updates, "http://127.0.0.1:9/x")).unwrap();
    let failure = Dnf::new(&bed.root)
        .install(&[wanted("tb-ssl", "1.1")], &Limits::default(), &mut bed.run())
        .unwrap_err();
    assert_eq!((failure.code, failure.subject.as_str()), (FailureCode::RepositoryUnreachable, "bed-updates"));
}

#[test]
fn what_an_interrupted_transaction_left_twice_is_cleared_up() {
    let Some(bed) = bed() else { return };
    // The state between installing the new package and erasing the old one.
    let added = std::process::Command::new("rpm")
        .arg("--root")
        .arg(bed.path())
        .args(["-i", "--force", "--nodeps"])
        .arg(bed.base().join("repo-updates/tb-ssl-1.1-1.bed.noarch.rpm"))
        .env("HOME", bed.base().join("home"))
        .status()
        .unwrap();
    assert!(added.success());
    assert_eq!(bed.versions("tb-ssl"), "1.0-1.bed,1.1-1.bed");
    let dnf = Dnf::new(&bed.root);
    dnf.install(&[wanted("kernel", "5.10.2")], &Limits::default(), &mut bed.run()).unwrap();
    let repaired = dnf.repair(&mut bed.run()).unwrap();
    assert_eq!(repaired, []);
    assert_eq!(
        (bed.versions("tb-ssl").as_str(), bed.versions("kernel").as_str()),
        ("1.1-1.bed", "5.10.1-1.bed,5.10.2-1.bed")
    );
}
