//! Metadata through the agent's index: what a file has for a node is kept, and taken from there while neither the file nor what
//! was asked of it has changed. Without the index the answer is the same.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::ScanError;
use super::super::index::{self, Key, checksum};
use super::super::root::Root;
use super::node::{File, Form};
use super::notices::{self, Listener, Notices};
use super::primary::{self, Interest, Offer};
use super::primary_db;

/// Within the agent's folder: where the indexes of metadata belong.
pub const INDEX_FOLDER: &str = "rpm-index";
/// Change whenever what is kept, or its meaning, does.
const OFFERS: u64 = u64::from_le_bytes(*b"FTRPMO02");
const NOTICES: u64 = u64::from_le_bytes(*b"FTRPMN02");

/// Where a node's metadata is read and its indexes are kept.
pub struct Reader<'a> {
    pub root: &'a Root,
    /// `None`: no index.
    pub folder: Option<&'a Path>,
}

impl Reader<'_> {
    pub fn offers(&self, file: &File, interest: Interest<'_>) -> Result<Vec<Offer>, ScanError> {
        // Those first, and told apart: no package's name begins so.
        let mut names = joined("\0", interest.replacing.iter().map(String::as_str));
        names.extend(joined("", interest.installed.iter().copied()));
        let modular = joined("", interest.modular.iter().copied());
        self.through_index(file, OFFERS ^ checksum(&modular), &names, || match file.form {
            Form::Text => primary::read(&file.document(self.root), interest),
            Form::Database => primary_db::read(self.root, &file.path, interest),
        })
    }

    /// `streams` are the active ones, which decide about listings.
    pub fn notices(&self, file: &File, listener: &Listener<'_>, streams: &str) -> Result<Notices, ScanError> {
        // Listings name packages by position: the index holds for exactly these packages.
        let mut packages: Vec<_> = listener
            .positions
            .iter()
            .flat_map(|(name, archs)| archs.iter().map(move |(arch, at)| (at, name, arch)))
            .collect();
        packages.sort_unstable();
        let asked = format!("{packages:?} {streams} {:?} {:?}", listener.architecture, listener.rule);
        self.through_index(file, NOTICES ^ checksum(asked.as_bytes()), b"", || {
            notices::read(&file.document(self.root), listener)
        })
    }

    fn through_index<T: Serialize + DeserializeOwned>(
        &self,
        file: &File,
        magic: u64,
        names: &[u8],
        read: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<T, ScanError> {
        let (Some(folder), Some(identity)) = (self.folder, self.root.identity(&file.path)?) else {
            return read();
        };
        let shown = self.root.shown(&file.path);
        let key = Key { magic, path: &shown, identity };
        let known = index::load(folder, &key, names);
        if let Some(known) = known.and_then(|records| serde_json::from_slice(&records).ok()) {
            return Ok(known);
        }
        let found = read()?;
        let records = serde_json::to_vec(&found).map_err(std::io::Error::from);
        match records.and_then(|records| index::save(folder, &key, names, &records)) {
            Ok(()) => tracing::debug!(file = %shown.display(), "indexed metadata"),
            Err(error) => tracing::debug!(file = %shown.display(), %error, "metadata was not indexed"),
        }
        Ok(found)
    }
}

/// Sorted, each behind the mark and with a line end.
fn joined<'a>(mark: &str, names: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.iter().flat_map(|name| [mark.as_bytes(), name.as_bytes(), b"\n"].concat()).collect()
}
