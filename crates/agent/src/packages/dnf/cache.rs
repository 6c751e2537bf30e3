//! Where dnf and yum keep the metadata of a repository, and which files it is.
//! Source: libdnf's naming of cache folders; yum.conf(5), cachedir.

use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::facts;
use sha2::{Digest, Sha256};

use super::super::ScanError;
use super::super::root::{Identity, Root};
use super::super::rpm::node::{File, Source};
use super::super::rpm::repomd::RepoMd;
use super::super::rpm::uri::without_credentials;
use super::config::{Flavour, Main, Repository};
use super::variables::Variables;

/// Characters of the hash that tell two repositories of one id apart.
const HASH_CHARACTERS: usize = 16;

pub struct Cached {
    pub source: Source,
    /// When this state of the repository came here.
    pub fetched_at: Timestamp,
}

/// The metadata, or where it was looked for.
pub fn find(
    root: &Root,
    main: &Main,
    variables: &Variables,
    repository: &Repository,
) -> Result<Result<Cached, PathBuf>, ScanError> {
    let folders = folders(main, variables, repository);
    for folder in &folders {
        for (repomd, files) in [("repodata/repomd.xml", "repodata"), ("repomd.xml", "")] {
            let path = folder.join(repomd);
            let (Some(identity), Some(bytes)) = (root.identity(&path)?, root.read(&path)?) else { continue };
            let repomd = RepoMd::parse(&bytes).map_err(|reason| ScanError::Corrupt {
                path: root.shown(&path),
                reason: reason.into_owned(),
            })?;
            let files = if files.is_empty() { folder.clone() } else { folder.join(files) };
            let source = source(root, variables, repository, &repomd, &files)?;
            return Ok(Ok(Cached { source, fetched_at: fetched_at(root, &identity) }));
        }
    }
    Ok(Err(folders.into_iter().next().unwrap_or_default()))
}

fn folders(main: &Main, variables: &Variables, repository: &Repository) -> Vec<PathBuf> {
    let name = match main.flavour {
        Flavour::Dnf => {
            let hash = hex::encode(Sha256::digest(repository.address()));
            format!("{}-{}", repository.id, &hash[..HASH_CHARACTERS])
        }
        Flavour::Yum => repository.id.clone(),
    };
    main.cache_folders.iter().map(|folder| Path::new(&variables.substitute(folder)).join(&name)).collect()
}

/// On the running machine that is when the tool put the file there; files of a foreign root may have been unpacked later, so
/// there the file's own time counts.
fn fetched_at(root: &Root, identity: &Identity) -> Timestamp {
    let at = if root.is_host() { identity.changed_ns } else { identity.modified_ns };
    Timestamp::from_seconds(at.div_euclid(1_000_000_000))
}

fn source(
    root: &Root,
    variables: &Variables,
    repository: &Repository,
    repomd: &RepoMd,
    folder: &Path,
) -> Result<Source, ScanError> {
    let file = |kind: &str| file(root, repomd, folder, kind);
    let fact = facts::Repository {
        uri: without_credentials(repository.address()),
        suite: repository.id.clone(),
        codename: variables.get("releasever").unwrap_or_default().to_owned(),
        label: repository.name.clone(),
        arch: variables.get("basearch").unwrap_or_default().to_owned(),
        released_at: repomd.made_at().map(Timestamp::from_seconds),
        ..facts::Repository::default()
    };
    let primary = file("primary")?;
    if primary.is_none() {
        let reason = format!("repository `{}`: its primary metadata is not in the cache", repository.id);
        return Err(ScanError::Corrupt { path: root.shown(folder), reason });
    }
    Ok(Source {
        fact,
        priority: repository.priority,
        primary,
        updateinfo: file("updateinfo")?,
        modules: file("modules")?,
        ignores_modules: repository.ignores_modules,
    })
}

/// The file of this kind that is in the cache and can be read. Published but not in the cache: an error for what would be
/// missed silently.
fn file(root: &Root, repomd: &RepoMd, folder: &Path, kind: &str) -> Result<Option<File>, ScanError> {
    let Some(entry) = repomd.entry(kind) else { return Ok(None) };
    let path = folder.join(entry.file_name());
    let there = root.identity(&path)?.is_some();
    match entry.compression().filter(|_| there) {
        Some(compression) => Ok(Some(File { path, compression })),
        None => {
            let reason = "published by the repository, but not in the cache in a form that can be read";
            Err(ScanError::Corrupt { path: root.shown(&path), reason: reason.to_owned() })
        }
    }
}
