//! `fettle-agent snapshots`: the agent's own snapshots of the root, which run each is of, and those that nothing refers to
//! any more, which can be removed. Taking them is `keep_root`'s, how it is done `snapshots`'.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::memory::{Memory, MemoryFile};
use super::preview::silent;
use super::{history, lock};
use crate::boot::Boot;
use crate::snapshots::{Ours, Standing, Volume};

/// What to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    Nothing,
    /// As the list names them.
    Named(Vec<String>),
    /// What nothing refers to, but for subvolumes that were the root: nobody knows what else is on them.
    Left,
}

#[derive(Clone, Debug)]
pub struct SnapshotsRequest {
    pub root: PathBuf,
    pub data_dir: PathBuf,
    pub removal: Removal,
}

/// The list, one a line, and what was removed of it.
pub fn snapshots(request: &SnapshotsRequest) -> anyhow::Result<String> {
    let _one_at_a_time = lock(&request.data_dir)?;
    let volume = Volume::of(&request.root)?;
    let mut tools = silent(&request.data_dir);
    let known = Known::of(&request.data_dir, &request.root)?;
    let all = volume.ours(&mut tools)?;
    if let Removal::Named(names) = &request.removal
        && let Some(unknown) = names.iter().find(|name| all.iter().all(|ours| ours.name != **name))
    {
        bail!(
            "`{unknown}` is no snapshot of the agent's on {}; without --remove they are listed",
            volume.shown()
        );
    }
    let mut text = String::new();
    for ours in &all {
        let goes = match &request.removal {
            Removal::Nothing => false,
            Removal::Named(names) => names.contains(&ours.name),
            Removal::Left => known.is_left(ours),
        };
        if goes {
            volume.remove(&mut tools, ours)?;
        }
        let done = if goes { "removed: " } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}  {}  {done}{}",
            ours.name,
            ours.made_at.to_iso_seconds(),
            known.describe(ours)
        );
    }
    if all.is_empty() {
        let _ = writeln!(text, "No snapshot of the agent's is on {}.", volume.shown());
    }
    Ok(text)
}

/// One line for each that nothing refers to, but the one named `new`.
pub fn left(volume: &Volume, root: &Path, data_dir: &Path, new: &str) -> anyhow::Result<Vec<String>> {
    let known = Known::of(data_dir, root)?;
    let all = volume.ours(&mut silent(data_dir))?;
    let left = all.iter().filter(|ours| ours.name != new && known.is_left(ours));
    Ok(left.map(|ours| format!("{}: {}", ours.name, known.describe(ours))).collect())
}

/// What this node remembers: snapshots and their runs.
struct Known(Vec<(String, String)>);

impl Known {
    fn of(data_dir: &Path, root: &Path) -> anyhow::Result<Self> {
        let mut known = history::snapshots(data_dir)?;
        let memory = MemoryFile::open(data_dir, &Boot::of(root).id)?;
        known.extend(under_way(memory.get()));
        Ok(Self(known))
    }

    fn run(&self, ours: &Ours) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == ours.name).map(|(_, run)| run.as_str())
    }

    fn is_left(&self, ours: &Ours) -> bool {
        match ours.standing {
            Standing::Snapshot => self.run(ours).is_none(),
            Standing::Copy => true,
            Standing::Elsewhere => !ours.run.is_empty(),
            Standing::NextRoot => false,
        }
    }

    fn describe(&self, ours: &Ours) -> String {
        match (ours.standing, self.run(ours)) {
            (Standing::Snapshot, Some(run)) => format!("before run {run}"),
            (Standing::Snapshot, None) => format!(
                "left behind: no run that is remembered changed anything after it (run {}…)",
                ours.run
            ),
            (Standing::Copy, _) => {
                "left behind: an undo made this copy and did not come to its end".to_owned()
            }
            (Standing::NextRoot, _) => "the root goes back to this with the next start".to_owned(),
            (Standing::Elsewhere, _) if ours.run.is_empty() => "was the root, or was to be".to_owned(),
            (Standing::Elsewhere, _) => "left behind: of a subvolume that was the root".to_owned(),
        }
    }
}

fn under_way(memory: &Memory) -> Option<(String, String)> {
    let run = memory.run.as_ref()?;
    Some((run.snapshot.as_ref()?.name.clone(), run.execution_id.clone()))
}
