//! pacman killed at ten points of a transaction, then repaired: nothing is lost, half there or locked.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agent::packages::PackageManager;
use agent::packages::pacman::Pacman;
use agent::packages::tool::ToolRun;
use domain::patch::transaction::{Limits, Wanted};

use crate::bed::{Bed, wanted};

const WANTED: [&str; 6] = ["tb-app", "tb-bug", "tb-many1", "tb-many2", "tb-many3", "tb-ssl"];

fn all() -> Vec<Wanted> {
    WANTED.iter().map(|name| wanted(name, "1.1-1")).collect()
}

/// Where a pacman dies: at its Nth call of a kind that changes the local database or the files.
const POINTS: [(&str, u32); 10] = [
    ("unlink", 2),
    ("unlink", 3),
    ("unlink", 5),
    ("unlink", 9),
    ("rmdir", 1),
    ("rmdir", 4),
    ("mkdir", 7),
    ("mkdir", 10),
    ("utimensat", 1),
    ("utimensat", 4),
];

/// A pacman in front of the real one, which dies in the middle of its transaction.
fn killer(folder: &Path, call: &str, count: u32) -> std::path::PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let text = format!(
        "#!/bin/sh\nfor word in \"$@\"; do\n  [ \"$word\" = -U ] && exec strace -f -qq -o /dev/null -e inject={call}:signal=KILL:when={count} \
         /usr/bin/pacman \"$@\"\ndone\nexec /usr/bin/pacman \"$@\"\n"
    );
    let path = bin.join("pacman");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    bin
}

/// Whether pacman itself finds its database, and the files of every package, in order.
fn assert_sound(bed: &Bed, context: &str) {
    for check in [["-Dk"], ["-Qk"]] {
        let output = bed.pacman(&check);
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("error:"), "{context}: {said}");
    }
    assert!(!bed.path().join("var/lib/pacman/db.lck").exists(), "{context}");
}

#[test]
fn a_killed_transaction_is_finished_by_the_next_run() {
    if !crate::bed::can(&["strace"]) {
        return;
    }
    let mut interrupted = 0;
    for (call, count) in POINTS {
        let Some(bed) = Bed::new() else { return };
        let context = format!("{call} {count}");
        let folder = tempfile::tempdir().unwrap();
        let path =
            format!("{}:{}", killer(folder.path(), call, count).display(), std::env::var("PATH").unwrap());
        let pacman = Pacman::new(&bed.root);
        // What the killed run came to does not matter: the agent would have been killed with it.
        let mut killed = bed.run().with_env("PATH", path);
        let plan = pacman.plan(&all(), &Limits::default(), &mut killed).unwrap();
        assert_eq!(plan.refused, [], "{context}");
        kill_within(&bed, &pacman, &mut killed);
        interrupted += u32::from(bed.path().join("var/lib/pacman/db.lck").exists());

        let repaired = pacman.repair(&mut bed.run()).unwrap();
        assert_sound(&bed, &context);
        for name in WANTED {
            let version = bed.version(name);
            assert!(["1.0-1", "1.1-1"].contains(&version.as_str()), "{context}: {name} is `{version}`");
        }
        assert_eq!(pacman.repair(&mut bed.run()).unwrap(), [], "{context}: {repaired:?}");
        let outcome = pacman.install(&all(), &Limits::default(), &mut bed.run()).unwrap();
        assert_eq!(outcome.failed, [], "{context}");
        for name in WANTED {
            assert_eq!(bed.version(name), "1.1-1", "{context}: {name}");
            let file = std::fs::read_to_string(bed.path().join("usr/share/bed").join(name)).unwrap();
            assert_eq!(file, format!("{name} 1.1-1\n"), "{context}");
        }
        assert_sound(&bed, &context);
    }
    assert_eq!(interrupted, 10, "every run was cut");
}

/// The steps before the transaction, and the transaction itself until it dies, as a killed agent leaves them: without the
/// repair that a living one does at once.
fn kill_within(bed: &Bed, pacman: &Pacman<'_>, run: &mut ToolRun) {
    pacman.begin_and_abandon(&all(), run).unwrap();
    assert!(!bed.version("tb-goes").is_empty());
}

/// Somebody else's pacman, killed from outside while a script of the package runs, leaves no note.
#[test]
fn anothers_killed_pacman_is_cleared_up_after() {
    let Some(bed) = Bed::new() else { return };
    let root = bed.path();
    let mut other = Command::new("pacman")
        .arg("--root")
        .arg(&root)
        .arg("--dbpath")
        .arg(root.join("var/lib/pacman"))
        .arg("--config")
        .arg(root.join("etc/pacman.conf"))
        .arg("--cachedir")
        .arg(root.join("var/cache/pacman/pkg"))
        .args(["--logfile", "/dev/null", "--noconfirm", "-S", "tb-slow"])
        .env("TB_SLOW", "30")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let new = root.join("var/lib/pacman/local/tb-slow-1.1-1/desc");
    while !new.exists() {
        assert!(Instant::now() < deadline, "pacman did not get that far");
        std::thread::sleep(Duration::from_millis(20));
    }
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(root.join("var/lib/pacman/db.lck").exists());
    // The record was cut short as well.
    std::fs::write(&new, "").unwrap();
    let pacman = Pacman::new(&bed.root);
    let changes = pacman.repair(&mut bed.run()).unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(bed.version("tb-slow"), "1.1-1");
    assert_sound(&bed, "another's");
}
