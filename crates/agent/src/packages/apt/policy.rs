//! apt's policy: which stanzas are one version, what priority each version has, and which version is the candidate.
//! Pure; the rules are those of apt 2.x and are held against `apt-cache policy` in `tests/`.

use std::cmp::Ordering;

use domain::patch::version_deb::compare;

use super::preferences::{ListIdentity, NEVER, PinnedPackage, Preferences};
use super::record::{MultiArch, Record};

/// What one package list offers of one package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer<'a> {
    pub version: &'a str,
    pub section: &'a str,
    pub priority: &'a str,
    pub source: Option<&'a str>,
    pub source_version: Option<&'a str>,
    pub phased_percent: Option<u8>,
    pub multi_arch: MultiArch,
    pub is_all: bool,
    pub size_bytes: u64,
    pub fingerprint: u32,
}

impl<'a> Offer<'a> {
    pub fn from_record(record: &Record<'a>) -> Self {
        let (source, source_version) = record.source_parts();
        Self {
            version: text(record.version),
            section: text(record.section),
            priority: text(record.priority),
            source: source.map(text),
            source_version: source_version.map(text),
            phased_percent: record.phased_percent,
            multi_arch: record.multi_arch,
            is_all: record.architecture == b"all",
            size_bytes: record.size_bytes,
            fingerprint: record.fingerprint,
        }
    }
}

/// Records hold text only; they were checked when they were parsed.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// One version of one package, as apt's cache has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    pub offer: Offer<'a>,
    /// Positions among the node's package lists, ascending; empty when only dpkg knows this version.
    pub lists: Vec<u32>,
    pub is_installed: bool,
    /// Given by [`Policy::rate`].
    pub pin: i32,
}

/// Every version of one package, newest first; among equal version strings in apt's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions<'a> {
    pub list: Vec<Version<'a>>,
    /// See [`PinnedPackage::known_as_any`].
    pub known_as_any: bool,
}

impl<'a> Versions<'a> {
    /// Takes in what a list offers. Lists come in the order of the sources, before [`Self::add_installed`].
    pub fn add(&mut self, list: u32, offer: Offer<'a>) {
        match self.place(&offer) {
            Place::Same(at) => {
                let known = &mut self.list[at];
                known.lists.push(list);
                if known.offer.size_bytes == 0 {
                    known.offer.size_bytes = offer.size_bytes;
                }
                known.offer.phased_percent = offer.phased_percent.or(known.offer.phased_percent);
            }
            Place::Before(at) => {
                self.list.insert(at, Version { offer, lists: vec![list], is_installed: false, pin: 0 });
            }
        }
    }

    pub fn add_installed(&mut self, offer: Offer<'a>) {
        match self.place(&offer) {
            Place::Same(at) => self.list[at].is_installed = true,
            Place::Before(at) => {
                self.list.insert(at, Version { offer, lists: Vec::new(), is_installed: true, pin: 0 });
            }
        }
    }

    /// Equal version strings are one version only when their content is the same, as far as stanzas can tell.
    fn place(&self, offer: &Offer<'_>) -> Place {
        for (at, known) in self.list.iter().enumerate() {
            match compare(offer.version, known.offer.version) {
                Ordering::Greater => return Place::Before(at),
                Ordering::Equal if known.offer.is_same(offer) => return Place::Same(at),
                _ => {}
            }
        }
        Place::Before(self.list.len())
    }

    /// Versions before this position are not older than the installed one; `None` when nothing is installed.
    fn installed_at(&self) -> Option<usize> {
        self.list.iter().position(|version| version.is_installed)
    }

    /// How many of the versions, from the first, are not older than the installed one.
    pub fn count_not_older(&self) -> usize {
        let Some(installed) = self.installed_at() else { return self.list.len() };
        let equal = |version: &&Version<'_>| {
            compare(version.offer.version, self.list[installed].offer.version).is_eq()
        };
        installed + 1 + self.list[installed + 1..].iter().take_while(equal).count()
    }
}

enum Place {
    Same(usize),
    Before(usize),
}

impl Offer<'_> {
    fn is_same(&self, other: &Self) -> bool {
        let sizes_agree =
            self.size_bytes == 0 || other.size_bytes == 0 || self.size_bytes == other.size_bytes;
        let kind = |offer: &Self| (offer.fingerprint, offer.multi_arch, offer.is_all);
        kind(self) == kind(other) && sizes_agree
    }
}

/// The preferences applied to a node's package lists.
pub struct Policy<'a> {
    preferences: &'a Preferences,
    lists: &'a [ListIdentity<'a>],
    native_arch: &'a str,
    list_priorities: Vec<i32>,
    installed_priority: i32,
}

const STATUS_FILE: ListIdentity<'static> =
    ListIdentity { release: None, host: "", component: "now", arch: None };

impl<'a> Policy<'a> {
    pub fn new(preferences: &'a Preferences, lists: &'a [ListIdentity<'a>], native_arch: &'a str) -> Self {
        let list_priorities =
            lists.iter().map(|list| general_priority(preferences, list, default_priority(list))).collect();
        let installed_priority = general_priority(preferences, &STATUS_FILE, 100);
        Self { preferences, lists, native_arch, list_priorities, installed_priority }
    }

    /// Gives every version its priority. `phased_out` tells which versions phasing lowers; see `phasing`.
    pub fn rate(
        &self,
        name: &str,
        arch: &str,
        versions: &mut Versions<'_>,
        phased_out: impl Fn(&Offer<'_>) -> bool,
    ) {
        let known_as_any = versions.known_as_any;
        for version in &mut versions.list {
            let source = version.offer.source.unwrap_or(name);
            let package = PinnedPackage { name, source, arch, native_arch: self.native_arch, known_as_any };
            let pin = self.priority(&package, version);
            version.pin = if phased_out(&version.offer) { pin.min(1) } else { pin };
        }
    }

    fn priority(&self, package: &PinnedPackage<'_>, version: &Version<'_>) -> i32 {
        let lists = version.lists.iter().map(|&list| self.list_priorities[list as usize]);
        let files = || lists.clone().chain(version.is_installed.then_some(self.installed_priority));
        let everything_never = files().all(|priority| priority == NEVER);
        let specific = if everything_never { None } else { self.specific_priority(package, version) };
        specific.unwrap_or_else(|| files().max().unwrap_or(0))
    }

    fn specific_priority(&self, package: &PinnedPackage<'_>, version: &Version<'_>) -> Option<i32> {
        let pin = self.preferences.specific.iter().find(|pin| {
            let fits = || {
                pin.target.fits_version(version.offer.version)
                    || version.lists.iter().any(|&list| pin.target.fits_list(&self.lists[list as usize]))
                    || (version.is_installed && pin.target.fits_list(&STATUS_FILE))
            };
            pin.names.iter().any(|names| names.covers(package)) && fits()
        });
        pin.map(|pin| pin.priority)
    }

    /// The version that apt would have installed: of the highest priority, the newest of these, and no downgrade below 1000.
    /// Gives its position.
    pub fn candidate(&self, versions: &Versions<'_>) -> Option<usize> {
        let not_older = versions.count_not_older();
        let mut best: Option<usize> = None;
        for (at, version) in versions.list.iter().enumerate() {
            let beaten = version.pin == 0 || version.pin <= best.map_or(-1, |best| versions.list[best].pin);
            if !beaten && (version.pin >= 1000 || at < not_older) {
                best = Some(at);
            }
        }
        best
    }
}

fn default_priority(list: &ListIdentity<'_>) -> i32 {
    match list.release {
        Some(release) if release.but_automatic_upgrades => 100,
        Some(release) if release.not_automatic => 1,
        _ => 500,
    }
}

/// The first pin that matches counts; `never` counts wherever it stands.
fn general_priority(preferences: &Preferences, list: &ListIdentity<'_>, default: i32) -> i32 {
    let mut found = None;
    for pin in &preferences.general {
        if (found.is_none() || pin.priority == NEVER) && pin.target.fits_list(list) {
            found = Some(pin.priority);
        }
    }
    found.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(version: &str, fingerprint: u32) -> Offer<'_> {
        Offer { version, fingerprint, ..Offer::default() }
    }

    #[test]
    fn same_text_of_other_content_is_another_version_above_the_installed_one() {
        let mut versions = Versions::default();
        versions.add(0, offer("1.0", 1));
        versions.add(1, offer("1.0", 1));
        versions.add(1, offer("2.0", 1));
        versions.add_installed(offer("1.0", 9));
        let seen: Vec<_> = versions
            .list
            .iter()
            .map(|version| (version.offer.version, version.lists.len(), version.is_installed))
            .collect();
        assert_eq!(seen, [("2.0", 1, false), ("1.0", 2, false), ("1.0", 0, true)]);
    }

    #[test]
    fn no_downgrade_below_a_thousand() {
        let preferences = Preferences::default();
        let policy = Policy::new(&preferences, &[], "amd64");
        let candidate = |pin: i32| {
            let mut versions = Versions::default();
            versions.add(0, offer("1.0", 1));
            versions.add_installed(offer("2.0", 1));
            versions.list[0].pin = 100;
            versions.list[1].pin = pin;
            policy.candidate(&versions).map(|at| versions.list[at].offer.version)
        };
        assert_eq!(candidate(999), Some("2.0"));
        assert_eq!(candidate(1000), Some("1.0"));
    }

    #[test]
    fn negative_priorities_leave_no_candidate() {
        let preferences = Preferences::default();
        let policy = Policy::new(&preferences, &[], "amd64");
        let mut versions = Versions::default();
        versions.add_installed(offer("2.0", 1));
        versions.list[0].pin = -1;
        assert_eq!(policy.candidate(&versions), None);
    }
}
