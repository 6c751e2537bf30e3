//! Package files that dnf, yum or zypper keep on the node: what an undo can bring back where no repository has it any
//! more. Each is looked into by rpm itself, since names of files tell no epoch and may lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::patch::Failure;
use domain::patch::transaction::Change;

use super::super::ScanError;
use super::super::root::Root;
use super::super::tool::{Tool, ToolRun};
use super::super::ways_back::before_change;
use super::installed::{FORMAT, nevra, nevra_in_messages, parse};

/// Repository, `packages`, architecture, and one more.
const MAX_DEPTH: usize = 5;

/// Files by `name-[epoch:]version-release.arch`, as the tools see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    files: BTreeMap<String, PathBuf>,
}

/// Where to look, and how.
pub struct Search<'a> {
    pub root: &'a Root,
    /// Of caches, as the root has them.
    pub folders: &'a [PathBuf],
    /// Files that the next transaction takes away, as the tools see them.
    pub passing: &'a [PathBuf],
    /// A path of the root as the tools see it.
    pub seen: &'a dyn Fn(&Path) -> PathBuf,
    /// rpm where these paths hold.
    pub rpm: &'a dyn Fn() -> Tool,
}

impl Kept {
    /// Of the versions that these changes replace or remove.
    pub fn find(search: &Search<'_>, changes: &[Change], run: &mut ToolRun) -> Result<Self, Failure> {
        let old = changes.iter().filter(|change| change.from.is_some());
        let names: Vec<String> =
            old.map(|change| format!("{}.rpm", nevra_in_messages(&before_change(change)))).collect();
        let mut candidates = Vec::new();
        for folder in search.folders {
            collect(search.root, folder, &names, MAX_DEPTH, &mut candidates)?;
        }
        candidates.retain(|file| !search.passing.contains(&(search.seen)(file)));
        let mut files = BTreeMap::new();
        for file in candidates {
            let seen = (search.seen)(&file);
            let tool = (search.rpm)().args(["-qp", "--qf", FORMAT]).arg(&seen).quiet();
            let finished = run.run(&tool)?;
            // A file that rpm cannot read is none.
            for ((name, arch), versions) in parse(finished.out()).packages {
                for version in versions {
                    files.entry(nevra(&name, &version, &arch)).or_insert_with(|| seen.clone());
                }
            }
        }
        Ok(Self { files })
    }

    /// The version from before.
    pub fn of(&self, change: &Change) -> Option<&PathBuf> {
        let version = change.from.as_deref()?;
        self.files.get(&nevra(&change.name, version, &change.arch))
    }
}

fn collect(
    root: &Root,
    folder: &Path,
    names: &[String],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), ScanError> {
    if names.is_empty() || depth == 0 {
        return Ok(());
    }
    let Some(folders) = root.list_folders(folder)? else { return Ok(()) };
    let mut files = root.list_files(folder)?;
    files.retain(|file| names.contains(file));
    files.sort_unstable();
    found.extend(files.iter().map(|file| folder.join(file)));
    for inner in folders {
        collect(root, &folder.join(inner), names, depth - 1, found)?;
    }
    Ok(())
}
