//! Module streams: which packages of a repository are there because a stream is active, and which are hidden because none is.
//! Source: dnf's documentation of modularity, the rules of package filtering.

use std::collections::HashSet;

use super::primary::Offer;
use super::updateinfo::ModuleStream;

/// What the active streams of a node make of its packages.
#[derive(Debug, Default)]
pub struct Modules {
    /// `name-epoch:version-release.arch` of every package in a stream, active or not.
    shown: HashSet<String>,
    hidden: HashSet<String>,
    names: HashSet<String>,
    /// `name:stream` that is active; `None` where the tool knows no modules.
    active: Option<HashSet<String>>,
}

impl Modules {
    /// Names of packages in active streams.
    pub fn names(&self) -> HashSet<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    pub fn hide(&self, offer: &Offer) -> bool {
        if self.active.is_none() {
            return false;
        }
        let epoch = if offer.version.contains(':') { "" } else { "0:" };
        let nevra = format!("{}-{epoch}{}.{}", offer.name, offer.version, offer.arch);
        if self.shown.contains(&nevra) {
            return false;
        }
        self.hidden.contains(&nevra) || self.names.contains(&offer.name) || offer.provides_modular
    }

    /// Whether one of these streams is active; true where none is named.
    pub fn has_any_of(&self, streams: &[ModuleStream]) -> bool {
        let Some(active) = &self.active else { return true };
        let is_active =
            |stream: &ModuleStream| active.contains(&format!("{}:{}", stream.name, stream.stream));
        streams.is_empty() || streams.iter().any(is_active)
    }
}
