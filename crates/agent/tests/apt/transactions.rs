//! Transactions through the real apt and dpkg, on the hermetic bed: seen as a root of its own, and through `APT_CONFIG`.

use std::path::PathBuf;
use std::time::Duration;

use agent::packages::apt::{Apt, Environment};
use agent::packages::root::Root;
use agent::packages::tool::ToolRun;
use agent::packages::{GatherOptions, PackageManager, RefreshLists, of};
use domain::baseline::Source;
use domain::facts::ListRefresh;
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, ChangeReason, Limits, Outcome, Plan, Refusal, Wanted};
use domain::patch::way_back::{OldVersion, WayBack};

use crate::bed::Bed;

pub struct Node {
    pub bed: Bed,
    pub root: Root,
}

impl Node {
    pub fn new() -> Option<Self> {
        let bed = Bed::new()?;
        let root = Root::at(&bed.root()).unwrap();
        Some(Self { bed, root })
    }

    pub fn tool_run(&self) -> ToolRun {
        ToolRun::new(&self.bed.root().join("../scratch"), Duration::from_secs(300))
            .streaming_to(|_, line| eprintln!("| {line}"))
    }

    pub fn install(&self, wanted: &[Wanted], limits: &Limits) -> Outcome {
        of(&self.root).unwrap().install(wanted, limits, &mut self.tool_run()).expect("it can begin")
    }

    pub fn plan(&self, wanted: &[Wanted], limits: &Limits) -> Plan {
        of(&self.root).unwrap().plan(wanted, limits, &mut self.tool_run()).expect("it can be planned")
    }

    /// `name=version state`, sorted.
    pub fn state(&self, name: &str) -> String {
        let (_, text) = self.bed.run("dpkg-query", &["-W", "-f=${Version} ${db:Status-Abbrev}\n", name]);
        text.trim().to_owned()
    }
}

pub fn wanted(name: &str, version: &str) -> Wanted {
    Wanted { name: name.to_owned(), arch: "amd64".to_owned(), version: version.to_owned() }
}

pub fn no_limits() -> Limits {
    Limits::default()
}

pub fn codes(refused: &[Refusal]) -> Vec<(&str, FailureCode, &str)> {
    refused
        .iter()
        .map(|refusal| (refusal.wanted.name.as_str(), refusal.failure.code, refusal.failure.subject.as_str()))
        .collect()
}

fn changed(changes: &[Change]) -> Vec<(&str, Option<&str>, Option<&str>, ChangeReason)> {
    changes
        .iter()
        .map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref(), change.reason))
        .collect()
}

#[test]
fn approved_versions_and_what_they_need_go_in() {
    let Some(node) = Node::new() else { return };
    let wanted = [wanted("tb-newdep", "1.1-1"), wanted("tb-bug", "1.0-1+u1"), wanted("tb-conf", "1.1-1")];
    let expected = [
        ("tb-brandnew", None, Some("1.0-1"), ChangeReason::Dependency),
        ("tb-bug", Some("1.0-1"), Some("1.0-1+u1"), ChangeReason::Wanted),
        ("tb-conf", Some("1.0-1"), Some("1.1-1"), ChangeReason::Wanted),
        ("tb-newdep", Some("1.0-1"), Some("1.1-1"), ChangeReason::Wanted),
    ];
    let plan = node.plan(&wanted, &no_limits());
    assert_eq!((changed(&plan.changes), codes(&plan.refused)), (expected.to_vec(), vec![]));
    assert!(plan.download_bytes.is_some_and(|bytes| bytes > 1000), "{plan:?}");
    assert_eq!(node.state("tb-newdep"), "1.0-1 ii");

    let conf = node.bed.root().join("etc/tb-conf.conf");
    std::fs::write(&conf, "setting=mine\n").unwrap();
    let outcome = node.install(&wanted, &no_limits());
    assert_eq!((changed(&outcome.changes), codes(&outcome.failed)), (expected.to_vec(), vec![]));
    assert_eq!((node.state("tb-newdep").as_str(), outcome.warnings), ("1.1-1 ii", vec![]));
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), "setting=mine\n");
}

#[test]
fn what_fails_is_named_and_the_others_go_in() {
    let Some(node) = Node::new() else { return };
    let all = [
        wanted("tb-bug", "1.0-1+u1"),
        wanted("tb-epoch", "1:1.0-1"),
        wanted("tb-fail", "1.1-1"),
        wanted("tb-hash", "1.1-1"),
        wanted("tb-held", "1.1-1"),
        wanted("tb-stays", "1.1-1"),
        wanted("tb-kernel", "9-nowhere"),
    ];
    let outcome = node.install(&all, &no_limits());
    assert_eq!(
        codes(&outcome.failed),
        [
            ("tb-fail", FailureCode::ScriptFailed, "tb-fail postinst"),
            ("tb-hash", FailureCode::ChecksumMismatch, "tb-hash"),
            ("tb-held", FailureCode::Held, "tb-held"),
            ("tb-stays", FailureCode::WouldRemove, "tb-goes"),
            ("tb-kernel", FailureCode::VersionUnavailable, "tb-kernel"),
        ]
    );
    let states =
        ["tb-bug", "tb-epoch", "tb-fail", "tb-hash", "tb-held", "tb-goes"].map(|name| node.state(name));
    assert_eq!(states, ["1.0-1+u1 ii", "1:1.0-1 ii", "1.1-1 iF", "1.0-1 ii", "1.0-1 hi", "1.0-1 ii"]);
}

#[test]
fn a_rejected_dependency_keeps_out_what_needs_it() {
    let Some(node) = Node::new() else { return };
    let limits = Limits { blocked: vec!["tb-brand*".to_owned()], ..Limits::default() };
    let outcome = node.install(&[wanted("tb-newdep", "1.1-1"), wanted("tb-bug", "1.0-1+u1")], &limits);
    assert_eq!(codes(&outcome.failed), [("tb-newdep", FailureCode::RejectedDependency, "tb-brandnew")]);
    assert_eq!(
        (node.state("tb-newdep").as_str(), node.state("tb-bug").as_str()),
        ("1.0-1 ii", "1.0-1+u1 ii")
    );
}

#[test]
fn all_architectures_of_a_source_go_together() {
    let Some(node) = Node::new() else { return };
    let version = "1.0-1+deb12u1";
    let foreign = Wanted { arch: "i386".to_owned(), ..wanted("tb-ssl", version) };
    let all = [wanted("tb-ssl", version), foreign, wanted("tb-ssl-bin", version), wanted("tb-held", "1.1-1")];
    let outcome = node.install(&all, &no_limits());
    assert_eq!(codes(&outcome.failed), [("tb-held", FailureCode::Held, "tb-held")]);
    assert_eq!(outcome.changes.len(), 3, "{outcome:?}");
    assert_eq!(outcome.changes.iter().filter(|change| change.name == "tb-ssl").count(), 2);
}

#[test]
fn changes_can_be_taken_back() {
    let Some(node) = Node::new() else { return };
    let outcome = node.install(&[wanted("tb-newdep", "1.1-1"), wanted("tb-bug", "1.0-1+u1")], &no_limits());
    assert_eq!(outcome.changes.len(), 3);
    let manager = of(&node.root).unwrap();
    let plan = manager.undo_plan(&outcome.changes, &mut node.tool_run()).unwrap();
    assert_eq!((plan.changes.len(), plan.refused), (3, vec![]));
    let gone = Change { from: Some("0.1-1".to_owned()), ..outcome.changes[0].clone() };
    let plan = manager.undo_plan(&[gone], &mut node.tool_run()).unwrap();
    assert_eq!(codes(&plan.refused), [("tb-brandnew", FailureCode::UndoImpossible, "tb-brandnew")]);
    let undone = manager.undo(&outcome.changes, &mut node.tool_run()).unwrap();
    assert_eq!((undone.changes.len(), undone.failed), (3, vec![]));
    assert_eq!((node.state("tb-newdep").as_str(), node.state("tb-bug").as_str()), ("1.0-1 ii", "1.0-1 ii"));
    assert_eq!(node.state("tb-brandnew"), "");
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

/// What is said beforehand is what an undo then finds, from lists, from apt's cache, and from neither.
#[test]
fn a_plan_says_where_the_versions_of_now_are_to_be_had() {
    let Some(node) = Node::new() else { return };
    let all = [wanted("tb-newdep", "1.1-1"), wanted("tb-bug", "1.0-1+u1"), wanted("tb-conf", "1.1-1")];
    let said = |changes: &[Change]| of(&node.root).unwrap().ways_back(changes, &mut node.tool_run()).unwrap();
    let plan = node.plan(&all, &no_limits());
    let found = said(&plan.changes);
    let expected = [
        ("tb-brandnew", ""),
        ("tb-bug", "repository"),
        ("tb-conf", "repository"),
        ("tb-newdep", "repository"),
    ];
    assert_eq!(ways(&found), expected);
    assert_eq!(found[1].old, OldVersion::Repository { name: "Debian:12.0/stable".to_owned() });
    assert_eq!(found[1].wanted, wanted("tb-bug", "1.0-1"));

    // The suite with the old versions is gone; one of their files is kept.
    let sources = node.bed.root().join("etc/apt/sources.list");
    let text = std::fs::read_to_string(&sources).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" bookworm main")).collect();
    std::fs::write(&sources, lines.join("\n") + "\n").unwrap();
    let file = "tb-bug_1.0-1_amd64.deb";
    let archives = node.bed.root().join("var/cache/apt/archives");
    std::fs::copy(node.bed.root().join("../repo/pool/base").join(file), archives.join(file)).unwrap();
    // What nobody has brought is still to be had where the updates are.
    let plan = node.plan(&all, &no_limits());
    let found = said(&plan.changes);
    assert_eq!(
        ways(&found),
        [("tb-brandnew", ""), ("tb-bug", "cache"), ("tb-conf", "gone"), ("tb-newdep", "gone")]
    );
    assert!(matches!(&found[1].old, OldVersion::Cache { file: found } if found.ends_with(file)), "{found:?}");
    let failure = found[2].old.failure().unwrap();
    assert_eq!((failure.code, failure.subject.as_str()), (FailureCode::UndoImpossible, "tb-conf"));
    assert_eq!(failure.detail, "version 1.0-1 is in no repository and not in the cache");

    let outcome = node.install(&all, &no_limits());
    assert_eq!(codes(&outcome.failed), []);
    let undone = of(&node.root).unwrap().undo(&outcome.changes, &mut node.tool_run()).unwrap();
    let impossible = |name| (name, FailureCode::UndoImpossible, name);
    assert_eq!(codes(&undone.failed)[..1], [impossible("tb-conf")]);
    assert_eq!((node.state("tb-bug").as_str(), node.state("tb-conf").as_str()), ("1.0-1 ii", "1.1-1 ii"));
}

#[test]
fn an_interrupted_run_is_finished() {
    let Some(node) = Node::new() else { return };
    let deb = node.bed.root().join("../repo/pool/upd/tb-bug_1.0-1+u1_amd64.deb").canonicalize().unwrap();
    let root = format!("--root={}", node.bed.root().display());
    let (unpacked, text) =
        node.bed.run("dpkg", &[&root, "--force-not-root", "--unpack", &deb.display().to_string()]);
    assert!(unpacked, "{text}");
    assert_eq!(node.state("tb-bug"), "1.0-1+u1 iU");
    of(&node.root).unwrap().repair(&mut node.tool_run()).unwrap();
    assert_eq!(node.state("tb-bug"), "1.0-1+u1 ii");
}

#[test]
fn a_node_of_another_configuration_is_reached_through_it() {
    let Some(bed) = Bed::new() else { return };
    let apt_config: PathBuf = bed.root().join("../apt.conf");
    let root = Root::host();
    let apt = Apt::new(&root, Environment { apt_config: Some(apt_config) });
    let mut run = ToolRun::new(&bed.root().join("../scratch"), Duration::from_secs(300));
    let outcome = apt.install(&[wanted("tb-bug", "1.0-1+u1")], &no_limits(), &mut run).unwrap();
    assert_eq!((outcome.changes.len(), outcome.failed), (1, vec![]));
}

#[test]
fn a_sibling_of_one_source_moves_along() {
    let Some(node) = Node::new() else { return };
    let outcome = node.install(&[wanted("tb-ssl", "1.0-1+deb12u1")], &no_limits());
    assert_eq!(codes(&outcome.failed), []);
    let states = ["tb-ssl:amd64", "tb-ssl:i386", "tb-ssl-bin"].map(|name| node.state(name));
    assert_eq!(states, ["1.0-1+deb12u1 ii", "1.0-1+deb12u1 ii", "1.0-1+deb12u1 ii"]);
    let reasons: Vec<_> = outcome.changes.iter().map(|change| change.reason).collect();
    assert_eq!(reasons, [ChangeReason::Wanted, ChangeReason::Dependency, ChangeReason::Dependency]);
}

#[test]
fn marks_of_dependencies_survive() {
    let Some(node) = Node::new() else { return };
    assert!(node.bed.run("apt-mark", &["auto", "tb-bug", "tb-epoch"]).0);
    node.install(&[wanted("tb-bug", "1.0-1+u1"), wanted("tb-conf", "1.1-1")], &no_limits());
    assert_eq!(node.bed.run("apt-mark", &["showauto"]).1, "tb-bug\ntb-epoch\n");
}

#[test]
fn sources_of_a_baseline_take_the_place_of_the_nodes_own() {
    let Some(node) = Node::new() else { return };
    let repo = node.bed.root().join("../repo").canonicalize().unwrap();
    let source = Source {
        name: "updates".to_owned(),
        products: vec!["*".to_owned()],
        configuration: format!("deb [trusted=yes] file:{} bookworm-updates main", repo.display()),
    };
    let list = node.bed.root().join("etc/apt/sources.list");
    let own = std::fs::read(&list).unwrap();
    let lists = || {
        let mut names: Vec<_> = std::fs::read_dir(node.bed.root().join("var/lib/apt/lists"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let lists_before = lists();
    let mut manager = of(&node.root).unwrap();
    manager.replace_repositories(&[source]).unwrap();
    let options = GatherOptions {
        now: api::Timestamp::from_seconds(0),
        refresh: RefreshLists::WherePossible,
        data_dir: None,
    };
    let (facts, observation) = manager.gather(&options).unwrap();
    assert_eq!(observation.refresh, ListRefresh::Refreshed);
    let suites: Vec<_> = facts.repositories.iter().map(|repository| repository.suite.as_str()).collect();
    assert!(!suites.is_empty() && suites.iter().all(|suite| *suite == "stable-updates"), "{suites:?}");
    let both = [wanted("tb-bug", "1.0-1+u1"), wanted("tb-epoch", "1:1.0-1")];
    let outcome = manager.install(&both, &no_limits(), &mut node.tool_run()).unwrap();
    assert_eq!(codes(&outcome.failed), [("tb-epoch", FailureCode::VersionUnavailable, "tb-epoch")]);
    assert_eq!(node.state("tb-bug"), "1.0-1+u1 ii");
    assert_eq!((std::fs::read(&list).unwrap(), lists()), (own, lists_before));
}

/// Another process that holds the lock of a file until its input is closed. A lock of this very process would not stand in
/// its own way.
fn hold(file: &std::path::Path) -> std::process::Child {
    let mut holder = std::process::Command::new("python3")
        .args(["-c", "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"])
        .arg(file)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.stdout.take().unwrap()), &mut said)
        .unwrap();
    holder
}

#[test]
fn lists_are_fetched_once_nobody_else_fetches_them() {
    let Some(node) = Node::new() else { return };
    let apt = Apt::new(&node.root, Environment::default());
    let mut holder = hold(&node.bed.root().join("var/lib/apt/lists/lock"));
    let mut impatient = node.tool_run().waiting_for_locks(Duration::from_millis(300));
    let failure = apt.fetch_lists(&mut impatient).unwrap_err();
    assert_eq!(failure.code, FailureCode::LockHeld);
    assert!(failure.to_string().contains(&format!("(pid {})", holder.id())), "{failure}");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    let refresh = apt.fetch_lists(&mut node.tool_run()).unwrap();
    assert_eq!((refresh.outcome, refresh.failed), (ListRefresh::Refreshed, vec![]));
}

#[test]
fn somebody_elses_lock_is_waited_for_and_named() {
    let Some(node) = Node::new() else { return };
    let mut holder = hold(&node.bed.root().join("var/lib/dpkg/lock-frontend"));
    let manager = of(&node.root).unwrap();
    let bug = [wanted("tb-bug", "1.0-1+u1")];
    let mut impatient = node.tool_run().waiting_for_locks(Duration::from_millis(300));
    let failure = manager.install(&bug, &no_limits(), &mut impatient).unwrap_err();
    assert_eq!(failure.code, FailureCode::LockHeld);
    assert!(failure.subject.contains(&format!("pid {}", holder.id())), "{failure}");
    // A plan needs no lock.
    assert_eq!(node.plan(&bug, &no_limits()).changes.len(), 1);
    let waiting = std::thread::scope(|scope| {
        let installing = scope.spawn(|| node_install(&node.bed.root(), &bug));
        drop(holder.stdin.take());
        holder.wait().unwrap();
        installing.join().unwrap()
    });
    assert_eq!(waiting.failed, []);
}

fn node_install(root: &std::path::Path, wanted: &[Wanted]) -> Outcome {
    let root = Root::at(root).unwrap();
    let mut run = ToolRun::new(&root.shown("/../scratch".as_ref()), Duration::from_secs(120));
    of(&root).unwrap().install(wanted, &no_limits(), &mut run).unwrap()
}

#[test]
fn a_phased_version_that_was_approved_goes_in() {
    let Some(node) = Node::new() else { return };
    let outcome = node.install(&[wanted("tb-phased", "1.1-1")], &no_limits());
    assert_eq!((codes(&outcome.failed), node.state("tb-phased").as_str()), (vec![], "1.1-1 ii"));
}
