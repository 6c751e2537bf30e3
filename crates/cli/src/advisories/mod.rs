//! Feeds of advisories, read as a stream into the statements that the server takes: no feed is ever whole in memory.
//! One file per format; where a feed comes from and how it is packed is `open`'s, `unpack`'s and `archive`'s. Matching them with nodes is the server's.

mod arch;
mod archive;
mod debsecan;
mod open;
mod osv;
mod secdb;
mod tracker;
mod unpack;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::BufRead;

use api::fettle::{AdvisoryFormat, AdvisoryNotice, AdvisoryStatement};

pub use open::{Feed, Meter, Source, for_each_feed};

/// Why reading a feed ended.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot be read")]
    Io(#[from] std::io::Error),
    /// With line and column, where the format has lines.
    #[error("{0}")]
    Malformed(String),
    /// Whoever takes the statements wants no more.
    #[error("stopped")]
    Stopped,
    #[error("{0}")]
    Unusable(String),
    /// Of a file in a folder or an archive.
    #[error("{file}")]
    Inside { file: String, source: Box<ReadError> },
}

impl ReadError {
    /// Names the file that it is about. Having seen enough is no error of any file.
    fn inside(self, file: impl std::fmt::Display) -> Self {
        match self {
            Self::Stopped => Self::Stopped,
            error => Self::Inside { file: file.to_string(), source: Box::new(error) },
        }
    }
}

/// One sentence of a feed.
#[derive(Clone, Debug)]
pub enum Said {
    Hole(AdvisoryStatement),
    Notice(AdvisoryNotice),
}

/// Takes sentences one by one; an answer of false ends the reading.
pub type Take<'a> = &'a mut dyn FnMut(Said) -> bool;

/// What a feed had that says nothing of versions of CVEs, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver(pub BTreeMap<&'static str, u64>);

impl PassedOver {
    fn count(&mut self, reason: &'static str) {
        *self.0.entry(reason).or_default() += 1;
    }
}

/// Reads a feed to its end. `distribution` is for formats that do not say which system they are about.
pub fn read(
    format: &AdvisoryFormat,
    feed: &mut dyn BufRead,
    distribution: Option<&str>,
    take: Take<'_>,
) -> Result<PassedOver, ReadError> {
    match format {
        AdvisoryFormat::DebianTracker => tracker::read(feed, take),
        AdvisoryFormat::Debsecan => debsecan::read(feed, distribution, take),
        AdvisoryFormat::Osv => osv::read(feed, take),
        AdvisoryFormat::AlpineSecdb => secdb::read(feed, take),
        AdvisoryFormat::ArchTracker => arch::read(feed, take),
        other => Err(ReadError::Unusable(format!("`{}` is not a format that is read here", other.as_str()))),
    }
}

/// `CVE-2024-12345`, as the server takes it.
fn is_cve_id(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (prefix, year, number) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    prefix == Some("CVE")
        && year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
        && (4..=19).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'X')
}

/// Refuses what the server would refuse, naming the field.
fn check_version<'v>(version: &'v str, of: &dyn Fn() -> String) -> Result<&'v str, ReadError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+~:_-".contains(&byte);
    if (1..=128).contains(&version.len()) && version.bytes().all(is_plain) {
        return Ok(version);
    }
    Err(ReadError::Malformed(format!("{}: `{version}` is not a version", of())))
}

fn check_advisory<'i>(id: &'i str, of: &dyn Fn() -> String) -> Result<&'i str, ReadError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let begins = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && id.len() <= 64 && id.bytes().all(is_plain) {
        return Ok(id);
    }
    Err(ReadError::Malformed(format!("{}: `{id}` is not an id of an advisory", of())))
}

fn check_package<'n>(name: &'n str, of: &dyn Fn() -> String) -> Result<&'n str, ReadError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+._~-".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && name.len() <= 128 && name.bytes().all(is_plain) {
        return Ok(name);
    }
    Err(ReadError::Malformed(format!("{}: `{name}` is not a package name", of())))
}

/// A word of severity, cut to what the server takes.
fn severity(word: Option<&str>) -> Option<String> {
    let word: String = word?.trim().chars().filter(|character| !character.is_control()).take(60).collect();
    Some(word).filter(|word| !word.is_empty())
}

/// Reading JSON: an error of ours in serde's clothes, and back.
struct Outcome(std::cell::RefCell<Option<ReadError>>);

impl Outcome {
    fn new() -> Self {
        Self(std::cell::RefCell::new(None))
    }

    /// Remembers the real error; serde carries a stand-in, to which it adds line and column.
    fn fail<E: serde::de::Error>(&self, error: ReadError) -> E {
        let text = error.to_string();
        self.0.replace(Some(error));
        E::custom(text)
    }

    fn of(self, error: serde_json::Error) -> ReadError {
        match self.0.into_inner() {
            Some(ReadError::Stopped) => ReadError::Stopped,
            // Serde's text has ours and the place.
            _ if error.is_io() => ReadError::Io(error.into()),
            _ => ReadError::Malformed(error.to_string()),
        }
    }
}
