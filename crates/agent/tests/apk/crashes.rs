//! Runs that were killed, and what the next one makes of them. The random points are the same in every run; `FETTLE_TEST_SEED`
//! chooses others, `random` fresh ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agent::packages::apk::ApkTransactions as Apk;
use domain::patch::FailureCode;
use domain::patch::transaction::{Limits, Wanted};

use crate::bed::{Bed, codes, is_there, skip, wanted};

/// `tb-newdep` brings `tb-brandnew`, `tb-conf` has a file below `/etc`.
const WANTED: [&str; 7] = ["musl", "tb-bug", "tb-conf", "tb-newdep", "tb-slow", "tb-ssl", "tb-ssl-libs"];
/// How many points of a transaction are tried.
const POINTS: usize = 10;
const SEED: u64 = 20_261_121;
/// The calls by which apk changes files and its database.
const CALLS: &str = "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,symlinkat,fchmodat,utimensat";

/// Waits until a file says so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// apk as the agent starts it, stopped in the middle of a package's script.
fn apk_in_a_script(bed: &Bed) -> Child {
    let child = Command::new("chroot")
        .arg(bed.path())
        .args(["/sbin/apk", "add", "tb-slow=1.1-r0", "tb-bug=1.1-r0", "tb-edge@edge=1.0-r0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let file = bed.path().join("usr/share/bed/tb-slow");
    until("tb-slow's files", || fs::read_to_string(&file).is_ok_and(|text| text.contains("1.1-r0")));
    child
}

fn all() -> Vec<Wanted> {
    WANTED.iter().map(|name| wanted(name, "1.1-r0")).collect()
}

/// As the agent asks for it, with the note that lets the next run put the world back.
fn arguments(bed: &Bed) -> Vec<String> {
    let asked: Vec<String> = WANTED
        .iter()
        .map(|name| format!("{name}=1.1-r0"))
        .chain(["tb-edge@edge=1.0-r0".to_owned()])
        .collect();
    let note = bed.path().join("var/cache/fettle-agent/apk/world.json");
    fs::create_dir_all(note.parent().unwrap()).unwrap();
    fs::write(&note, serde_json::json!({ "before": bed.world(), "asked": asked }).to_string()).unwrap();
    fs::write(bed.path().join("tmp/quick"), "").unwrap();
    asked
}

/// apk under `strace`, told what to do with its calls.
fn traced(bed: &Bed, options: &[&str]) -> std::process::ExitStatus {
    let asked = arguments(bed);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]).args(options).arg("chroot").arg(bed.path());
    strace.args(["/sbin/apk", "add", "--cache-predownload"]).args(asked);
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
}

/// Every call of apk's own that changes something, in order, each with its number among those of its name.
fn changing_calls(bed: &Bed, log: &Path) -> Vec<(String, usize)> {
    let trace = format!("trace={CALLS}");
    assert!(traced(bed, &["-o", log.to_str().unwrap(), "-e", &trace]).success());
    let text = fs::read_to_string(log).unwrap();
    // What scripts do is done by others.
    let own = text.split(' ').next().unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(' ').filter(|(process, _)| *process == own));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    lines
        .filter_map(|(_, call)| Some(call.trim().split_once('(')?.0))
        .map(|name| {
            let count = counts.entry(name).or_default();
            *count += 1;
            (name.to_owned(), *count)
        })
        .collect()
}

/// Ten different ones of so many, the same for the same seed (SplitMix64).
fn points(count: usize) -> BTreeSet<usize> {
    let mut state = match std::env::var("FETTLE_TEST_SEED").as_deref() {
        Ok("random") => (agent::random_fraction() * 1e15) as u64,
        Ok(seed) => seed.parse().expect("a number, or `random`"),
        Err(_) => SEED,
    };
    eprintln!("FETTLE_TEST_SEED={state} repeats this run");
    let mut points = BTreeSet::new();
    while points.len() < POINTS.min(count) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        points.insert(usize::try_from((mixed ^ (mixed >> 31)) % count as u64).unwrap());
    }
    points
}

/// Packages and versions as apk itself has them.
fn told_by_apk(bed: &Bed) -> BTreeSet<String> {
    bed.said(&["info", "-v"]).lines().map(str::to_owned).collect()
}

/// Whether every package is whole, by its files and by apk's own checks, and nothing half unpacked is left.
fn assert_whole(bed: &Bed, world: &str, context: &str) {
    assert_eq!(bed.world(), world, "{context}");
    assert!(!bed.path().join("var/cache/fettle-agent/apk/world.json").exists(), "{context}");
    for name in WANTED {
        assert_eq!(bed.version(name), "1.1-r0", "{context}: {name}");
        let file = fs::read_to_string(bed.path().join("usr/share/bed").join(name)).unwrap();
        assert_eq!(file, format!("{name} 1.1-r0\n"), "{context}");
    }
    assert_eq!(bed.version("tb-brandnew"), "1.0-r0", "{context}");
    assert_eq!(bed.version("tb-edge"), "1.0-r0", "{context}");
    let left = Command::new("find").arg(bed.path().join("usr")).args(["-name", ".apk.*"]).output().unwrap();
    assert_eq!(String::from_utf8(left.stdout).unwrap(), "", "{context}");
    // Files that differ from their packages, or belong to none.
    let audit = bed.said(&["audit", "--full", "--recursive", "/usr/share/bed"]);
    assert_eq!(audit, "", "{context}");
}

#[test]
fn an_apk_killed_anywhere_is_repaired_and_finished_by_the_next_run() {
    if !is_there("strace") {
        return skip("strace is not installed, so apk cannot be stopped at a chosen call");
    }
    let Some(bed) = Bed::new() else { return };
    let (before, world) = (told_by_apk(&bed), bed.world());
    let log = bed.path().join("tmp/calls");
    let calls = changing_calls(&bed, &log);
    let expected = told_by_apk(&bed);
    assert!(calls.len() > 2 * POINTS, "{calls:?}");
    let mut with_new_files = 0;
    for point in points(calls.len()) {
        let (call, count) = &calls[point];
        let context = format!("{call} {count}, {point} of {}", calls.len());
        let bed = Bed::new().unwrap();
        let inject = format!("inject={call}:signal=KILL:when={count}");
        let trace = format!("trace={CALLS}");
        let status = traced(&bed, &["-o", "/dev/null", "-e", &trace, "-e", &inject]);
        assert!(!status.success(), "{context}: it was not cut");
        let is_new = |name: &&&str| {
            let file = fs::read_to_string(bed.path().join("usr/share/bed").join(name));
            file.is_ok_and(|text| text.contains("1.1-r0"))
        };
        let replaced = WANTED.iter().filter(is_new).count();
        with_new_files += usize::from(replaced > 0);

        // What a scan tells is what apk has, which is all or nothing.
        let left = told_by_apk(&bed);
        let facts = bed.facts();
        let told: BTreeSet<String> =
            facts.packages.iter().map(|package| format!("{}-{}", package.name, package.version)).collect();
        assert_eq!(told, left, "{context}");
        assert!(left == before || left == expected, "{context}: {left:?}");

        let apk = Apk::new(&bed.root);
        assert_eq!(apk.repair(&mut bed.run()).unwrap(), [], "{context}");
        assert_eq!((bed.world().as_str(), told_by_apk(&bed)), (world.as_str(), left), "{context}");
        let outcome = apk.install(&all(), &Limits::default(), &mut bed.run()).unwrap();
        assert_eq!(codes(&outcome.failed), [], "{context}");
        assert_eq!(told_by_apk(&bed), expected, "{context}");
        assert_whole(&bed, &world, &context);
    }
    assert!(with_new_files > 0, "no run was cut after it had replaced files: this test shows little");
}

#[test]
fn what_a_killed_apk_left_is_finished_by_the_next_installation() {
    let Some(bed) = Bed::new() else { return };
    let mut child = apk_in_a_script(&bed);
    child.kill().unwrap();
    child.wait().unwrap();
    // The files are new, the database is old: what was not finished was not done.
    assert_eq!((bed.version("tb-slow").as_str(), bed.version("tb-bug").as_str()), ("1.0-r0", "1.0-r0"));
    let apk = Apk::new(&bed.root);
    assert_eq!(apk.repair(&mut bed.run()).unwrap(), []);
    fs::write(bed.path().join("tmp/quick"), "").unwrap();
    let all = [wanted("tb-slow", "1.1-r0"), wanted("tb-bug", "1.1-r0"), wanted("tb-ssl", "1.1-r0")];
    let outcome = apk.install(&all, &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(codes(&outcome.failed), []);
    assert_eq!(["tb-slow", "tb-bug", "tb-ssl"].map(|name| bed.version(name)), ["1.1-r0", "1.1-r0", "1.1-r0"]);
}

/// The agent dies after apk has written its wishes into the world, and before it put the world back.
#[test]
fn wishes_of_a_dead_run_do_not_stay_in_the_world() {
    let Some(bed) = Bed::new() else { return };
    let world = bed.world();
    let note = bed.path().join("var/cache/fettle-agent/apk/world.json");
    fs::create_dir_all(note.parent().unwrap()).unwrap();
    let asked = ["tb-ssl=1.1-r0", "tb-edge@edge=1.0-r0", "!tb-nothing"];
    let text = serde_json::json!({ "before": world, "asked": asked }).to_string();
    fs::write(&note, text).unwrap();
    bed.said(&["add", "--quiet", asked[0], asked[1], asked[2]]);
    assert!(bed.world().contains("tb-ssl=1.1-r0"));
    assert_eq!(Apk::new(&bed.root).repair(&mut bed.run()).unwrap(), []);
    assert_eq!((bed.world(), note.exists()), (world, false));
    assert_eq!(bed.version("tb-ssl"), "1.1-r0");
}

/// A script that failed once and would go well now is run again. Nothing else moves, tb-edge neither.
#[test]
fn a_broken_package_is_repaired() {
    let Some(bed) = Bed::new() else { return };
    let (apk, world) = (Apk::new(&bed.root), bed.world());
    let outcome = apk.install(&[wanted("tb-fail", "1.1-r0")], &Limits::default(), &mut bed.run()).unwrap();
    assert_eq!(codes(&outcome.failed), [("tb-fail", FailureCode::ScriptFailed, "tb-fail post-upgrade")]);
    let broken = || {
        let database = fs::read_to_string(bed.path().join("lib/apk/db/installed")).unwrap();
        database.lines().any(|line| line == "f:s")
    };
    assert!(broken());
    fs::write(bed.path().join("tmp/sound"), "").unwrap();
    assert_eq!(apk.repair(&mut bed.run()).unwrap(), []);
    assert!(!broken());
    assert_eq!((bed.version("tb-fail").as_str(), bed.version("tb-edge").as_str()), ("1.1-r0", "1.0-r0"));
    assert_eq!(bed.world(), world);
}
