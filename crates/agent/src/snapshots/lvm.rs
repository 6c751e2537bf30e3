//! LVM: snapshots of the root's logical volume, thin where it is thin. Going back merges one into its origin, which for a
//! volume in use happens at its next activation, and the snapshot is gone with it.
//! Source: lvcreate(8), lvconvert(8), lvs(8). What `lvs` prints was captured from LVM itself on metadata; no snapshot was
//! ever taken or merged, since the machines this was made on have no device mapper.

use super::{Ours, Standing, Tools};

/// Of a snapshot that has a size: a part of the origin's. It becomes invalid when more than that is written.
const PART_OF_ORIGIN: u64 = 5;
const LEAST_BYTES: u64 = 256 << 20;
const EXTENT_BYTES: u64 = 4 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    group: String,
    volume: String,
    is_thin: bool,
    size_bytes: u64,
    free_bytes: u64,
}

const TABLE: [&str; 6] = ["--noheadings", "--nosuffix", "--units", "b", "--separator", "|"];

fn table<'a>(columns: &'a str, what: &'a str) -> Vec<&'a str> {
    TABLE.into_iter().chain(["-o", columns, what]).collect()
}

fn origin(tools: &mut dyn Tools, device: &str) -> Result<Origin, String> {
    let said = tools.run("lvs", &table("vg_name,lv_name,pool_lv,lv_size,vg_free", device))?;
    read(&said).ok_or_else(|| format!("{device} is no logical volume: {}", said.trim()))
}

fn read(said: &str) -> Option<Origin> {
    let columns: Vec<&str> = said.lines().find(|line| line.contains('|'))?.trim().split('|').collect();
    let [group, volume, pool, size, free] = columns[..] else { return None };
    Some(Origin {
        group: group.to_owned(),
        volume: volume.to_owned(),
        is_thin: !pool.is_empty(),
        size_bytes: size.parse().ok()?,
        free_bytes: free.parse().ok()?,
    })
}

/// A volume that can be kept, and the size of the snapshot; a thin one takes what it needs from its pool.
pub struct Room {
    origin: Origin,
    size_bytes: Option<u64>,
}

/// Whether there is room for a snapshot.
pub fn room(tools: &mut dyn Tools, device: &str) -> Result<Room, String> {
    let origin = origin(tools, device)?;
    if origin.is_thin {
        return Ok(Room { origin, size_bytes: None });
    }
    let size = (origin.size_bytes / PART_OF_ORIGIN).max(LEAST_BYTES).div_ceil(EXTENT_BYTES) * EXTENT_BYTES;
    if origin.free_bytes < size {
        return Err(format!(
            "a snapshot of {}/{} needs {size} bytes of the volume group {}, which has {} free",
            origin.group, origin.volume, origin.group, origin.free_bytes
        ));
    }
    Ok(Room { origin, size_bytes: Some(size) })
}

/// `GROUP/NAME`
pub fn take(tools: &mut dyn Tools, device: &str, name: &str) -> Result<String, String> {
    let Room { origin, size_bytes } = room(tools, device)?;
    let of = format!("{}/{}", origin.group, origin.volume);
    let mut arguments = vec!["--yes", "--snapshot", "--name", name];
    let size = size_bytes.map(|size| format!("{size}b"));
    if let Some(size) = &size {
        arguments.extend(["--size", size]);
    }
    arguments.push(&of);
    tools.run("lvcreate", &arguments)?;
    Ok(format!("{}/{name}", origin.group))
}

/// All snapshots of this volume, and whether each is about to take its place.
fn snapshots(tools: &mut dyn Tools, own: &Origin) -> Result<Vec<(String, bool)>, String> {
    let columns = ["--all", "-o", "lv_name,origin,lv_attr", &own.group];
    let arguments: Vec<&str> = TABLE.into_iter().chain(columns).collect();
    let said = tools.run("lvs", &arguments)?;
    let of_own = |line: &str| {
        let columns: Vec<&str> = line.trim().split('|').collect();
        let [name, origin, attributes] = columns[..] else { return None };
        // What is not to be seen stands in brackets, as one does that is about to be merged.
        let (name, origin) = (name.trim_matches(['[', ']']), origin.trim_matches(['[', ']']));
        (origin == own.volume).then(|| (name.to_owned(), attributes.starts_with('S')))
    };
    Ok(said.lines().filter_map(of_own).collect())
}

pub fn list(tools: &mut dyn Tools, device: &str) -> Result<Vec<String>, String> {
    let own = origin(tools, device)?;
    Ok(snapshots(tools, &own)?.into_iter().map(|(name, _)| name).collect())
}

/// The snapshot that is merged into the volume with its next activation.
pub fn waits(tools: &mut dyn Tools, device: &str) -> Result<Option<String>, String> {
    let own = origin(tools, device)?;
    let merging = snapshots(tools, &own)?.into_iter().find(|(_, is_merging)| *is_merging);
    Ok(merging.map(|(name, _)| format!("{}/{name}", own.group)))
}

pub fn ours(tools: &mut dyn Tools, device: &str) -> Result<Vec<Ours>, String> {
    let own = origin(tools, device)?;
    let of = |(name, is_merging): (String, bool)| {
        let mut ours = Ours::snapshot(format!("{}/{name}", own.group), &name)?;
        if is_merging {
            ours.standing = Standing::NextRoot;
        }
        Some(ours)
    };
    Ok(snapshots(tools, &own)?.into_iter().filter_map(of).collect())
}

pub fn remove(tools: &mut dyn Tools, name: &str) -> Result<(), String> {
    tools.run("lvremove", &["--yes", name]).map(drop)
}

pub fn delete(tools: &mut dyn Tools, device: &str, name: &str) -> Result<(), String> {
    let group = origin(tools, device)?.group;
    remove(tools, &format!("{group}/{name}"))
}

/// How full the snapshot is, which is how much was written since. Thin ones do not tell.
pub fn written(tools: &mut dyn Tools, snapshot: &str) -> Result<Option<String>, String> {
    let said = tools.run("lvs", &table("lv_attr,snap_percent", snapshot))?;
    let (attributes, percent) = said.trim().split_once('|').ok_or("lvs does not tell of it")?;
    // The fifth character: `I` for a snapshot that ran full.
    if attributes.chars().nth(4) == Some('I') {
        return Err(format!("{snapshot} ran full, and holds nothing any more"));
    }
    let number = percent.split('.').next().and_then(|whole| whole.parse::<u32>().ok());
    Ok(number.map(|number| format!("of that, {number} percent of what the snapshot can hold")))
}

pub fn go_back(tools: &mut dyn Tools, snapshot: &str) -> Result<(), String> {
    tools.run("lvconvert", &["--yes", "--merge", snapshot]).map(drop)
}
