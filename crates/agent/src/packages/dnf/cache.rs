//! Where dnf and yum keep the metadata of a repository, and which files it is.
//! Source: libdnf's naming of cache folders; yum.conf(5), cachedir.

use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::facts;
use sha2::{Digest, Sha256};

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::node::Source;
use super::super::rpm::repository::{self, Found};
use super::super::rpm::uri::without_credentials;
use super::super::rpm::variables::Variables;
use super::config::{Flavour, Main, Repository};

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
        if let Some(found) = repository::load(root, folder)? {
            let fetched_at = found.fetched_at;
            return Ok(Ok(Cached { source: source(variables, repository, found), fetched_at }));
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

fn source(variables: &Variables, repository: &Repository, found: Found) -> Source {
    let fact = facts::Repository {
        uri: without_credentials(repository.address()),
        suite: repository.id.clone(),
        component: variables.get("releasever").unwrap_or_default().to_owned(),
        label: repository.name.clone(),
        arch: variables.get("basearch").unwrap_or_default().to_owned(),
        released_at: found.made_at,
        ..facts::Repository::default()
    };
    Source {
        fact,
        priority: repository.priority,
        primary: Some(found.primary),
        updateinfo: found.updateinfo,
        modules: found.modules,
        ignores_modules: repository.ignores_modules,
    }
}
