//! btrfs: read-only snapshots in a folder of ours in the subvolume itself. Going back makes a writable copy of one and
//! has the next boot mount it; the subvolume of today stays, and is to be removed by hand.
//! Source: btrfs-subvolume(8), run with btrfs-progs 6.2.

use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use api::Timestamp;

use super::Tools;

/// Within the subvolume.
const FOLDER: &str = ".fettle-snapshots";
/// The copy that the next boot is to mount.
const COPY: &str = "back-";
/// Of the first folder of every subvolume.
const SUBVOLUME_INODE: u64 = 256;

fn folder(top: &Path) -> PathBuf {
    top.join(FOLDER)
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is no text", path.display()))
}

/// The snapshot's path.
pub fn take(tools: &mut dyn Tools, top: &Path, name: &str) -> Result<String, String> {
    let folder = folder(top);
    if !folder.is_dir() {
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let path = folder.join(name);
    tools.run("btrfs", &["subvolume", "snapshot", "-r", text(top)?, text(&path)?])?;
    Ok(text(&path)?.to_owned())
}

pub fn list(top: &Path) -> Result<Vec<String>, String> {
    let folder = folder(top);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("cannot read {}: {error}", folder.display())),
    };
    let own = entries.flatten().filter(|entry| is_subvolume(&entry.path()));
    Ok(own.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Where a snapshot holds another subvolume there is an empty folder of another number.
fn is_subvolume(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.ino() == SUBVOLUME_INODE)
}

pub fn delete(tools: &mut dyn Tools, top: &Path, name: &str) -> Result<(), String> {
    tools.run("btrfs", &["subvolume", "delete", text(&folder(top).join(name))?]).map(drop)
}

/// How many files were written since.
pub fn written(tools: &mut dyn Tools, top: &Path, snapshot: &str) -> Result<Option<String>, String> {
    let shown = tools.run("btrfs", &["subvolume", "show", snapshot])?;
    let generation = generation(&shown).ok_or("btrfs does not tell its generation")?;
    let new = tools.run("btrfs", &["subvolume", "find-new", text(top)?, &generation])?;
    let files: BTreeSet<&str> = new.lines().filter_map(file).collect();
    Ok(Some(format!("of that, {} files whose content was written", files.len())))
}

fn generation(shown: &str) -> Option<String> {
    let line = shown.lines().find_map(|line| line.trim().strip_prefix("Generation:"))?;
    let generation = line.trim();
    generation.bytes().all(|byte| byte.is_ascii_digit()).then(|| generation.to_owned())
}

/// `inode 257 file offset 0 len 5 disk start 0 offset 0 gen 9 flags INLINE etc/a b`
fn file(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix("inode ")?.split_once(" flags ")?;
    rest.split_once(' ').map(|(_, path)| path)
}

pub fn blocker(snapshot: &str, mounted_by_name: Option<&str>) -> Option<String> {
    if let Some(name) = mounted_by_name {
        return Some(format!(
            "the root is mounted by name ({name}), so another default subvolume would not be booted; mount {snapshot} \
             in its place by hand"
        ));
    }
    (!is_subvolume(Path::new(snapshot))).then(|| format!("{snapshot} is not there any more"))
}

pub fn go_back(tools: &mut dyn Tools, top: &Path, snapshot: &str, now: Timestamp) -> Result<(), String> {
    let copy = folder(top).join(format!("{COPY}{}", now.as_seconds()));
    let copy = text(&copy)?;
    tools.run("btrfs", &["subvolume", "snapshot", snapshot, copy])?;
    let id = tools.run("btrfs", &["inspect-internal", "rootid", copy])?;
    tools.run("btrfs", &["subvolume", "set-default", id.trim(), text(top)?]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_btrfs_prints() {
        let shown = "@/.s/one\n\tName: \t\t\tone\n\tGeneration: \t\t8\n\tGen at creation: \t8\n";
        assert_eq!(generation(shown).as_deref(), Some("8"));
        assert_eq!(generation("\tGeneration: \t\tx\n"), None);
        let line = "inode 257 file offset 0 len 5 disk start 0 offset 0 gen 9 flags INLINE etc/a b";
        assert_eq!(file(line), Some("etc/a b"));
        assert_eq!(file("transid marker was 9"), None);
    }
}
