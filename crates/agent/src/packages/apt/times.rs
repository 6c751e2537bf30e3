//! When each package was unpacked: asked of the file system once per change of dpkg's database, then remembered.
//! What is remembered is a cache like `index`: it holds for one state of dpkg's files and packages, and damage undoes it.

use std::fs;
use std::io;
use std::path::Path;

use super::super::index::checksum;
use super::super::root::{Identity, Root};
use super::dpkg::{Installed, UnpackTimes};

const MAGIC: u64 = u64::from_le_bytes(*b"FTTIME01");
const UNKNOWN: i64 = i64::MIN;

/// Whole seconds, in the order of `installed`.
pub fn unpack_times(
    root: &Root,
    status: &Path,
    installed: &[Installed<'_>],
    folder: Option<&Path>,
) -> Vec<Option<i64>> {
    let key = key(root, status, installed);
    if let Some(times) = folder.and_then(|folder| load(&folder.join("unpack-times"), &key, installed.len())) {
        return times;
    }
    let (files, mut name) = (UnpackTimes::open(root, status), String::new());
    let of =
        |package: &Installed<'_>| files.of(&package.record, &mut name).map(|found| found.modified_seconds());
    let times: Vec<_> = installed.iter().map(of).collect();
    if let Some(Err(error)) = folder.map(|folder| save(&folder.join("unpack-times"), &key, &times)) {
        tracing::debug!(%error, "unpack times are not remembered");
    }
    times
}

/// dpkg replaces its files by renaming, which changes the folder; the packages are part of the key besides.
fn key(root: &Root, status: &Path, installed: &[Installed<'_>]) -> Vec<u64> {
    let words = |identity: Option<Identity>| {
        let identity = identity.unwrap_or_default();
        let (modified, changed) = (identity.modified_ns as u64, identity.changed_ns as u64);
        [identity.device, identity.inode, identity.size_bytes, modified, changed]
    };
    let info = status.parent().unwrap_or(Path::new("/")).join("info");
    let mut packages = Vec::with_capacity(installed.len() * 32);
    for package in installed {
        for part in [package.record.package, package.record.architecture, package.record.version] {
            packages.extend_from_slice(part);
            packages.push(b'\n');
        }
    }
    let identities = words(root.any_identity(status)).into_iter().chain(words(root.any_identity(&info)));
    [MAGIC].into_iter().chain(identities).chain([checksum(&packages)]).collect()
}

fn load(path: &Path, key: &[u64], count: usize) -> Option<Vec<Option<i64>>> {
    let bytes = fs::read(path).ok()?;
    let (body, sum) = bytes.split_last_chunk::<8>()?;
    if u64::from_le_bytes(*sum) != checksum(body) || body.len() != (key.len() + count) * 8 {
        return None;
    }
    let mut words = body.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
    if !key.iter().all(|&word| words.next() == Some(word)) {
        return None;
    }
    Some(words.map(|word| Some(word as i64).filter(|&time| time != UNKNOWN)).collect())
}

fn save(path: &Path, key: &[u64], times: &[Option<i64>]) -> io::Result<()> {
    let times = times.iter().map(|time| time.unwrap_or(UNKNOWN) as u64);
    let mut bytes: Vec<u8> = key.iter().copied().chain(times).flat_map(u64::to_le_bytes).collect();
    bytes.extend(checksum(&bytes).to_le_bytes());
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path)
}
