//! Which boot this is: its id and its time, as the kernel tells them under `/proc`, or else as `platform` knows them.
//! What follows from a boot is `patch_run`'s; what runs since then and should not, `effect`'s.
//!
//! `FETTLE_AGENT_PROC` names a folder to read in place of `/proc`: the host's own, for an agent in a container that
//! patches the host. Tests of reboots use the same door.

use std::fs;
use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::facts::Observation;

use crate::platform;

const PROC_VARIABLE: &str = "FETTLE_AGENT_PROC";

fn named_proc() -> Option<PathBuf> {
    std::env::var_os(PROC_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A file of the kernel of the patched machine; empty where there is none.
pub fn read_proc(name: &str) -> String {
    let proc = named_proc().unwrap_or_else(|| PathBuf::from("/proc"));
    fs::read_to_string(proc.join(name)).unwrap_or_default()
}

/// Where the kernel of the patched machine tells about itself.
#[derive(Clone, Debug)]
pub struct Boot {
    /// Of the machine.
    root: PathBuf,
    proc: Option<PathBuf>,
    /// Whether the folder was named, and so counts more than what a package manager's reader found.
    is_named: bool,
    /// New at every boot; empty where there is none to ask.
    pub id: String,
}

impl Boot {
    /// Of the machine whose root file system this is. A root that is not running has no boot.
    pub fn of(root: &Path) -> Self {
        match named_proc() {
            Some(proc) => Self { root: root.to_owned(), ..Self::told_by(proc) },
            None if root == Path::new("/") => {
                let told = Self::told_by(PathBuf::from("/proc"));
                let id = if told.id.is_empty() { platform::boot_id() } else { told.id };
                Self { is_named: false, id, ..told }
            }
            None => Self { root: root.to_owned(), proc: None, is_named: false, id: String::new() },
        }
    }

    /// Of the machine whose root has this folder.
    pub fn told_by(proc: PathBuf) -> Self {
        let id = fs::read_to_string(proc.join("sys/kernel/random/boot_id")).unwrap_or_default();
        let root = proc.parent().unwrap_or(Path::new("/")).to_owned();
        Self { id: id.trim().to_owned(), root, is_named: true, proc: Some(proc) }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn proc(&self) -> Option<&Path> {
        self.proc.as_deref()
    }

    pub fn booted_at(&self) -> Option<Timestamp> {
        self.told_time().or_else(|| if self.is_named { None } else { platform::booted_at() })
    }

    fn told_time(&self) -> Option<Timestamp> {
        let stat = fs::read_to_string(self.proc.as_ref()?.join("stat")).ok()?;
        let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
        Some(Timestamp::from_seconds(seconds.trim().parse().ok()?))
    }

    pub fn running_kernel(&self) -> Option<String> {
        let release = fs::read_to_string(self.proc.as_ref()?.join("sys/kernel/osrelease")).ok()?;
        Some(release.trim().to_owned()).filter(|release| !release.is_empty())
    }

    /// Fills in what a reader of packages leaves out, or would take from the wrong kernel.
    pub fn observe(&self, observation: &mut Observation) {
        if self.is_named || observation.booted_at.is_none() {
            observation.booted_at = self.booted_at().or(observation.booted_at);
        }
        if let (true, Some(kernel)) = (self.is_named, self.running_kernel()) {
            observation.running_kernel = kernel;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_named_folder() {
        let dir = tempfile::tempdir().unwrap();
        let random = dir.path().join("sys/kernel/random");
        fs::create_dir_all(&random).unwrap();
        fs::write(random.join("boot_id"), "6f1b\n").unwrap();
        fs::write(dir.path().join("sys/kernel/osrelease"), "6.1.0-1-amd64\n").unwrap();
        fs::write(dir.path().join("stat"), "cpu 1\nbtime 1800000000\n").unwrap();
        let boot = Boot::told_by(dir.path().to_owned());
        let mut observation =
            Observation { booted_at: Some(Timestamp::from_seconds(5)), ..Observation::default() };
        boot.observe(&mut observation);
        assert_eq!(boot.id, "6f1b");
        assert_eq!(observation.booted_at, Some(Timestamp::from_seconds(1_800_000_000)));
        assert_eq!(observation.running_kernel, "6.1.0-1-amd64");
    }

    #[test]
    fn a_root_that_does_not_run_has_no_boot() {
        let dir = tempfile::tempdir().unwrap();
        let boot = Boot::of(dir.path());
        assert_eq!((boot.id.as_str(), boot.booted_at(), boot.proc()), ("", None, None));
    }
}
