//! Package files in pacman's caches: what a transaction installs, and what an undo brings back.

use std::path::PathBuf;

use domain::patch::transaction::Change;
use domain::patch::{Failure, FailureCode};

use super::super::super::root::Root;
use super::super::super::tool::failure;
use super::place::Place;

/// The newest kept file of this version, as the tools see it; of any architecture where `arch` is empty.
pub fn find(
    root: &Root,
    place: &Place,
    name: &str,
    version: &str,
    arch: &str,
) -> Result<Option<PathBuf>, Failure> {
    let prefix = format!("{name}-{version}-");
    for (cache, seen) in place.caches() {
        let is_it = |file: &String| {
            let rest = file.strip_prefix(&prefix).and_then(|rest| rest.split_once(".pkg.tar"));
            rest.is_some_and(|(of, packed)| {
                !of.contains('-')
                    && (arch.is_empty() || of == arch)
                    && !packed.ends_with(".sig")
                    && !packed.ends_with(".part")
            })
        };
        let mut files: Vec<_> = root.list_files(&cache)?.into_iter().filter(is_it).collect();
        files.sort_unstable();
        for file in files {
            if root.identity(&cache.join(&file))?.is_some_and(|identity| identity.size_bytes > 0) {
                return Ok(Some(seen.join(file)));
            }
        }
    }
    Ok(None)
}

/// The file of what a planned change installs, which was downloaded before.
pub fn require(root: &Root, place: &Place, change: &Change) -> Result<PathBuf, Failure> {
    let version = change.to.as_deref().unwrap_or_default();
    find(root, place, &change.name, version, &change.arch)?.ok_or_else(|| {
        let detail =
            format!("{} {version} is in no cache of pacman's, although it was downloaded", change.name);
        failure(FailureCode::DownloadFailed, &change.name, detail)
    })
}
