//! The index of one apt list: its records of the packages that this node has. How indexes are kept is `packages::index`'s.

use std::io;
use std::path::Path;

use super::super::index::{self, Key};
use super::super::root::Root;
use super::lists::List;
use super::names::Names;
use super::records::Records;

/// Changes whenever the records or the meaning of a fingerprint change.
const MAGIC: u64 = u64::from_le_bytes(*b"FTLIDX02");

/// `None` when there is no sound index of exactly this list with all of these names.
pub fn load(folder: &Path, root: &Root, list: &List, names: &Names<'_>) -> Option<Records> {
    with_key(root, list, |key| index::load(folder, key, &joined(names))).map(Records::from_bytes)
}

/// Writes an index in place of an older one. A failure leaves the older one alone.
pub fn save(folder: &Path, root: &Root, list: &List, names: &Names<'_>, records: &Records) -> io::Result<()> {
    with_key(root, list, |key| index::save(folder, key, &joined(names), records.as_bytes()))
}

fn with_key<T>(root: &Root, list: &List, use_it: impl FnOnce(&Key<'_>) -> T) -> T {
    use_it(&Key { magic: MAGIC, path: &root.shown(&list.path), identity: list.identity })
}

fn joined(names: &Names<'_>) -> Vec<u8> {
    let mut joined = Vec::with_capacity(16 << 10);
    for name in names.iter() {
        joined.extend_from_slice(name);
        joined.push(b'\n');
    }
    joined
}
