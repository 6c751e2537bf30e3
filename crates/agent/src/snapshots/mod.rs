//! Snapshots of the file system that the root is on, taken before an installation where the operator asked for them: by
//! btrfs, LVM or ZFS, through their own tools. Which of them belongs to which run is `history`'s; when one is taken and
//! when the machine goes back to one, `patch_run`'s.
//!
//! Nothing but snapshots of our own is ever listed or deleted: they are known by their names. btrfs was run for real;
//! LVM and ZFS are written after their manuals, and their tests replay what the tools print.

mod btrfs;
mod lvm;
mod mounts;
mod names;
#[cfg(test)]
mod tests;
mod zfs;

use std::path::{Path, PathBuf};
use std::time::Duration;

use api::Timestamp;
use domain::patch::execution::{Snapshot, SnapshotKind};
use domain::patch::{Failure, FailureCode};

use crate::boot;
use crate::packages::tool::{Ending, Tool, ToolRun, failure};

/// None of these tools works for long; one that does waits for a disk.
const TOOL_LIMIT: Duration = Duration::from_secs(120);

/// Starts the tools of volumes. In tests it answers with recordings.
pub trait Tools {
    /// What the tool printed to standard output; an error is what it said instead.
    fn run(&mut self, program: &str, arguments: &[&str]) -> Result<String, String>;
}

impl Tools for ToolRun {
    fn run(&mut self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let tool = Tool::new(program).args(arguments).at_most(TOOL_LIMIT).quiet();
        let finished = ToolRun::run(self, &tool).map_err(|failure| failure.to_string())?;
        let lines = |lines: Vec<&str>| lines.join("\n");
        if finished.ending == Ending::Exited(0) {
            return Ok(lines(finished.out().collect()));
        }
        let said = lines(finished.err().collect());
        Err(if said.is_empty() { format!("{program} ended with an error") } else { said })
    }
}

/// What the root is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// The mount point of the subvolume, and how it is named where it is mounted by name.
    Btrfs {
        top: PathBuf,
        mounted_by_name: Option<String>,
    },
    Lvm {
        device: String,
    },
    Zfs {
        dataset: String,
    },
}

/// How many of our snapshots stay, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub count: usize,
    pub days: u32,
}

/// A snapshot of ours, or what one became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// As the tools of its kind take it.
    pub name: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The beginning of the id of the run that it was taken for; empty for a copy of one.
    pub run: String,
    pub standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The root can go back to it.
    Snapshot,
    /// A copy that an undo made and did not put in the root's place.
    Copy,
    /// The root is this from the next start on.
    NextRoot,
    /// It belongs to a subvolume that is the root no more.
    Elsewhere,
}

impl Ours {
    /// `None` for a name that is none of ours.
    fn snapshot(name: String, last_part: &str) -> Option<Self> {
        let (made_at, run) = names::read(last_part)?;
        Some(Self { name, made_at, run: run.to_owned(), standing: Standing::Snapshot })
    }
}

/// What going back to a snapshot means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// What else is lost, one clause each.
    pub losses: Vec<String>,
    /// Why it cannot be done, if so.
    pub blocker: Option<String>,
}

impl Volume {
    /// Of this root. An error says why there is none that could be kept.
    pub fn of(root: &Path) -> Result<Self, Failure> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let fstab = std::fs::read_to_string(root.join("etc/fstab")).unwrap_or_default();
        let cmdline = boot::read_proc("cmdline");
        let found = mounts::volume(&read("/proc/self/mountinfo"), root, &cmdline, &fstab);
        let found = found.and_then(|volume| match volume {
            Self::Btrfs { .. } => mounts::nested(root).map(|()| volume),
            other => Ok(other),
        });
        found.map_err(|reason| failed(root, &reason))
    }

    pub fn kind(&self) -> SnapshotKind {
        match self {
            Self::Btrfs { .. } => SnapshotKind::Btrfs,
            Self::Lvm { .. } => SnapshotKind::Lvm,
            Self::Zfs { .. } => SnapshotKind::Zfs,
        }
    }

    /// Why no snapshot could be taken now, or gone back to later, as far as that can be told without taking one.
    pub fn obstacle(&self, tools: &mut dyn Tools) -> Option<Failure> {
        let found = match self {
            Self::Btrfs { top, mounted_by_name } => btrfs::obstacle(tools, top, mounted_by_name.as_deref()),
            Self::Lvm { device } => lvm::room(tools, device).map(drop),
            Self::Zfs { dataset } => zfs::obstacle(tools, dataset),
        };
        found.err().map(|reason| failed(Path::new(&self.shown()), &reason))
    }

    /// What the root goes back to with the next start of the machine, where it was told to.
    pub fn waits(&self, tools: &mut dyn Tools) -> Result<Option<String>, Failure> {
        let found = match self {
            // The default subvolume counts for nothing where another is named.
            Self::Btrfs { mounted_by_name: Some(_), .. } => Ok(None),
            Self::Btrfs { top, .. } => btrfs::waits(tools, top),
            Self::Lvm { device } => lvm::waits(tools, device),
            // It goes back at once.
            Self::Zfs { .. } => Ok(None),
        };
        found.map_err(|reason| failed(Path::new(&self.shown()), &reason))
    }

    /// Snapshots of ours, and what undos left of them, with what each is called where it is removed.
    pub fn ours(&self, tools: &mut dyn Tools) -> Result<Vec<Ours>, Failure> {
        let found = match self {
            Self::Btrfs { top, .. } => btrfs::ours(tools, top),
            Self::Lvm { device } => lvm::ours(tools, device),
            Self::Zfs { dataset } => zfs::list(tools, dataset).map(|names| {
                let of = |name: String| Ours::snapshot(format!("{dataset}@{name}"), &name);
                names.into_iter().filter_map(of).collect()
            }),
        };
        found.map_err(|reason| failed(Path::new(&self.shown()), &reason))
    }

    /// Removes one of [`Self::ours`], never one that the next start needs.
    pub fn remove(&self, tools: &mut dyn Tools, ours: &Ours) -> Result<(), Failure> {
        let done = match (self, ours.standing) {
            (_, Standing::NextRoot) => Err(format!("the root goes to {} with the next start", ours.name)),
            (Self::Btrfs { top, .. }, _) => btrfs::remove(tools, top, ours),
            (Self::Lvm { .. }, _) => lvm::remove(tools, &ours.name),
            (Self::Zfs { .. }, _) => zfs::remove(tools, &ours.name),
        };
        done.map_err(|reason| failed(Path::new(&self.shown()), &reason))
    }

    /// Takes one for a run, and deletes those of our own that are too many or too old.
    pub fn take(
        &self,
        tools: &mut dyn Tools,
        execution_id: &str,
        now: Timestamp,
        keep: Keep,
    ) -> Result<Snapshot, Failure> {
        let name = names::new(execution_id, now);
        let name = match self {
            Self::Btrfs { top, .. } => btrfs::take(tools, top, &name),
            Self::Lvm { device } => lvm::take(tools, device, &name),
            Self::Zfs { dataset } => zfs::take(tools, dataset, &name),
        };
        let name = name.map_err(|reason| failed(Path::new(&self.shown()), &reason))?;
        let snapshot = Snapshot { kind: self.kind(), name, of: self.shown(), taken_at: now };
        // What cannot be tidied now is tidied before the next installation.
        if let Err(reason) = self.tidy(tools, now, keep) {
            tracing::warn!(volume = self.shown(), reason, "old snapshots were not deleted");
        }
        Ok(snapshot)
    }

    fn tidy(&self, tools: &mut dyn Tools, now: Timestamp, keep: Keep) -> Result<(), String> {
        let all = self.list(tools)?;
        for name in names::surplus(&all, now, keep) {
            self.delete(tools, name)?;
        }
        Ok(())
    }

    /// The names of ours.
    pub fn list(&self, tools: &mut dyn Tools) -> Result<Vec<String>, String> {
        let mut all = match self {
            Self::Btrfs { top, .. } => btrfs::list(top)?,
            Self::Lvm { device } => lvm::list(tools, device)?,
            Self::Zfs { dataset } => zfs::list(tools, dataset)?,
        };
        all.retain(|name| names::taken_at(name).is_some());
        all.sort_unstable();
        Ok(all)
    }

    fn delete(&self, tools: &mut dyn Tools, name: &str) -> Result<(), String> {
        match self {
            Self::Btrfs { top, .. } => btrfs::delete(tools, top, name),
            Self::Lvm { device } => lvm::delete(tools, device, name),
            Self::Zfs { dataset } => zfs::delete(tools, dataset, name),
        }
    }

    /// What going back to this one would mean now.
    pub fn outlook(&self, tools: &mut dyn Tools, snapshot: &Snapshot) -> Outlook {
        let since = format!(
            "everything written to {} since {}, whoever wrote it",
            snapshot.of,
            snapshot.taken_at.to_iso_seconds()
        );
        let (measured, blocker) = match self {
            _ if snapshot.of != self.shown() => {
                let other = format!("it is one of {}, and the root is on {}", snapshot.of, self.shown());
                (Ok(None), Some(other))
            }
            Self::Btrfs { top, mounted_by_name } => {
                let blocker = btrfs::blocker(&snapshot.name, mounted_by_name.as_deref());
                (btrfs::written(tools, top, &snapshot.name), blocker)
            }
            Self::Lvm { .. } => (lvm::written(tools, &snapshot.name), None),
            Self::Zfs { dataset } => (zfs::written(tools, dataset, &snapshot.name), None),
        };
        let (measured, gone) = match measured {
            Ok(measured) => (measured, None),
            Err(reason) => (None, Some(format!("the snapshot cannot be looked at: {reason}"))),
        };
        let losses = std::iter::once(since).chain(measured).collect();
        Outlook { losses, blocker: blocker.or(gone) }
    }

    /// Whether it goes back with this root.
    pub fn holds(&self, root: &Path, path: &Path) -> bool {
        mounts::is_same(root, path)
    }

    /// Whether files can be carried into what the root goes back to.
    pub fn carries_files(&self) -> bool {
        matches!(self, Self::Btrfs { .. })
    }

    /// Goes back to it: btrfs and LVM with the next boot, ZFS at once, under everything that runs; either way the
    /// machine has to restart. `carried` are files that stay as they are now, where that is possible.
    pub fn go_back(
        &self,
        tools: &mut dyn Tools,
        snapshot: &Snapshot,
        carried: &[PathBuf],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let done = match self {
            Self::Btrfs { top, .. } => btrfs::go_back(tools, top, &snapshot.name, carried, now),
            Self::Lvm { .. } => lvm::go_back(tools, &snapshot.name),
            Self::Zfs { .. } => zfs::go_back(tools, &snapshot.name),
        };
        done.map_err(|reason| failed(Path::new(&snapshot.of), &reason))
    }

    /// As people know it.
    pub fn shown(&self) -> String {
        match self {
            Self::Btrfs { top, .. } => top.display().to_string(),
            Self::Lvm { device } => device.clone(),
            Self::Zfs { dataset } => dataset.clone(),
        }
    }
}

fn failed(volume: &Path, reason: &str) -> Failure {
    failure(FailureCode::SnapshotFailed, &volume.display().to_string(), reason.to_owned())
}
