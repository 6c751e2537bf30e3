//! A copy of the bed's root for each test; the bed itself is made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use agent::packages::root::Root;
use agent::packages::tool::ToolRun;
use agent::packages::{self, GatherOptions, RefreshLists};
use api::Timestamp;
use domain::facts::{FactSet, PackageFact};
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, Refusal, Wanted};

pub struct Bed {
    folder: tempfile::TempDir,
    /// With the repositories.
    base: PathBuf,
    pub root: Root,
}

/// `false`, and a line that says so, where something is missing.
pub fn can(tools: &[&str]) -> bool {
    let is_there = |tool: &&&str| Command::new(tool).arg("--version").output().is_err();
    let why = match tools.iter().find(is_there) {
        Some(tool) => format!("{tool} is not installed, so there is no bed"),
        None if !rustix::process::geteuid().is_root() => {
            "pacman changes into the root, which needs root rights".to_owned()
        }
        None => return true,
    };
    let required = std::env::var("FETTLE_REQUIRE_BEDS").is_ok_and(|value| value == "1");
    assert!(!required, "a bed is required: {why}");
    eprintln!("SKIPPED: {why}");
    false
}

impl Bed {
    pub fn new() -> Option<Self> {
        if !can(&["pacman", "zstd", "busybox"]) {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds/pacman-local-repo.sh");
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pacman-bed");
        fs::create_dir_all(&base).unwrap();
        let lock = fs::File::create(base.join(".lock")).unwrap();
        lock.lock().unwrap();
        let made = Command::new(script).arg(&base).output().expect("the script runs");
        assert!(made.status.success(), "no bed: {}", String::from_utf8_lossy(&made.stderr));
        let folder = tempfile::tempdir().unwrap();
        let copied =
            Command::new("cp").arg("-a").args([base.join("root"), folder.path().join("root")]).status();
        assert!(copied.unwrap().success());
        drop(lock);
        let root = Root::at(&folder.path().join("root")).unwrap();
        Some(Self { folder, base, root })
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub fn base(&self) -> &Path {
        &self.base
    }

    pub fn run(&self) -> ToolRun {
        ToolRun::new(&self.folder.path().join("scratch"), Duration::from_secs(300))
            .with_env("TB_SLOW", "0")
            .streaming_to(|_, line| eprintln!("| {line}"))
    }

    /// pacman itself on this root, with nothing of the agent's.
    pub fn pacman(&self, arguments: &[&str]) -> Output {
        pacman(&self.path(), arguments)
    }

    /// Empty when it is not installed.
    pub fn version(&self, name: &str) -> String {
        let output = self.pacman(&["-Q", name]);
        String::from_utf8(output.stdout).unwrap().trim().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    pub fn facts(&self) -> FactSet {
        facts_of(&self.path())
    }
}

pub fn pacman(root: &Path, arguments: &[&str]) -> Output {
    let at = |path: &str| root.join(path);
    Command::new("pacman")
        .arg("--root")
        .arg(root)
        .arg("--dbpath")
        .arg(at("var/lib/pacman"))
        .arg("--config")
        .arg(at("etc/pacman.conf"))
        .args(["--logfile", "/dev/null", "--color", "never"])
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap()
}

pub fn facts_of(root: &Path) -> FactSet {
    let options =
        GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None };
    let root = Root::at(root).unwrap();
    packages::of(&root).unwrap().gather(&options).unwrap().0
}

pub fn package<'f>(facts: &'f FactSet, name: &str) -> &'f PackageFact {
    facts
        .packages
        .iter()
        .find(|package| package.name == name)
        .unwrap_or_else(|| panic!("{name} is installed"))
}

pub fn wanted(name: &str, version: &str) -> Wanted {
    Wanted { name: name.to_owned(), arch: "any".to_owned(), version: version.to_owned() }
}

pub fn codes(refused: &[Refusal]) -> Vec<(&str, FailureCode, &str)> {
    refused
        .iter()
        .map(|refusal| (refusal.wanted.name.as_str(), refusal.failure.code, refusal.failure.subject.as_str()))
        .collect()
}

pub fn changed(changes: &[Change]) -> Vec<(&str, Option<&str>, Option<&str>)> {
    changes
        .iter()
        .map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref()))
        .collect()
}
