//! `primary.xml`: what a repository offers of the packages that a node has, and what would replace them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use domain::patch::version_rpm::compare;
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use super::super::ScanError;
use super::elements::{Document, Piece, Refusal, Tag, for_each_piece};
use super::evr;

/// One package in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub name: String,
    pub arch: String,
    pub version: String,
    pub built_at: Option<i64>,
    pub vendor: String,
    pub obsoletes: Vec<Relation>,
    /// Names among those that it obsoletes.
    pub provides: Vec<String>,
    /// It provides the name of a package of an active module stream.
    pub provides_modular: bool,
}

impl Offer {
    pub fn obsoletes_any(&self, interest: Interest<'_>) -> bool {
        self.obsoletes.iter().any(|relation| interest.installed.contains(relation.name.as_str()))
    }
}

/// What a dependency says of a package: its name and which versions of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    pub name: String,
    /// `EQ`, `LT`, `LE`, `GT`, `GE`; empty for any version.
    pub flags: String,
    /// An empty release means any.
    pub version: String,
}

impl Relation {
    /// Whether the relation means this version. No release means every release.
    pub fn admits(&self, version: &str) -> bool {
        if self.flags.is_empty() || self.version.is_empty() {
            return true;
        }
        let order = match self.version.contains('-') {
            true => compare(version, &self.version),
            false => compare(version.rsplit_once('-').map_or(version, |(version, _)| version), &self.version),
        };
        match self.flags.as_str() {
            "EQ" => order == Ordering::Equal,
            "LT" => order == Ordering::Less,
            "LE" => order != Ordering::Greater,
            "GT" => order == Ordering::Greater,
            "GE" => order != Ordering::Less,
            _ => false,
        }
    }
}

/// The names that decide whether an offer matters.
#[derive(Clone, Copy)]
pub struct Interest<'a> {
    pub installed: &'a HashSet<&'a str>,
    /// Names of packages in active module streams.
    pub modular: &'a HashSet<&'a str>,
    /// Names of what replaces installed packages in less preferred sources: a source that has such a name hides them there.
    pub replacing: &'a HashSet<String>,
}

impl Interest<'_> {
    pub fn has_name(&self, name: &str) -> bool {
        self.installed.contains(name) || self.replacing.contains(name)
    }
}

/// Every offer that concerns an installed package, in the order of the file.
pub fn read(document: &Document<'_>, interest: Interest<'_>) -> Result<Vec<Offer>, ScanError> {
    let (name_tag, obsoletes_tag) = (Finder::new("<name>"), Finder::new("<rpm:obsoletes>"));
    let mut offers = Vec::new();
    document.for_each_element("package", "metadata", &mut |element| {
        let start = name_tag.find(element).ok_or("a package without a name")? + 6;
        let length = memchr::memchr(b'<', &element[start..]).ok_or("a package without a name")?;
        let name =
            std::str::from_utf8(&element[start..start + length]).map_err(|_| "a name that is not UTF-8")?;
        let is_known = interest.has_name(name);
        if !is_known && !may_replace(&obsoletes_tag, element, interest) {
            return Ok(());
        }
        let offer = parse(element, interest)?;
        if is_known || offer.obsoletes_any(interest) {
            offers.push(offer);
        }
        Ok(())
    })?;
    Ok(offers)
}

/// Looks for obsoletes before anything is parsed: most packages have none, and of those that have, most do not matter.
fn may_replace(obsoletes_tag: &Finder<'_>, element: &[u8], interest: Interest<'_>) -> bool {
    let Some(start) = obsoletes_tag.find(element) else { return false };
    let rest = &element[start..];
    let end = memchr::memmem::find(rest, b"</rpm:obsoletes>").unwrap_or(rest.len());
    let Ok(text) = std::str::from_utf8(&rest[..end]) else { return true };
    let mut values = text.split(" name=").skip(1).map(|after| {
        let quote = after.chars().next().unwrap_or('"');
        after.get(1..).unwrap_or_default().split(quote).next().unwrap_or_default()
    });
    values.any(|name| interest.installed.contains(name))
}

fn parse(element: &[u8], interest: Interest<'_>) -> Result<Offer, Refusal> {
    let (mut offer, mut list, mut text) = (Offer::default(), List::None, String::new());
    // Few packages have any; of the others it does not matter what they provide.
    let has_obsoletes = memchr::memmem::find(element, b"<rpm:obsoletes>").is_some();
    for_each_piece(element, &mut |piece| {
        match piece {
            Piece::Start(tag) => {
                text.clear();
                match (tag.name(), list) {
                    ("version", _) => offer.version = version(&tag, "ver", "rel")?,
                    ("time", _) => {
                        offer.built_at =
                            tag.attribute("build")?.and_then(|at| at.parse().ok()).filter(|&at| at > 0)
                    }
                    ("rpm:obsoletes", _) => list = List::Obsoletes,
                    ("rpm:provides", _) => list = List::Provides,
                    ("rpm:entry", List::Obsoletes) => {
                        let name = tag.attribute("name")?.unwrap_or_default();
                        offer.obsoletes.push(relation(&tag, name)?);
                    }
                    ("rpm:entry", List::Provides) if has_obsoletes || !interest.modular.is_empty() => {
                        let name = tag.attribute("name")?.unwrap_or_default();
                        offer.provides_modular |= interest.modular.contains(&*name);
                        if has_obsoletes && interest.installed.contains(&*name) {
                            offer.provides.push(name.into_owned());
                        }
                    }
                    _ => {}
                }
            }
            Piece::Text(more) => text.push_str(&more),
            Piece::End(name) => match name {
                "name" => offer.name = text.trim().to_owned(),
                "arch" => offer.arch = text.trim().to_owned(),
                "rpm:vendor" => offer.vendor = text.trim().to_owned(),
                "rpm:obsoletes" | "rpm:provides" => list = List::None,
                _ => {}
            },
        }
        Ok(())
    })?;
    if offer.arch.is_empty() || offer.version.is_empty() {
        return Err(Cow::Owned(format!("`{}` has no version or no architecture", offer.name)));
    }
    // A package that obsoletes its own name means older versions of itself.
    offer.obsoletes.retain(|relation| relation.name != offer.name);
    offer.provides.retain(|name| offer.obsoletes.iter().any(|relation| relation.name == *name));
    Ok(offer)
}

#[derive(Clone, Copy)]
enum List {
    None,
    Provides,
    Obsoletes,
}

fn version(tag: &Tag<'_>, version: &str, release: &str) -> Result<String, Refusal> {
    let epoch = tag.attribute("epoch")?;
    let (version, release) = (tag.attribute(version)?, tag.attribute(release)?);
    let (version, release) = (version.unwrap_or_default(), release.unwrap_or_default());
    Ok(if version.is_empty() { String::new() } else { evr::text_of(epoch.as_deref(), &version, &release) })
}

fn relation(tag: &Tag<'_>, name: Cow<'_, str>) -> Result<Relation, Refusal> {
    let flags = tag.attribute("flags")?.unwrap_or_default().into_owned();
    Ok(Relation { name: name.into_owned(), flags, version: version(tag, "ver", "rel")? })
}
