//! pacman's lists: one archive for each repository, compressed in whatever way its name does not tell. They are in the
//! node's own database folder, and in the agent's, where a scan refreshes them.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::decompress::{Compression, for_each_chunk};
use super::super::root::{Identity, Root};
use super::desc::Desc;
use super::tar;

/// Where a repository's list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub path: PathBuf,
    pub identity: Identity,
}

/// Of several folders the newest one: pacman gives a list the time at which the repository made it.
pub fn find(root: &Root, databases: &[&Path], repository: &str) -> Result<Option<List>, ScanError> {
    let mut newest: Option<List> = None;
    for database in databases {
        let path = database.join("sync").join(format!("{repository}.db"));
        if let Some(identity) = root.identity(&path)?
            && newest.as_ref().is_none_or(|known| known.identity.modified_ns < identity.modified_ns)
        {
            newest = Some(List { path, identity });
        }
    }
    Ok(newest)
}

impl List {
    /// Every package of the list for which `is_wanted`, in the list's order.
    pub fn read(&self, root: &Root, is_wanted: impl Fn(&Desc) -> bool) -> Result<Vec<Desc>, ScanError> {
        let corrupt = |reason: String| ScanError::Corrupt { path: root.shown(&self.path), reason };
        let file = root.open(&self.path)?.ok_or_else(|| corrupt("it went away".to_owned()))?;
        read_archive(file, is_wanted).map_err(|error| corrupt(error.to_string()))
    }
}

/// A list from memory: for whoever has only its bytes.
pub fn read_bytes(bytes: &[u8]) -> io::Result<Vec<Desc>> {
    let mut found = Vec::new();
    let mut archive = tar::Reader::new(is_desc, |_, body: &[u8]| found.extend(Desc::parse(body)));
    archive.push(bytes).and_then(|()| archive.finish()).map_err(invalid)?;
    Ok(found)
}

fn read_archive(mut file: File, is_wanted: impl Fn(&Desc) -> bool) -> io::Result<Vec<Desc>> {
    let compression = compression_of(&mut file)?;
    let mut found = Vec::new();
    let visit = |_: &str, body: &[u8]| found.extend(Desc::parse(body).filter(|desc| is_wanted(desc)));
    let mut archive = tar::Reader::new(is_desc, visit);
    for_each_chunk(file, compression, &mut |chunk| archive.push(chunk).map_err(invalid))?;
    archive.finish().map_err(invalid)?;
    Ok(found)
}

fn is_desc(name: &str) -> bool {
    name.ends_with("/desc")
}

fn invalid(error: tar::TarError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn compression_of(file: &mut File) -> io::Result<Compression> {
    let mut magic = Vec::new();
    file.take(6).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Compression::Xz,
        [b'B', b'Z', b'h', ..] => Compression::Bzip2,
        [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Lz4,
        _ => Compression::None,
    })
}
