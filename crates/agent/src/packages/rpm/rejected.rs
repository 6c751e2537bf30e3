//! Which package versions the entries of a rejected list mean that are ids and not names, also of packages that the node does
//! not have: a transaction could bring them in. What the other entries mean, the tools know themselves.
//! Source: spec patch-manager 1.6 and 1.7.

use domain::patch::names_advisory;
use domain::patch::transaction::{BlockedVersion, Wanted};

use super::super::ScanError;
use super::super::root::Root;
use super::node::Source;
use super::updateinfo::for_each_update;

/// Sorted, each once. `patches_have_names`: entries may be patterns of patch names.
pub fn versions_named(
    root: &Root,
    sources: &[Source],
    entries: &[String],
    patches_have_names: bool,
) -> Result<Vec<BlockedVersion>, ScanError> {
    let mut found = Vec::new();
    for file in sources.iter().filter_map(|source| source.updateinfo.as_ref()) {
        for_each_update(&file.document(root), &mut |update| {
            let names = |entry: &&String| names_advisory(entry, &update.advisory, patches_have_names);
            let Some(entry) = entries.iter().find(names) else { return };
            for listed in update.collections.into_iter().flat_map(|collection| collection.packages) {
                let package = Wanted { name: listed.name, arch: listed.arch, version: listed.version };
                found.push(BlockedVersion { package, entry: entry.clone() });
            }
        })?;
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
