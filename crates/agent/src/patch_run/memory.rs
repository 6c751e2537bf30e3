//! What patch runs must not forget when the process, the agent or the machine goes down: what they installed since the
//! boot, and how far the run came that is under way. One small file, replaced whole before each act.
//! What to make of it is `operate`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use api::Timestamp;
use domain::facts::{FactSet, UpdateFact, UpdateStatus};
use domain::patch::execution::{ExecutionKind, PatchExecution, Snapshot, UndoOutlook};
use domain::patch::transaction::{Change, ChangeReason, Refusal, Wanted};
use domain::patch::{HalfDone, InstalledPackage};
use serde::{Deserialize, Serialize};

use crate::effect::units::Before;
use crate::files;

/// In the agent's data folder.
const FILE: &str = "patch-memory.json";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The boot that `installed` is about; empty where boots are not known.
    #[serde(default)]
    pub boot_id: String,
    /// By our own runs since that boot, dependencies included.
    #[serde(default)]
    pub installed: BTreeSet<InstalledPackage>,
    #[serde(default)]
    pub last_no_reboot_install_at: Option<Timestamp>,
    /// Packages whose own script failed when they were installed, as long as they stay as they are.
    #[serde(default)]
    pub half_done: Vec<HalfDone>,
    /// Units that had failed when the newest installation began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units_before: Option<Before>,
    #[serde(default)]
    pub run: Option<RunRecord>,
    /// What the last run found that looked at the node to its end.
    #[serde(default)]
    pub last: Option<Last>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    pub execution_id: String,
    pub missing: i64,
    pub pending: i64,
    /// Packages that the run changed.
    pub installed: usize,
}

/// A run that has begun to change the node and has not been reported to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    pub execution_id: String,
    pub started_at: Timestamp,
    pub phase: Phase,
    /// Taken before anything was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// Of an undo: the run that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<String>,
}

impl RunRecord {
    /// For people.
    pub fn interrupted(&self) -> String {
        match &self.undo_of {
            Some(of) => format!("The undo {} of run {of} was interrupted.", self.execution_id),
            None => format!("The run {} was interrupted while it installed.", self.execution_id),
        }
    }

    /// What such a run did, told by somebody else: it did not live to.
    pub fn told(&self, changes: Vec<Change>, now: Timestamp) -> PatchExecution {
        PatchExecution {
            execution_id: self.execution_id.clone(),
            kind: if self.undo_of.is_some() { ExecutionKind::Undo } else { ExecutionKind::Install },
            ended_at: now,
            baseline_id: String::new(),
            snapshot_id: String::new(),
            undo_of: self.undo_of.clone(),
            changes,
            failed: Vec::new(),
            undo: UndoOutlook::default(),
            snapshot: self.snapshot.clone(),
        }
    }
}

/// Written before it is acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "phase")]
pub enum Phase {
    /// The package manager may have changed anything since. `before` is everything that was installed.
    Installing { wanted: Vec<Wanted>, before: Vec<InstalledPackage> },
    /// The package manager is done; the report is not.
    Installed { done: Done },
    /// The machine was asked to restart, so many times, in the boot `boot_id`.
    Rebooting { done: Done, boot_id: String, asked: u32 },
    /// The root is to go back to this snapshot with the next start of the machine, which was prepared in the boot
    /// `boot_id`, if it was. `left` is what an earlier run had left here, and leaves again where nothing comes of it.
    GoingBack {
        to: Snapshot,
        changes: Vec<Change>,
        boot_id: String,
        /// In the root that is to go, and in no snapshot of it: a file with the execution's id.
        mark: PathBuf,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Box<RunRecord>>,
    },
}

/// What an installation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub changes: Vec<Change>,
    pub failed: Vec<Refusal>,
    /// What came although a script of its own failed.
    #[serde(default)]
    pub half_done: Vec<Refusal>,
    /// Installations after the first one, each after a restart.
    #[serde(default)]
    pub rounds: u32,
}

/// Units that had failed when the newest installation began.
pub fn units_before(data_dir: &Path) -> Option<Before> {
    let text = files::read_if_present(&data_dir.join(FILE)).ok().flatten()?;
    serde_json::from_str::<Memory>(&text).ok()?.units_before
}

/// The same after an installation that has been reported, not longer ago than `within`.
pub fn units_to_watch(data_dir: &Path, within: Duration) -> Option<Before> {
    let path = data_dir.join(FILE);
    let written_at = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok()?;
    // A clock that was set back makes it younger than now.
    if written_at.elapsed().is_ok_and(|age| age > within) {
        return None;
    }
    let text = files::read_if_present(&path).ok().flatten()?;
    let memory: Memory = serde_json::from_str(&text).ok()?;
    memory.units_before.filter(|_| memory.run.is_none())
}

/// Whether the root is about to go back to a snapshot.
pub fn goes_back(data_dir: &Path) -> bool {
    let text = files::read_if_present(&data_dir.join(FILE)).ok().flatten();
    let memory = text.and_then(|text| serde_json::from_str::<Memory>(&text).ok());
    memory.and_then(|memory| memory.run).is_some_and(|run| matches!(run.phase, Phase::GoingBack { .. }))
}

/// The memory and its file.
#[derive(Debug)]
pub struct MemoryFile {
    path: PathBuf,
    memory: Memory,
}

impl MemoryFile {
    /// What an earlier boot installed is in effect by now, and is forgotten.
    pub fn open(data_dir: &Path, boot_id: &str) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        let text =
            files::read_if_present(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut memory: Memory = match text {
            None => Memory::default(),
            Some(text) => serde_json::from_str(&text).with_context(|| {
                format!(
                    "{} is damaged\n  hint: remove it; the next report then counts on install times alone",
                    path.display()
                )
            })?,
        };
        if memory.boot_id != boot_id {
            memory.installed.clear();
            boot_id.clone_into(&mut memory.boot_id);
        }
        Ok(Self { path, memory })
    }

    pub fn get(&self) -> &Memory {
        &self.memory
    }

    /// Changes the memory; durable on return.
    pub fn change(&mut self, change: impl FnOnce(&mut Memory)) -> anyhow::Result<()> {
        change(&mut self.memory);
        let text = serde_json::to_vec(&self.memory).context("the memory of patch runs has no JSON form")?;
        files::write_atomically(&self.path, &text)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Memory {
    /// Counts what changes put on the node.
    pub fn count_installed(&mut self, changes: &[Change]) {
        let gone = |package: &InstalledPackage, change: &Change| {
            (&package.name, &package.arch) == (&change.name, &change.arch)
        };
        for change in changes {
            self.installed.retain(|package| !gone(package, change));
            if let Some(version) = &change.to {
                self.installed.insert(InstalledPackage {
                    name: change.name.clone(),
                    arch: change.arch.clone(),
                    version: version.clone(),
                });
            }
        }
    }
}

pub fn installed(facts: &FactSet) -> Vec<InstalledPackage> {
    let of = |package: &domain::facts::PackageFact| InstalledPackage {
        name: package.name.clone(),
        arch: package.arch.clone(),
        version: package.version.clone(),
    };
    let updates = facts.updates.iter().filter_map(installed_update);
    facts.packages.iter().map(of).chain(updates).collect()
}

/// As evaluations name it: by its first KB number or its id, in the version or the revision of its own.
fn installed_update(update: &UpdateFact) -> Option<InstalledPackage> {
    let version = match (update.status, &update.installed_version, update.version.as_str()) {
        (_, Some(version), _) => version,
        (UpdateStatus::Installed, None, "") => &update.id,
        (UpdateStatus::Installed, None, version) => version,
        _ => return None,
    };
    Some(InstalledPackage {
        name: update.kb_ids.first().unwrap_or(&update.id).clone(),
        arch: String::new(),
        version: version.to_owned(),
    })
}

/// What became different, for a run that did not live to tell.
pub fn difference(wanted: &[Wanted], before: &[InstalledPackage], after: &FactSet) -> Vec<Change> {
    let key = |package: &InstalledPackage| (package.name.clone(), package.arch.clone());
    let before: BTreeMap<_, _> =
        before.iter().map(|package| (key(package), package.version.clone())).collect();
    let after = installed(after);
    let after: BTreeMap<_, _> = after.iter().map(|package| (key(package), package.version.clone())).collect();
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let change = |key: &(String, String)| Change {
        name: key.0.clone(),
        arch: key.1.clone(),
        from: before.get(key).cloned(),
        to: after.get(key).cloned(),
        reason: match wanted.iter().any(|wanted| (&wanted.name, &wanted.arch) == (&key.0, &key.1)) {
            true => ChangeReason::Wanted,
            false => ChangeReason::Dependency,
        },
    };
    changed.map(change).collect()
}

#[cfg(test)]
mod tests {
    use domain::facts::PackageFact;

    use super::*;

    fn package(name: &str, version: &str) -> InstalledPackage {
        InstalledPackage { name: name.into(), arch: "amd64".into(), version: version.into() }
    }

    fn change(name: &str, from: Option<&str>, to: Option<&str>, reason: ChangeReason) -> Change {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        Change { name: name.into(), arch: "amd64".into(), from, to, reason }
    }

    #[test]
    fn survives_and_forgets_with_the_boot() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = MemoryFile::open(dir.path(), "boot-1").unwrap();
        file.change(|memory| {
            memory.installed.insert(package("a", "2"));
            memory.last_no_reboot_install_at = Some(Timestamp::from_seconds(7));
        })
        .unwrap();
        let same = MemoryFile::open(dir.path(), "boot-1").unwrap();
        assert_eq!(same.get(), file.get());
        let later = MemoryFile::open(dir.path(), "boot-2").unwrap();
        assert!(later.get().installed.is_empty());
        assert_eq!(later.get().last_no_reboot_install_at, Some(Timestamp::from_seconds(7)));
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(MemoryFile::open(dir.path(), "boot-2").unwrap_err().to_string().contains("damaged"));
    }

    #[test]
    fn units_are_watched_after_an_installation_for_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let watched = |within: Duration| units_to_watch(dir.path(), within);
        assert_eq!(watched(Duration::MAX), None);
        let mut file = MemoryFile::open(dir.path(), "boot-1").unwrap();
        let before =
            Before { execution_id: "run".to_owned(), units: BTreeSet::from(["old.service".to_owned()]) };
        file.change(|memory| {
            memory.units_before = Some(before.clone());
            memory.run = Some(RunRecord {
                execution_id: "run".to_owned(),
                started_at: Timestamp::from_seconds(7),
                phase: Phase::Installing { wanted: Vec::new(), before: Vec::new() },
                snapshot: None,
                undo_of: None,
            });
        })
        .unwrap();
        assert_eq!(watched(Duration::MAX), None, "the run tells them itself");
        assert_eq!(units_before(dir.path()), Some(before.clone()));
        file.change(|memory| memory.run = None).unwrap();
        assert_eq!(watched(Duration::from_secs(3600)), Some(before));
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
        std::fs::File::options()
            .append(true)
            .open(dir.path().join(FILE))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        assert_eq!(watched(Duration::from_secs(3600)), None);
    }

    #[test]
    fn counts_the_newest_of_each_package() {
        let mut memory = Memory::default();
        memory.count_installed(&[change("a", Some("1"), Some("2"), ChangeReason::Wanted)]);
        memory.count_installed(&[
            change("a", Some("2"), Some("3"), ChangeReason::Wanted),
            change("b", Some("1"), None, ChangeReason::Dependency),
        ]);
        assert_eq!(memory.installed, BTreeSet::from([package("a", "3")]));
    }

    #[test]
    fn tells_what_an_interrupted_run_changed() {
        let fact = |name: &str, version: &str| PackageFact {
            name: name.into(),
            arch: "amd64".into(),
            version: version.into(),
            ..PackageFact::default()
        };
        let after =
            FactSet { packages: vec![fact("a", "2"), fact("c", "1"), fact("d", "1")], ..FactSet::default() };
        let before = [package("a", "1"), package("b", "1"), package("d", "1")];
        let wanted = [Wanted { name: "a".into(), arch: "amd64".into(), version: "2".into() }];
        let expected = [
            change("a", Some("1"), Some("2"), ChangeReason::Wanted),
            change("b", Some("1"), None, ChangeReason::Dependency),
            change("c", None, Some("1"), ChangeReason::Dependency),
        ];
        assert_eq!(difference(&wanted, &before, &after), expected);
    }
}
