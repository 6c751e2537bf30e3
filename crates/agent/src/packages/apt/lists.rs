//! The package lists that a node has: which files they are, how they are packed, and whose release they belong to.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use domain::facts::Repository;

use super::super::ScanError;
use super::super::decompress::Compression;
use super::super::root::{Identity, Root};
use super::deb822::Malformed;
use super::names::Names;
use super::preferences::ListIdentity;
use super::record::Record;
use super::records::Records;
use super::release::Release;
use super::sources::{Index, Source};
use super::stream::{self, StreamError};

/// File name extensions in the order in which apt looks for them. `None`: a format that is not read here.
const EXTENSIONS: [(&str, Option<Compression>); 7] = [
    ("", Some(Compression::None)),
    (".xz", Some(Compression::Xz)),
    (".bz2", None),
    (".lzma", None),
    (".gz", Some(Compression::Gzip)),
    (".lz4", Some(Compression::Lz4)),
    (".zst", Some(Compression::Zstd)),
];

/// A release file, and when it was fetched.
#[derive(Debug)]
pub struct ReleaseFile {
    pub path: PathBuf,
    pub release: Release,
    pub identity: Identity,
}

/// One package list on disk.
#[derive(Debug)]
pub struct List {
    pub path: PathBuf,
    pub compression: Compression,
    pub identity: Identity,
    pub uri: String,
    pub host: String,
    pub index: Index,
    /// Without one, the fields of the repository are unknown.
    pub release: Option<Rc<ReleaseFile>>,
}

static NO_RELEASE: Release = Release {
    origin: None,
    label: None,
    suite: None,
    codename: None,
    version: None,
    architectures: Vec::new(),
    no_support_for_all: Vec::new(),
    not_automatic: false,
    but_automatic_upgrades: false,
    date: None,
    valid_until: None,
};

impl List {
    pub fn release(&self) -> &Release {
        self.release.as_ref().map_or(&NO_RELEASE, |file| &file.release)
    }

    pub fn identity_for_pins(&self) -> ListIdentity<'_> {
        ListIdentity {
            release: Some(self.release()),
            host: &self.host,
            component: &self.index.component,
            arch: Some(self.index.arch.as_str()).filter(|arch| !arch.is_empty()),
        }
    }

    pub fn to_repository(&self) -> Repository {
        let release = self.release();
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Repository {
            uri: self.uri.clone(),
            suite: text(&release.suite),
            codename: text(&release.codename),
            origin: text(&release.origin),
            label: text(&release.label),
            component: self.index.component.clone(),
            arch: self.index.arch.clone(),
            released_at: release.date,
            valid_until: release.valid_until,
        }
    }

    /// Reads the whole list and keeps what it has of packages with these names.
    pub fn records(&self, root: &Root, names: &Names<'_>) -> Result<Records, ScanError> {
        let file = root
            .open(&self.path)?
            .ok_or_else(|| self.corrupt(root, "the file vanished while it was read"))?;
        let mut records = Records::default();
        let read = stream::for_each_stanza(file, self.compression, |stanza| {
            if !names.may_be_of(stanza) {
                return Ok(());
            }
            let record = Record::parse(stanza)?;
            if !record.version.is_empty() && names.first(record.package).is_some() {
                records.push(&record).map_err(|reason| Malformed { at: 0, reason })?;
            }
            Ok::<(), Malformed>(())
        });
        match read {
            Ok(extent) => self.check_extent(root, extent).map(|()| records),
            Err(StreamError::Read(error)) => Err(self.corrupt(root, &error.to_string())),
            Err(StreamError::Refused { offset, error }) => {
                let offset = offset + error.at as u64;
                let line =
                    root.open(&self.path)?.map_or(0, |file| stream::line_at(file, self.compression, offset));
                Err(ScanError::Malformed {
                    path: root.shown(&self.path),
                    line,
                    reason: error.reason.to_owned(),
                })
            }
        }
    }

    /// A list that is shorter than its release file says was cut.
    fn check_extent(&self, root: &Root, extent: stream::Extent) -> Result<(), ScanError> {
        let release = self.release.as_ref().map(|file| root.read(&file.path)).transpose()?.flatten();
        let expected = release.and_then(|bytes| Release::index_size_bytes(&bytes, &self.index.name));
        match expected {
            Some(expected) if extent.bytes < expected => Err(self.corrupt(
                root,
                &format!("{} bytes of text where its release file has {expected}", extent.bytes),
            )),
            None if !extent.ends_in_newline => Err(self.corrupt(root, "the file ends inside a line")),
            _ => Ok(()),
        }
    }

    fn corrupt(&self, root: &Root, reason: &str) -> ScanError {
        ScanError::Corrupt { path: root.shown(&self.path), reason: reason.to_owned() }
    }
}

/// The lists that exist, in the order of the sources.
pub fn find(root: &Root, lists: &Path, sources: &[Source]) -> Result<Vec<List>, ScanError> {
    let mut present = root.list_files(lists)?;
    present.sort_unstable();
    let exists = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        present.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
    };
    let mut found: Vec<List> = Vec::new();
    for source in sources {
        let release = find_release(root, lists, source, &exists)?;
        for index in &source.indexes {
            let plain = source.index_file(lists, index);
            let Some((path, compression)) = find_packed(&plain, &exists) else { continue };
            let Some(compression) = compression else {
                let reason = "package lists packed with bzip2 or lzma are not read".to_owned();
                return Err(ScanError::Corrupt { path: root.shown(&path), reason });
            };
            let Some(identity) = root.identity(&path)? else { continue };
            if found.iter().any(|list| list.path == path) {
                continue;
            }
            let (uri, host) = (source.uri.shown(), source.uri.host.clone());
            found.push(List {
                path,
                compression,
                identity,
                uri,
                host,
                index: index.clone(),
                release: release.clone(),
            });
        }
    }
    Ok(found)
}

fn find_packed(plain: &Path, exists: &dyn Fn(&Path) -> bool) -> Option<(PathBuf, Option<Compression>)> {
    EXTENSIONS.into_iter().find_map(|(extension, compression)| {
        let mut path = plain.as_os_str().to_owned();
        path.push(extension);
        let path = PathBuf::from(path);
        exists(&path).then_some((path, compression))
    })
}

fn find_release(
    root: &Root,
    lists: &Path,
    source: &Source,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<Option<Rc<ReleaseFile>>, ScanError> {
    for name in ["InRelease", "Release"] {
        let path = lists.join(format!("{}{name}", source.list_name));
        if !exists(&path) {
            continue;
        }
        let (Some(identity), Some(bytes)) = (root.identity(&path)?, root.read(&path)?) else { continue };
        let release = Release::parse(&bytes).map_err(|(line, reason)| ScanError::Malformed {
            path: root.shown(&path),
            line,
            reason: reason.to_owned(),
        })?;
        return Ok(Some(Rc::new(ReleaseFile { path, release, identity })));
    }
    Ok(None)
}
