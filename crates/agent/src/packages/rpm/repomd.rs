//! `repomd.xml`: which metadata files a repository has, and how old they are.

use std::borrow::Cow;

use super::super::decompress::Compression;
use super::elements::{Piece, Refusal, for_each_piece};

/// One `<data>` entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `primary`, `updateinfo`, `modules`, `primary_zck`, ...
    pub kind: String,
    /// Relative to the repository: `repodata/...-primary.xml.gz`.
    pub location: String,
    pub open_bytes: Option<u64>,
    pub timestamp: Option<i64>,
}

impl Entry {
    pub fn file_name(&self) -> &str {
        self.location.rsplit('/').next().unwrap_or_default()
    }

    /// By the name's ending; `None` for a form that is not read here (zchunk).
    pub fn compression(&self) -> Option<Compression> {
        let name = self.file_name();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        Some(match extension {
            "gz" => Compression::Gzip,
            "xz" => Compression::Xz,
            "zst" => Compression::Zstd,
            "bz2" => Compression::Bzip2,
            "xml" | "yaml" | "sqlite" => Compression::None,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepoMd {
    pub revision: String,
    pub entries: Vec<Entry>,
}

impl RepoMd {
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut repomd = Self::default();
        let mut text = String::new();
        let mut is_whole = false;
        for_each_piece(bytes, &mut |piece| {
            match piece {
                Piece::Start(tag) => {
                    text.clear();
                    match tag.name() {
                        "data" => {
                            let kind = tag.attribute("type")?.unwrap_or_default().into_owned();
                            repomd.entries.push(Entry { kind, ..Entry::default() });
                        }
                        "location" => {
                            if let (Some(entry), Some(href)) =
                                (repomd.entries.last_mut(), tag.attribute("href")?)
                            {
                                entry.location = href.into_owned();
                            }
                        }
                        _ => {}
                    }
                }
                Piece::Text(more) => text.push_str(&more),
                Piece::End(name) => {
                    let entry = repomd.entries.last_mut();
                    match (name, entry) {
                        ("revision", _) => repomd.revision = text.trim().to_owned(),
                        ("open-size", Some(entry)) => entry.open_bytes = text.trim().parse().ok(),
                        ("timestamp", Some(entry)) => {
                            // Some tools write fractions of seconds.
                            let whole = text.trim().split('.').next().unwrap_or_default();
                            entry.timestamp = whole.parse().ok();
                        }
                        ("repomd", _) => is_whole = true,
                        _ => {}
                    }
                    text.clear();
                }
            }
            Ok(())
        })?;
        if is_whole { Ok(repomd) } else { Err(Cow::Borrowed("is no whole `repomd`")) }
    }

    pub fn entry(&self, kind: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind && !entry.location.is_empty())
    }

    /// When the repository was made: its newest file, else its revision where that is a time.
    pub fn made_at(&self) -> Option<i64> {
        let newest = self.entries.iter().filter_map(|entry| entry.timestamp).max();
        newest.filter(|&at| at > 0).or_else(|| self.revision.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_entries() {
        let text = br#"<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1795240860</revision>
            <data type="primary"><location href="repodata/aa-primary.xml.gz"/><timestamp>17.5</timestamp><open-size>12</open-size></data>
            <data type="modules"><location href="repodata/m.yaml.zst"/></data><data type="primary_zck"><location href="a.zck"/></data></repomd>"#;
        let repomd = RepoMd::parse(text).unwrap();
        let primary = repomd.entry("primary").unwrap();
        assert_eq!((primary.file_name(), primary.open_bytes), ("aa-primary.xml.gz", Some(12)));
        assert_eq!(primary.compression(), Some(Compression::Gzip));
        assert_eq!(repomd.entry("modules").unwrap().compression(), Some(Compression::Zstd));
        assert_eq!(repomd.entry("primary_zck").unwrap().compression(), None);
        assert_eq!((repomd.made_at(), repomd.revision.as_str()), (Some(17), "1795240860"));
        assert!(RepoMd::parse(b"<repomd><data type='primary'>").is_err());
        assert!(RepoMd::parse(b"<html></html>").is_err());
    }
}
