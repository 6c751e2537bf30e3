//! btrfs: read-only snapshots in a folder of ours in the subvolume itself. Going back makes a writable copy of one and
//! has the next boot mount it; the subvolume of today stays, and is to be removed by hand.
//! Source: btrfs-subvolume(8), run with btrfs-progs 6.2.

use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use api::Timestamp;

use super::{Ours, Standing, Tools, mounts};
use crate::files;

/// Within the subvolume.
const FOLDER: &str = ".fettle-snapshots";
/// The copy that the next boot is to mount.
const COPY: &str = "back-";
/// What no path leads to from the root.
const BY_NUMBER: &str = "subvolid=";
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

/// What speaks against taking one, or against going back to one later.
pub fn obstacle(tools: &mut dyn Tools, top: &Path, mounted_by_name: Option<&str>) -> Result<(), String> {
    if let Some(name) = mounted_by_name {
        return Err(format!(
            "a snapshot could be taken, but the root is mounted by name ({name}), so going back to it is work by hand"
        ));
    }
    let said = tools.run("btrfs", &["property", "get", text(top)?, "ro"])?;
    match said.trim() {
        "ro=true" => Err(format!("the subvolume {} is read-only", top.display())),
        _ => Ok(()),
    }
}

/// The default subvolume, where it is a copy of ours and not what is mounted.
pub fn waits(tools: &mut dyn Tools, top: &Path) -> Result<Option<String>, String> {
    let mounted = mounted(tools, top)?;
    let said = tools.run("btrfs", &["subvolume", "get-default", text(top)?])?;
    let default = Listed::read(said.trim()).filter(|default| default.id != mounted && default.is_copy());
    Ok(default.map(|default| default.path.to_owned()))
}

/// The number of the subvolume that the root is.
fn mounted(tools: &mut dyn Tools, top: &Path) -> Result<String, String> {
    Ok(tools.run("btrfs", &["inspect-internal", "rootid", text(top)?])?.trim().to_owned())
}

/// Everything of ours: what lies in the root, and in the subvolumes that were it before. The file system may hold other
/// systems, with snapshots of theirs.
pub fn ours(tools: &mut dyn Tools, top: &Path) -> Result<Vec<Ours>, String> {
    let mounted = mounted(tools, top)?;
    let default = tools.run("btrfs", &["subvolume", "get-default", text(top)?])?;
    let default = Listed::read(default.trim()).map(|default| default.id);
    let said = tools.run("btrfs", &["subvolume", "list", text(top)?])?;
    let all: Vec<Listed<'_>> = said.lines().filter_map(Listed::read).collect();
    let former = former_roots(&all, &mounted);
    let mut found = Vec::new();
    for one in all.iter().filter(|one| one.id != mounted) {
        let (is_here, was_root) = (one.parent == mounted, former.contains(&one.parent));
        let Some(last) = one.in_folder().filter(|_| is_here || was_root) else { continue };
        let name = if is_here {
            text(&folder(top).join(last))?.to_owned()
        } else {
            format!("{BY_NUMBER}{}", one.id)
        };
        let ours = Ours::snapshot(name.clone(), last).or_else(|| {
            let made_at = copied_at(last)?;
            Some(Ours { name, made_at, run: String::new(), standing: Standing::Copy })
        });
        let Some(mut ours) = ours else { continue };
        if default == Some(one.id) && one.is_copy() {
            ours.standing = Standing::NextRoot;
        } else if !is_here {
            ours.standing = Standing::Elsewhere;
        }
        found.push(ours);
    }
    found.sort_by(|left, right| (left.made_at, &left.name).cmp(&(right.made_at, &right.name)));
    Ok(found)
}

/// The numbers of the subvolumes that the root came out of, one by one, by going back.
fn former_roots<'a>(all: &[Listed<'a>], mounted: &'a str) -> Vec<&'a str> {
    let (mut former, mut at) = (Vec::new(), mounted);
    while let Some(copy) = all.iter().find(|one| one.id == at && one.is_copy()) {
        if former.contains(&copy.parent) {
            break;
        }
        former.push(copy.parent);
        at = copy.parent;
    }
    former
}

pub fn remove(tools: &mut dyn Tools, top: &Path, ours: &Ours) -> Result<(), String> {
    let arguments = match ours.name.strip_prefix(BY_NUMBER) {
        Some(id) => vec!["subvolume", "delete", "--subvolid", id, text(top)?],
        None => vec!["subvolume", "delete", &ours.name],
    };
    tools.run("btrfs", &arguments).map(drop)
}

/// `ID 256 gen 9 top level 5 path a/b`. The path is from the top of the file system, or from the subvolume that was
/// asked; the numbers hold for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listed<'a> {
    id: &'a str,
    /// The subvolume that it lies in.
    parent: &'a str,
    path: &'a str,
}

impl<'a> Listed<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (id, rest) = line.strip_prefix("ID ")?.split_once(' ')?;
        let (numbers, path) = rest.split_once(" path ")?;
        let (_, parent) = numbers.split_once("top level ")?;
        Some(Self { id, parent: parent.trim(), path })
    }

    /// Its name, where it is in a folder of ours.
    fn in_folder(&self) -> Option<&'a str> {
        let (parent, last) = self.path.rsplit_once('/')?;
        (parent.rsplit('/').next() == Some(FOLDER)).then_some(last)
    }

    /// Something that a root goes back to, or went.
    fn is_copy(&self) -> bool {
        self.in_folder().is_some_and(|last| copied_at(last).is_some())
    }
}

/// When the copy of a snapshot was made; `None` for anything else.
fn copied_at(name: &str) -> Option<Timestamp> {
    let seconds = name.strip_prefix(COPY)?;
    Some(Timestamp::from_seconds(seconds.parse().ok()?))
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

/// A copy that an undo made and did not live to use is of no use to the next one, and goes.
pub fn go_back(
    tools: &mut dyn Tools,
    top: &Path,
    snapshot: &str,
    carried: &[PathBuf],
    now: Timestamp,
) -> Result<(), String> {
    for left in ours(tools, top)?.iter().filter(|ours| ours.standing == Standing::Copy) {
        remove(tools, top, left)?;
    }
    let path = folder(top).join(format!("{COPY}{}", now.as_seconds()));
    let copy = text(&path)?;
    tools.run("btrfs", &["subvolume", "snapshot", snapshot, copy])?;
    for file in carried {
        carry(file, top, &path)?;
    }
    let id = tools.run("btrfs", &["inspect-internal", "rootid", copy])?;
    tools.run("btrfs", &["subvolume", "set-default", id.trim(), text(top)?])?;
    // It holds also when the power fails in the next moment.
    tools.run("btrfs", &["filesystem", "sync", text(top)?]).map(drop)
}

/// The file as it is now, in the copy. What is not in the subvolume does not go back with it.
fn carry(file: &Path, top: &Path, copy: &Path) -> Result<(), String> {
    let Ok(inside) = file.strip_prefix(top) else { return Ok(()) };
    if !file.parent().is_some_and(|folder| mounts::is_same(top, folder)) {
        return Ok(());
    }
    let target = copy.join(inside);
    let written = match files::read_if_present(file) {
        Ok(Some(text)) => files::write_atomically(&target, text.as_bytes()),
        Ok(None) => files::remove_if_present(&target),
        Err(error) => Err(error),
    };
    written.map_err(|error| format!("cannot carry {} into {}: {error}", file.display(), target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_of_subvolumes() {
        let line = "ID 256 gen 9 top level 5 path @/a b";
        assert_eq!(Listed::read(line), Some(Listed { id: "256", parent: "5", path: "@/a b" }));
        assert_eq!(Listed::read("ID 5 (FS_TREE)"), None);
        let of = |path| Listed { id: "1", parent: "2", path };
        assert!(of("x/.fettle-snapshots/back-1800000000").is_copy());
        assert!(of(".fettle-snapshots/back-1800000000").is_copy());
        assert!(!of("x.fettle-snapshots/back-1800000000").is_copy());
        assert_eq!((of("x/back-1").in_folder(), of(".fettle-snapshots/a").in_folder()), (None, Some("a")));
        assert_eq!(copied_at("back-1800000000"), Some(Timestamp::from_seconds(1_800_000_000)));
        assert_eq!(copied_at("back-up"), None);
    }

    /// Two systems on one file system, of which one went back twice.
    const LIST: &str = "ID 256 gen 9 top level 5 path @\n\
        ID 257 gen 9 top level 5 path @other\n\
        ID 258 gen 9 top level 256 path @/.fettle-snapshots/fettle-1700000000-aaaaaaaa\n\
        ID 259 gen 9 top level 256 path @/.fettle-snapshots/back-1700000001\n\
        ID 260 gen 9 top level 257 path @other/.fettle-snapshots/fettle-1700000000-bbbbbbbb\n\
        ID 261 gen 9 top level 259 path .fettle-snapshots/fettle-1700000002-cccccccc\n\
        ID 262 gen 9 top level 259 path .fettle-snapshots/back-1700000003\n\
        ID 263 gen 9 top level 259 path .fettle-snapshots/back-1700000004\n";

    struct Told(&'static str, &'static str);

    impl Tools for Told {
        fn run(&mut self, _: &str, arguments: &[&str]) -> Result<String, String> {
            Ok(match arguments[1] {
                "rootid" => format!("{}\n", self.0),
                "get-default" => self.1.to_owned(),
                _ => LIST.to_owned(),
            })
        }
    }

    fn standings(mounted: &'static str, default: &'static str) -> Vec<(String, Standing)> {
        let all = ours(&mut Told(mounted, default), Path::new("/")).unwrap();
        all.into_iter().map(|ours| (ours.name, ours.standing)).collect()
    }

    #[test]
    fn what_belongs_to_another_system_is_not_ours() {
        let of = |name: &str, standing| (name.to_owned(), standing);
        let full = "ID 263 gen 9 top level 259 path @/.fettle-snapshots/back-1700000001/.fettle-snapshots/back-1700000004";
        assert_eq!(
            standings("259", full),
            [
                of("subvolid=258", Standing::Elsewhere),
                of("/.fettle-snapshots/fettle-1700000002-cccccccc", Standing::Snapshot),
                of("/.fettle-snapshots/back-1700000003", Standing::Copy),
                of("/.fettle-snapshots/back-1700000004", Standing::NextRoot),
            ]
        );
        let rest = [
            of("subvolid=258", Standing::Elsewhere),
            of("subvolid=259", Standing::Elsewhere),
            of("subvolid=261", Standing::Elsewhere),
            of("subvolid=262", Standing::Elsewhere),
        ];
        assert_eq!(standings("263", full), rest);
        let other = [of("/.fettle-snapshots/fettle-1700000000-bbbbbbbb", Standing::Snapshot)];
        assert_eq!(standings("257", "ID 5 (FS_TREE)"), other);
        let waits = |mounted| waits(&mut Told(mounted, full), Path::new("/")).unwrap();
        assert!(waits("259").is_some_and(|path| path.ends_with("/back-1700000004")));
        assert_eq!(waits("263"), None);
    }

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
