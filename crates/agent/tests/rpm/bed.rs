//! Beds made by the scripts in `testbeds/`: a root that a real tool manages from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use agent::packages::root::Root;
use agent::packages::rpm::lacking::{Kinds, Lacking};
use agent::packages::{self, GatherOptions, RefreshLists, ScanError};
use api::Timestamp;
use domain::facts::{FactSet, Observation, PackageFact};

/// `false`, and a line that says so, where a program or root rights are missing.
pub fn can(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| Command::new(program).arg("--version").output().is_err());
    let is_root = rustix::process::geteuid().is_root();
    let why = match missing {
        Some(program) => format!("{program} is not installed, so there is no bed"),
        None if !is_root => "rpm needs root rights to change into a root".to_owned(),
        None => return true,
    };
    absent::<()>(&why).is_some()
}

fn absent<T>(why: &str) -> Option<T> {
    let required = std::env::var_os("FETTLE_REQUIRE_BEDS").is_some_and(|value| value == "1");
    assert!(!required, "{why}, and FETTLE_REQUIRE_BEDS=1 asks for it");
    eprintln!("SKIPPED: {why}");
    None
}

pub struct Bed {
    folder: tempfile::TempDir,
    tool: &'static str,
}

impl Bed {
    pub fn dnf() -> Option<Self> {
        can(&["dnf", "rpm", "createrepo_c", "busybox"]).then(|| Self::make("dnf-bed.sh", "dnf"))
    }

    pub fn zypper() -> Option<Self> {
        // Where zypper is not installed, the script unpacks it: its libraries are what counts.
        if !Path::new("/etc/zypp").exists() {
            return absent("libzypp1722 and zypper-common are not installed, so there is no bed");
        }
        can(&["rpm", "createrepo_c", "busybox"]).then(|| Self::make("zypper-bed.sh", "zypper"))
    }

    fn make(script: &str, tool: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds").join(script);
        let made = Command::new(script).arg(folder.path()).output().expect("the script runs");
        assert!(made.status.success(), "no bed: {}", String::from_utf8_lossy(&made.stderr));
        Self { folder, tool }
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The bed's own dnf or zypper.
    pub fn tool(&self) -> PathBuf {
        self.folder.path().join(self.tool)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(self.tool()).args(arguments).env("LC_ALL", "C.UTF-8").output().expect("the tool runs")
    }

    pub fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn facts(&self) -> (FactSet, Observation) {
        facts_of(&self.root())
    }

    /// What is said where the root cannot be read.
    pub fn error(&self) -> String {
        read(&self.root()).expect_err("the damage is seen").to_string()
    }
}

/// Read from outside, without anything of the agent's own.
pub fn facts_of(root: &Path) -> (FactSet, Observation) {
    read(root).unwrap_or_else(|error| panic!("the root can be read: {error}"))
}

/// The advisories that the root lacks.
pub fn lacking_of(root: &Path, kinds: Kinds) -> Vec<Lacking> {
    packages::lacking(&Root::at(root).unwrap(), kinds)
        .unwrap_or_else(|error| panic!("the root can be read: {error}"))
}

/// Without an index, after checking that one shows the same, while it is made and afterwards.
fn read(root: &Path) -> Result<(FactSet, Observation), ScanError> {
    let options =
        GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None };
    let data_dir = Some(root.with_extension("data"));
    let root = Root::at(root).unwrap();
    let plain = packages::of(&root).unwrap().gather(&options);
    let indexed = GatherOptions { data_dir, ..options };
    for run in ["building", "built"] {
        let through_index = packages::of(&root).unwrap().gather(&indexed);
        assert_eq!(plain.as_ref().ok(), through_index.as_ref().ok(), "with the index {run}");
    }
    plain
}

pub fn package<'a>(facts: &'a FactSet, name: &str) -> &'a PackageFact {
    facts
        .packages
        .iter()
        .find(|package| package.name == name)
        .unwrap_or_else(|| panic!("{name} is installed"))
}
