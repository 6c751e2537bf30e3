//! What all sources of a node offer, with what a source adds to each offer.

use std::collections::{HashMap, HashSet};

use api::Timestamp;
use domain::facts::AvailableVersion;

use super::primary::Offer;

/// Of repositories that say nothing of theirs, and of what is installed.
const INSTALLED_PRIORITY: i32 = 99;

/// An offer, and what its source adds to it.
pub struct Offered {
    pub offer: Offer,
    pub source: u32,
    pub priority: i32,
    pub excluded: bool,
    /// The advisory that brought it was taken back.
    pub is_retracted: bool,
}

/// In the order of the sources.
#[derive(Default)]
pub struct Offers {
    pub all: Vec<Offered>,
    by_name: HashMap<String, Vec<usize>>,
    /// Those that obsolete an installed package.
    replacing: Vec<usize>,
}

impl Offers {
    pub fn add(&mut self, offered: Offered, is_replacing: bool) {
        let at = self.all.len();
        if is_replacing {
            self.replacing.push(at);
        }
        match self.by_name.get_mut(&offered.offer.name) {
            Some(known) => known.push(at),
            None => {
                self.by_name.insert(offered.offer.name.clone(), vec![at]);
            }
        }
        self.all.push(offered);
    }

    pub fn of_name(&self, name: &str) -> impl Iterator<Item = &Offered> {
        self.by_name.get(name).into_iter().flatten().map(|&at| &self.all[at])
    }

    pub fn replacing(&self) -> impl Iterator<Item = &Offered> {
        self.replacing.iter().map(|&at| &self.all[at])
    }

    /// Leaves of what replaces installed packages only what comes from the most preferred source that has its name at all. What
    /// is installed counts as a source, too.
    pub fn hide_replacing(&mut self, installed: &HashSet<&str>) {
        let mut replacing = std::mem::take(&mut self.replacing);
        replacing.retain(|&at| {
            let Offered { offer, priority, .. } = &self.all[at];
            let mut same_name = self.of_name(&offer.name).filter(|other| !other.excluded);
            let is_preferred = same_name.all(|other| other.priority >= *priority);
            is_preferred && (*priority <= INSTALLED_PRIORITY || !installed.contains(offer.name.as_str()))
        });
        self.replacing = replacing;
    }
}

/// One version, from all sources that have it. Those that exclude it do not count where others do not.
pub fn available_version(version: &str, offers: &[&Offered]) -> AvailableVersion {
    let excluded = offers.iter().all(|offered| offered.excluded);
    let counted = || offers.iter().filter(|offered| offered.excluded == excluded);
    let mut repositories: Vec<_> = counted().map(|offered| offered.source).collect();
    repositories.sort_unstable();
    repositories.dedup();
    let first = counted().min_by_key(|offered| (offered.priority, offered.source));
    AvailableVersion {
        version: version.to_owned(),
        pin: first.map_or(0, |offered| offered.priority),
        repositories,
        built_at: first.and_then(|offered| offered.offer.built_at).map(Timestamp::from_seconds),
        excluded,
        ..AvailableVersion::default()
    }
}
