//! A copy of the bed's root for each test; the bed itself is made once.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use agent::packages::root::Root;
use agent::packages::tool::ToolRun;
use agent::packages::{self, GatherOptions, RefreshLists};
use api::Timestamp;
use domain::facts::FactSet;
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, Refusal, Wanted};

pub struct Bed {
    folder: tempfile::TempDir,
    pub root: Root,
}

pub fn is_there(program: &str) -> bool {
    Command::new(program).arg("--help").output().is_ok()
}

pub fn skip(why: &str) {
    let required = std::env::var("FETTLE_REQUIRE_BEDS").is_ok_and(|value| value == "1");
    assert!(!required, "a bed is required: {why}");
    eprintln!("SKIPPED: {why}");
}

impl Bed {
    /// `None`, and a line that says so, where something is missing.
    pub fn new() -> Option<Self> {
        if let Some(tool) = ["busybox", "openssl", "python3"].iter().find(|tool| !is_there(tool)) {
            skip(&format!("{tool} is not installed, so there is no bed"));
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skip("apk changes into the root, which needs root rights");
            return None;
        }
        let testbeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds").canonicalize().unwrap();
        let mut hasher = DefaultHasher::new();
        fs::read(testbeds.join("apk-bed.sh")).unwrap().hash(&mut hasher);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let base = folder.join(format!("apk-bed-{:016x}", hasher.finish()));
        fs::create_dir_all(&base).unwrap();
        let lock = fs::File::create(base.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let mut make = Command::new(testbeds.join("apk-bed.sh"));
        let made =
            make.arg(&base).env("BED_CACHE", folder.join("apk-image")).output().expect("the script runs");
        if !made.status.success() {
            skip(&format!("no bed: {}", String::from_utf8_lossy(&made.stderr)));
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let copied =
            Command::new("cp").arg("-a").args([base.join("root"), folder.path().join("root")]).status();
        assert!(copied.unwrap().success());
        drop(lock);
        let root = Root::at(&folder.path().join("root")).unwrap();
        Some(Self { folder, root })
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub fn run(&self) -> ToolRun {
        ToolRun::new(&self.folder.path().join("scratch"), Duration::from_secs(300))
            .streaming_to(|_, line| eprintln!("| {line}"))
    }

    pub fn apk(&self, arguments: &[&str]) -> Output {
        Command::new("chroot").arg(self.path()).arg("/sbin/apk").args(arguments).output().unwrap()
    }

    /// What apk printed, which must have gone well.
    pub fn said(&self, arguments: &[&str]) -> String {
        let output = self.apk(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The installed version; empty when there is none.
    pub fn version(&self, name: &str) -> String {
        let database = fs::read_to_string(self.path().join("lib/apk/db/installed")).unwrap();
        let mut lines = database.lines().skip_while(|line| *line != format!("P:{name}"));
        lines.find_map(|line| line.strip_prefix("V:")).unwrap_or_default().to_owned()
    }

    pub fn world(&self) -> String {
        fs::read_to_string(self.path().join("etc/apk/world")).unwrap()
    }

    pub fn facts(&self) -> FactSet {
        let options =
            GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None };
        packages::of(&self.root).unwrap().gather(&options).unwrap().0
    }
}

pub fn wanted(name: &str, version: &str) -> Wanted {
    Wanted { name: name.to_owned(), arch: "x86_64".to_owned(), version: version.to_owned() }
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
