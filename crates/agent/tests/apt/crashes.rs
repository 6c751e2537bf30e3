//! Runs that are ended in the middle, and disks that run full in the middle: the next run repairs, and tells the truth.
//! A run in a process of its own is this program again, as [`the_run_in_a_process_of_its_own`].

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agent::packages::root::Root;
use agent::packages::tool::ToolRun;
use agent::packages::{GatherOptions, RefreshLists, of};
use domain::patch::FailureCode;
use domain::patch::transaction::{Limits, Outcome, Wanted};

use crate::bed::Bed;
use crate::killing::kill_all;
use crate::oracle::skip;
use crate::transactions::{codes, wanted};

const ROOT: &str = "FETTLE_TEST_CRASH_ROOT";
const WORKER: &str = "crashes::the_run_in_a_process_of_its_own";
const POINTS: u32 = 10;

fn all() -> Vec<Wanted> {
    let rows = [
        ("tb-bug", "1.0-1+u1"),
        ("tb-conf", "1.1-1"),
        ("tb-epoch", "1:1.0-1"),
        ("tb-kernel", "5.10.2-1"),
        ("tb-newdep", "1.1-1"),
        ("tb-slow", "1.1-1"),
    ];
    rows.map(|(name, version)| wanted(name, version)).to_vec()
}

fn install(root: &Path) -> Outcome {
    let root = Root::at(root).unwrap();
    let scratch = root.shown(Path::new("/var/cache/scratch"));
    let mut run = ToolRun::new(&scratch, Duration::from_secs(300)).with_env("TB_SLOW", "0.3");
    of(&root).unwrap().install(&all(), &Limits::default(), &mut run).expect("it can begin")
}

/// Does nothing unless another test starts it for a root.
#[test]
fn the_run_in_a_process_of_its_own() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let outcome = install(Path::new(&root));
    std::fs::write(Path::new(&root).join("outcome.json"), serde_json::to_vec(&outcome).unwrap()).unwrap();
}

fn worker(wrapper: &[String], root: &Path) -> Child {
    let own = std::env::current_exe().unwrap().display().to_string();
    let words: Vec<_> = wrapper.iter().cloned().chain([own]).collect();
    Command::new(&words[0])
        .args(&words[1..])
        .args(["--exact", WORKER, "--nocapture"])
        .env(ROOT, root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program runs")
}

fn copy_of(bed: &Bed, name: &str) -> PathBuf {
    let copy = bed.root().join("..").join(name);
    let copied = Command::new("cp").arg("-a").arg(bed.root()).arg(&copy).status().unwrap();
    assert!(copied.success());
    copy.canonicalize().unwrap()
}

/// `name version` of everything that dpkg has, and whether each is whole.
fn dpkg(root: &Path) -> Vec<(String, String)> {
    let output = Command::new("dpkg-query")
        .arg("--admindir")
        .arg(root.join("var/lib/dpkg"))
        .args(["-W", "-f=${Package} ${Version}\t${db:Status-Status}\n"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().filter_map(|line| line.split_once('\t'));
    rows.map(|(package, state)| (package.to_owned(), state.to_owned())).collect()
}

#[test]
fn a_run_killed_anywhere_is_repaired_and_finished_by_the_next() {
    let Some(bed) = Bed::new() else { return };
    let whole = copy_of(&bed, "whole");
    let began = Instant::now();
    assert!(worker(&[], &whole).wait().unwrap().success());
    let (mut length, expected) = (began.elapsed(), dpkg(&whole));
    assert!(expected.iter().all(|(_, state)| state == "installed"), "{expected:?}");
    let mut interrupted = 0;
    for point in 0..POINTS {
        let root = copy_of(&bed, &format!("killed-{point}"));
        let mut child = worker(&[], &root);
        // Spread over the run, none of them quite where the last run's was.
        let after = length.mul_f64((f64::from(point) + agent::random_fraction()) / f64::from(POINTS));
        let began = Instant::now();
        let mut is_over = false;
        while began.elapsed() < after && !is_over {
            is_over = child.try_wait().unwrap().is_some();
            std::thread::yield_now();
        }
        if is_over {
            // The first run was slower than they usually are.
            length = began.elapsed();
        }
        kill_all(child.id());
        child.wait().unwrap();
        interrupted += u32::from(!root.join("outcome.json").exists());

        let seen = Root::at(&root).unwrap();
        let options = GatherOptions {
            now: api::Timestamp::from_seconds(0),
            refresh: RefreshLists::Never,
            data_dir: None,
        };
        let (facts, _) = of(&seen).unwrap().gather(&options).expect("what is left can be read");
        let told: Vec<_> =
            facts.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
        let present: Vec<_> = dpkg(&root).into_iter().map(|(package, _)| package).collect();
        assert_eq!(sorted(told), sorted(present), "killed after {after:?}");

        let outcome = install(&root);
        assert_eq!(outcome.failed, [], "killed after {after:?}");
        assert_eq!(dpkg(&root), expected, "killed after {after:?}");
    }
    assert!(interrupted > 2, "only {interrupted} of {POINTS} runs were still going: this test shows little");
}

/// As dpkg leaves it when it is ended between a package's last file and its word that all are there.
#[test]
fn what_must_be_unpacked_again_is() {
    let Some(bed) = Bed::new() else { return };
    let root = copy_of(&bed, "half-unpacked");
    assert_eq!(install(&root).failed, []);
    let expected = dpkg(&root);
    let status = root.join("var/lib/dpkg/status");
    let text = std::fs::read_to_string(&status).unwrap();
    let whole = "Package: tb-epoch\nStatus: install ok installed\n";
    assert!(text.contains(whole), "{text}");
    let broken = text.replace(whole, "Package: tb-epoch\nStatus: install reinstreq unpacked\n");
    std::fs::write(&status, broken).unwrap();
    assert_ne!(dpkg(&root), expected);
    assert_eq!(install(&root).failed, []);
    assert_eq!(dpkg(&root), expected);
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort_unstable();
    rows
}

/// Runs with a small file system at `place`; what came of it.
fn with_little_space(bed: &Bed, name: &str, place: &str, kilobytes: u32) -> Option<(Outcome, PathBuf)> {
    if !rustix::process::geteuid().is_root() {
        skip("a file system of its own needs root rights");
        return None;
    }
    let root = copy_of(bed, name);
    let at = root.join(place);
    std::fs::create_dir_all(&at).unwrap();
    let mount = format!(
        "mount -t tmpfs -o size={kilobytes}k,mode=755 tmpfs '{0}' && head -c 1000000 /dev/zero > '{0}/full' 2>/dev/null; exec \"$@\"",
        at.display()
    );
    let wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", &mount, "sh"];
    let status = worker(&wrapper.map(str::to_owned), &root).wait().unwrap();
    assert!(status.success(), "the run ended with {status}");
    let outcome = std::fs::read(root.join("outcome.json")).expect("the run tells its outcome");
    Some((serde_json::from_slice(&outcome).unwrap(), root))
}

#[test]
fn a_small_disk_is_noticed_before_anything_begins() {
    let Some(bed) = Bed::new() else { return };
    let Some((outcome, root)) = with_little_space(&bed, "small", "var/cache/apt/archives", 4096) else {
        return;
    };
    assert_eq!(outcome.changes, []);
    assert_eq!(outcome.failed.len(), all().len());
    let place = root.join("var/cache/apt/archives").display().to_string();
    for refusal in &outcome.failed {
        assert_eq!((refusal.failure.code, &refusal.failure.subject), (FailureCode::DiskFull, &place));
    }
    assert_eq!(dpkg(&root), dpkg(&bed.root()));
}

#[test]
fn a_disk_that_runs_full_in_the_middle_is_told_and_repaired_later() {
    let Some(bed) = Bed::new() else { return };
    // Not where space is looked for beforehand.
    let Some((outcome, root)) = with_little_space(&bed, "full", "usr/lib/tb-kernel", 8) else { return };
    let full = outcome.failed.iter().find(|refusal| refusal.wanted.name == "tb-kernel");
    assert_eq!(full.map(|refusal| refusal.failure.code), Some(FailureCode::DiskFull), "{outcome:?}");
    let next = install(&root);
    assert_eq!(codes(&next.failed), []);
    assert!(dpkg(&root).iter().all(|(_, state)| state == "installed"));
}
