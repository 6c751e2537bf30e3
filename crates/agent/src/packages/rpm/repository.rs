//! The metadata of one repository as a tool has downloaded it: which files, and since when.

use std::path::Path;

use api::Timestamp;

use super::super::ScanError;
use super::super::decompress::Compression;
use super::super::root::{Identity, Root};
use super::node::{File, Form};
use super::repomd::RepoMd;

pub struct Found {
    pub primary: File,
    pub updateinfo: Option<File>,
    pub modules: Option<File>,
    /// When the repository was made.
    pub made_at: Option<Timestamp>,
    /// When this state of it came here.
    pub fetched_at: Timestamp,
}

/// `None` where there is no `repomd.xml`, neither in `repodata` nor, as yum keeps it, in the folder itself.
pub fn load(root: &Root, folder: &Path) -> Result<Option<Found>, ScanError> {
    for files in [folder.join("repodata"), folder.to_owned()] {
        let path = files.join("repomd.xml");
        let (Some(identity), Some(bytes)) = (root.identity(&path)?, root.read(&path)?) else { continue };
        let repomd = RepoMd::parse(&bytes)
            .map_err(|reason| ScanError::Corrupt { path: root.shown(&path), reason: reason.into_owned() })?;
        let file = |kind: &str| file(root, &repomd, &files, kind);
        let no_primary = || {
            let reason = "names no primary metadata; refresh the metadata".to_owned();
            ScanError::Corrupt { path: root.shown(&path), reason }
        };
        return Ok(Some(Found {
            primary: match database(root, &repomd, &files)? {
                Some(database) => database,
                None => file("primary")?.ok_or_else(no_primary)?,
            },
            updateinfo: file("updateinfo")?,
            modules: file("modules")?,
            made_at: repomd.made_at().map(Timestamp::from_seconds),
            fetched_at: fetched_at(root, &identity),
        }));
    }
    Ok(None)
}

/// On the running machine that is when the tool put the file there; files of a foreign root may have been unpacked later, so
/// there the file's own time counts.
fn fetched_at(root: &Root, identity: &Identity) -> Timestamp {
    let at = if root.is_host() { identity.changed_ns } else { identity.modified_ns };
    Timestamp::from_seconds(at.div_euclid(1_000_000_000))
}

/// The file of this kind that is in the cache and can be read. Published but not in the cache: an error for what would be
/// missed silently.
fn file(root: &Root, repomd: &RepoMd, folder: &Path, kind: &str) -> Result<Option<File>, ScanError> {
    let Some(entry) = repomd.entry(kind) else { return Ok(None) };
    let path = folder.join(entry.file_name());
    let there = root.identity(&path)?.is_some();
    match entry.compression().filter(|_| there) {
        Some(compression) => Ok(Some(File { path, compression, form: Form::Text })),
        None => {
            let reason = "published by the repository, but not in the cache in a form that can be read; \
                          refresh the metadata";
            Err(ScanError::Corrupt { path: root.shown(&path), reason: reason.to_owned() })
        }
    }
}

/// yum takes `primary_db` in place of `primary` where there is one, and works on an unpacked copy.
fn database(root: &Root, repomd: &RepoMd, folder: &Path) -> Result<Option<File>, ScanError> {
    let (Some(entry), Some(primary)) = (repomd.entry("primary_db"), repomd.entry("primary")) else {
        return Ok(None);
    };
    if root.identity(&folder.join(primary.file_name()))?.is_some() {
        return Ok(None);
    }
    let plain = entry.file_name().rsplit_once('.').map_or(entry.file_name(), |(plain, _)| plain);
    for path in [folder.join("gen/primary_db.sqlite"), folder.join(plain)] {
        let Some(identity) = root.identity(&path)? else { continue };
        // An unpacked copy of an older state of the repository has another size.
        if entry.open_bytes.is_none_or(|bytes| bytes == identity.size_bytes) {
            return Ok(Some(File { path, compression: Compression::None, form: Form::Database }));
        }
    }
    Ok(None)
}
