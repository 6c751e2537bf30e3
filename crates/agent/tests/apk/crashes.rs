//! Runs that were killed, and what the next one makes of them.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agent::packages::apk::ApkTransactions as Apk;
use domain::patch::FailureCode;
use domain::patch::transaction::Limits;

use crate::bed::{Bed, codes, wanted};

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
