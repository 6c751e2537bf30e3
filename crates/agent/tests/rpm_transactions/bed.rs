//! A copy of a bed's root for each test; the bed itself is made once.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use agent::packages::root::Root;
use agent::packages::tool::ToolRun;
use domain::patch::FailureCode;
use domain::patch::transaction::{Change, Refusal, Wanted};
use domain::patch::way_back::{OldVersion, WayBack};

pub struct Bed {
    folder: tempfile::TempDir,
    /// With the repositories and the tools' home.
    base: PathBuf,
    pub root: Root,
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn skip(why: &str) {
    let required = std::env::var("FETTLE_REQUIRE_BEDS").is_ok_and(|value| value == "1");
    assert!(!required, "a bed is required: {why}");
    eprintln!("SKIPPED: {why}");
}

impl Bed {
    /// `script` is one of `testbeds/`. `None`, and a line that says so, where something is missing.
    pub fn new(script: &str, tools: &[&str]) -> Option<Self> {
        let common = ["rpm", "rpmbuild", "createrepo_c", "busybox"];
        if let Some(tool) = common.iter().chain(tools).find(|tool| !is_there(tool)) {
            skip(&format!("{tool} is not installed, so there is no bed"));
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skip("rpm changes into the root, which needs root rights");
            return None;
        }
        let testbeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds").canonicalize().unwrap();
        // Made anew when the scripts have changed since.
        let mut hasher = DefaultHasher::new();
        for name in [script, "rpm-local-repo"] {
            fs::read(testbeds.join(format!("{name}.sh"))).unwrap().hash(&mut hasher);
        }
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{script}-{:016x}", hasher.finish()));
        fs::create_dir_all(&base).unwrap();
        let lock = fs::File::create(base.join(".lock")).unwrap();
        lock.lock().unwrap();
        let made =
            Command::new(testbeds.join(format!("{script}.sh"))).arg(&base).output().expect("the script runs");
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
            .with_env("HOME", self.base.join("home"))
            .streaming_to(|_, line| eprintln!("| {line}"))
    }

    /// The repository is switched off.
    pub fn switch_off(&self, file: &str, section: &str) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let (before, after) = text.split_once(section).unwrap();
        fs::write(&path, format!("{before}{section}{}", after.replacen("enabled=1", "enabled=0", 1)))
            .unwrap();
    }

    /// The package file of an old version lies in a cache, as the tools would have left it there.
    pub fn keep_file(&self, folder: &str, file: &str) -> PathBuf {
        let folder = self.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(self.base.join("repo-base").join(file), folder.join(file)).unwrap();
        folder.join(file)
    }

    /// Sorted versions of a package, with commas between them.
    pub fn versions(&self, name: &str) -> String {
        let output = Command::new("rpm")
            .arg("--root")
            .arg(self.path())
            .args(["-q", "--qf", "%{VERSION}-%{RELEASE}\\n", name])
            .env("HOME", self.base.join("home"))
            .output()
            .unwrap();
        if !output.status.success() {
            return String::new();
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let mut versions: Vec<_> = text.lines().collect();
        versions.sort_unstable();
        versions.join(",")
    }
}

pub fn wanted(name: &str, version: &str) -> Wanted {
    Wanted { name: name.to_owned(), arch: "noarch".to_owned(), version: format!("{version}-1.bed") }
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

/// Where each version from before is: `repository`, `cache`, `gone` or nothing to be had.
pub fn ways(ways: &[WayBack]) -> Vec<(&str, &str)> {
    let word = |old: &OldVersion| match old {
        OldVersion::NotNeeded => "",
        OldVersion::Cache { .. } => "cache",
        OldVersion::Repository { .. } => "repository",
        OldVersion::Nowhere { .. } => "gone",
    };
    ways.iter().map(|way| (way.wanted.name.as_str(), word(&way.old))).collect()
}
