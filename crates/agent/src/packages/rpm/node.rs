//! The facts of an rpm node: installed packages, what its repositories offer of them, which advisories name them.
//! The same for dnf, yum and zypper; where these differ, a [`Policy`] says how.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use api::Timestamp;
use domain::facts::{AvailableVersion, FactSet, Notice, OsRelease, PackageFact, PackageState, Repository};
use domain::patch::version_rpm::{compare, is_newer};

use super::super::ScanError;
use super::super::decompress::Compression;
use super::super::root::Root;
use super::arch::Architecture;
use super::elements::Document;
use super::evr;
use super::header::Installed;
use super::indexed::Reader;
use super::modules::Modules;
use super::notices::{Absent, Listener, ListingRule, NodeAdvisory, Notices};
use super::offers::{Offered, Offers, available_version};
use super::primary::{Interest, Offer, Relation};
use super::together::{self, Update};

/// A metadata file in the tool's cache.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    pub compression: Compression,
    pub form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    /// yum's SQLite files.
    Database,
}

impl File {
    pub fn document<'a>(&'a self, root: &'a Root) -> Document<'a> {
        Document { root, path: &self.path, compression: self.compression }
    }
}

/// An enabled repository, with what the tool keeps of it.
#[derive(Clone, Debug)]
pub struct Source {
    pub fact: Repository,
    /// Lower is preferred.
    pub priority: i32,
    pub primary: Option<File>,
    pub updateinfo: Option<File>,
    pub modules: Option<File>,
    /// Its packages are there whatever module streams are enabled.
    pub ignores_modules: bool,
}

/// How a tool chooses among what repositories offer, and what it remembers of what is installed.
pub trait Policy {
    fn is_excluded(&self, source: usize, offer: &Offer) -> bool;
    fn lock(&self, name: &str, arch: &str, version: &str) -> Lock;
    /// Whether the package came because others need or recommend it.
    fn is_automatic(&self, name: &str, arch: &str) -> bool;
    fn choice(&self) -> Choice;
    /// Whether an update may go from the one vendor to the other.
    fn may_change_vendor(&self, from: &str, to: &str) -> bool;
    /// Whether packages of these two vendors count as of one, whatever updates may do.
    fn is_same_vendor(&self, left: &str, right: &str) -> bool;
    /// Whether this package stays installed beside other versions of it.
    fn keeps_several(&self, installed: &Installed) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    None,
    /// There is a lock, and this version satisfies it.
    Allows,
    Forbids,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub updates: UpdateRule,
    pub obsoletes: ObsoletesRule,
    pub advisories: AdvisoryRule,
}

impl Choice {
    /// Whether what replaces an installed package counts only from the most preferred source that has its name. That is how
    /// dnf lists it; its solver does not look at priorities there.
    fn hides_replacing(self) -> bool {
        self.updates == UpdateRule::Each && self.obsoletes == ObsoletesRule::Heed
    }
}

/// How updates are chosen among what sources offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateRule {
    /// Of each package by itself; the most preferred source that has its name hides the others.
    Each,
    /// Of all at once, as libzypp's solver does it.
    Together,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvisoryRule {
    /// Each listing is about the package of its architecture.
    Listings,
    /// An advisory is a patch: a package that excludes what is older than it lists, and may have been retracted.
    Patches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObsoletesRule {
    Heed,
    Ignore,
}

/// Everything that facts are made of.
pub struct Node<'a> {
    pub reader: Reader<'a>,
    pub os: OsRelease,
    pub architecture: Architecture,
    pub sources: Vec<Source>,
    pub modules: Modules,
    pub policy: &'a dyn Policy,
}

/// All installed versions of one name and architecture, highest first.
type Group<'p> = Vec<&'p Installed>;

impl Node<'_> {
    /// `installed` is sorted by name and architecture.
    pub fn facts(self, installed: &[Installed]) -> Result<FactSet, ScanError> {
        let mut groups: Vec<Group<'_>> = installed
            .chunk_by(|left, right| (&left.name, &left.arch) == (&right.name, &right.arch))
            .map(|group| group.iter().collect())
            .collect();
        for group in &mut groups {
            group.sort_by(|left, right| compare(&right.evr.to_string(), &left.evr.to_string()));
        }
        let notices = self.notices(&groups)?;
        let offers = self.offers(&groups, &notices)?;
        let updates = match self.policy.choice().updates {
            UpdateRule::Each => None,
            UpdateRule::Together => Some(together::updates(&self, &groups, &offers)),
        };
        let mut packages: Vec<_> = Vec::with_capacity(groups.len());
        let mut at = 0;
        for of_name in groups.chunk_by(|left, right| left[0].name == right[0].name) {
            for group in of_name {
                let update = updates.as_ref().map(|updates| &updates[at]);
                packages.push(self.package(group, of_name, &offers, update));
                at += 1;
            }
        }
        let mut facts = FactSet {
            repositories: self.sources.iter().map(|source| source.fact.clone()).collect(),
            ..FactSet::default()
        };
        let absent = self.add_notices(notices, &groups, &offers, &mut packages, &mut facts);
        facts.absent = absent.grouped();
        facts.packages = packages;
        facts.os = self.os;
        Ok(facts)
    }

    /// What the sources offer of these packages, by name, and what they would replace.
    fn offers(&self, groups: &[Group<'_>], notices: &[Notices]) -> Result<Offers, ScanError> {
        let installed: HashSet<&str> = groups.iter().map(|group| group[0].name.as_str()).collect();
        let modular = self.modules.names();
        let nothing_more = HashSet::new();
        let interest = Interest { installed: &installed, modular: &modular, replacing: &nothing_more };
        let found = self.read_offers(interest)?;
        let mut offers = Offers::default();
        for (((at, source), notices), found) in self.sources.iter().enumerate().zip(notices).zip(found) {
            let retracted = self.retracted(notices);
            for offer in found {
                if !self.architecture.takes(&offer.arch) || self.is_hidden(source, &offer) {
                    continue;
                }
                let excluded = self.policy.is_excluded(at, &offer);
                let is_retracted = retracted.contains(&(offer.name.as_str(), offer.version.as_str()));
                let is_replacing = offer.obsoletes_any(interest);
                let (source, priority) = (at as u32, source.priority);
                offers.add(Offered { offer, source, priority, excluded, is_retracted }, is_replacing);
            }
        }
        if self.policy.choice().hides_replacing() {
            offers.hide_replacing(&installed);
        }
        Ok(offers)
    }

    /// Of each source what is of interest in it. The less preferred come first: where a name that replaces an installed package
    /// there is one of a preferred source too, this one hides it, and is asked for it.
    fn read_offers(&self, interest: Interest<'_>) -> Result<Vec<Vec<Offer>>, ScanError> {
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        order.sort_by_key(|&at| Reverse(self.sources[at].priority));
        let (mut found, mut replacing) = (vec![Vec::new(); order.len()], HashSet::new());
        let installed = interest.installed;
        for same in
            order.chunk_by(|&left, &right| self.sources[left].priority == self.sources[right].priority)
        {
            let interest = Interest { replacing: &replacing, ..interest };
            for &at in same {
                if let Some(file) = &self.sources[at].primary {
                    found[at] = self.reader.offers(file, interest)?;
                }
            }
            if self.policy.choice().hides_replacing() {
                let offers = same.iter().flat_map(|&at| &found[at]);
                let new =
                    offers.filter(|offer| offer.obsoletes_any(interest) && !installed.contains(&*offer.name));
                let new: Vec<_> = new.map(|offer| offer.name.clone()).collect();
                replacing.extend(new);
            }
        }
        Ok(found)
    }

    /// Names and versions that a source offers and that are not to be installed any more.
    fn retracted<'n>(&self, notices: &'n Notices) -> HashSet<(&'n str, &'n str)> {
        match self.policy.choice().advisories {
            AdvisoryRule::Listings => HashSet::new(),
            AdvisoryRule::Patches => {
                notices.retracted.iter().map(|(name, version)| (name.as_str(), version.as_str())).collect()
            }
        }
    }

    fn is_hidden(&self, source: &Source, offer: &Offer) -> bool {
        !source.ignores_modules && self.modules.hide(offer)
    }

    /// `same_name` are all installed packages of that name, this one included.
    fn package(
        &self,
        group: &Group<'_>,
        same_name: &[Group<'_>],
        offers: &Offers,
        update: Option<&Update>,
    ) -> PackageFact {
        let newest = group[0];
        let version = newest.evr.to_string();
        let of_name: Vec<_> = offers.of_name(&newest.name).filter(|offered| !offered.is_retracted).collect();
        let fitting: Vec<_> = of_name
            .iter()
            .copied()
            .filter(|offered| Architecture::may_change(&newest.arch, &offered.offer.arch))
            .collect();
        let (candidate, obsoleted_by) = match update {
            Some(update) => (update.version.clone(), update.replaced_by.clone()),
            None => (candidate(same_name, &of_name, &fitting), self.obsoleted_by(group, offers)),
        };
        let mut available = self.available(&fitting, &version);
        let held = self.settle_locks(newest, &version, &mut available);
        let (source, source_version) = evr::source(&newest.source_rpm, &newest.name, &newest.evr);
        PackageFact {
            name: newest.name.clone(),
            arch: newest.arch.clone(),
            state: self.state(group),
            source,
            source_version,
            installed_at: newest.installed_at.map(Timestamp::from_seconds),
            held,
            automatic: self.policy.is_automatic(&newest.name, &newest.arch),
            candidate: Some(candidate.unwrap_or_else(|| version.clone())),
            available,
            other_versions: group[1..].iter().map(|other| other.evr.to_string()).collect(),
            obsoleted_by,
            version,
            ..PackageFact::default()
        }
    }

    /// A transaction that was broken off has put the new version in and not taken the old one out.
    fn state(&self, group: &Group<'_>) -> PackageState {
        match group.len() > 1 && !group.iter().any(|installed| self.policy.keeps_several(installed)) {
            true => PackageState::HalfInstalled,
            false => PackageState::Installed,
        }
    }

    /// Every version that is not older than the installed one, newest first.
    fn available(&self, fitting: &[&Offered], installed: &str) -> Vec<AvailableVersion> {
        let mut versions: BTreeMap<&str, Vec<&Offered>> = BTreeMap::new();
        for offered in
            fitting.iter().filter(|offered| compare(&offered.offer.version, installed) != Ordering::Less)
        {
            versions.entry(&offered.offer.version).or_default().push(offered);
        }
        let mut available: Vec<_> =
            versions.into_iter().map(|(version, offers)| available_version(version, &offers)).collect();
        available.sort_by(|left, right| {
            compare(&right.version, &left.version).then_with(|| left.version.cmp(&right.version))
        });
        available
    }

    /// Whether a lock keeps the package from every newer version. Where it keeps it from some, those are excluded.
    fn settle_locks(&self, installed: &Installed, version: &str, available: &mut [AvailableVersion]) -> bool {
        let lock = |version: &str| self.policy.lock(&installed.name, &installed.arch, version);
        if lock(version) == Lock::None {
            return false;
        }
        let newer = |offer: &&mut AvailableVersion| is_newer(&offer.version, version);
        if !available.iter_mut().filter(newer).any(|offer| lock(&offer.version) == Lock::Allows) {
            return true;
        }
        for offer in available.iter_mut().filter(newer) {
            offer.excluded |= lock(&offer.version) == Lock::Forbids;
        }
        false
    }

    /// Of a package that is installed several times, any of its versions counts.
    fn obsoleted_by(&self, group: &Group<'_>, offers: &Offers) -> Option<String> {
        if self.policy.choice().obsoletes == ObsoletesRule::Ignore {
            return None;
        }
        let replaces = |offered: &&Offered| {
            let admits = |relation: &Relation| {
                group.iter().any(|installed| relation.admits(&installed.evr.to_string()))
            };
            let matches = |relation: &Relation| relation.name == group[0].name && admits(relation);
            !offered.excluded && offered.offer.obsoletes.iter().any(matches)
        };
        let found = offers.replacing().filter(replaces).map(|offered| &offered.offer.name);
        found.min().cloned()
    }

    /// What the advisories of each source say.
    fn notices(&self, groups: &[Group<'_>]) -> Result<Vec<Notices>, ScanError> {
        let mut positions: HashMap<&str, Vec<(&str, u32)>> = HashMap::new();
        for (at, group) in (0..).zip(groups) {
            positions.entry(&group[0].name).or_default().push((group[0].arch.as_str(), at));
        }
        let is_active =
            |collection: &super::updateinfo::Collection| self.modules.has_any_of(&collection.modules);
        let rule = self.policy.choice().advisories.listings();
        let listener =
            Listener { architecture: &self.architecture, positions: &positions, rule, is_active: &is_active };
        let streams = self.modules.active_streams();
        let read = |source: &Source| match &source.updateinfo {
            Some(file) => self.reader.notices(file, &listener, &streams),
            None => Ok(Notices::default()),
        };
        self.sources.iter().map(read).collect()
    }

    /// Adds the advisories to the facts, and to packages which of them list it.
    fn add_notices(
        &self,
        notices: Vec<Notices>,
        groups: &[Group<'_>],
        offers: &Offers,
        packages: &mut [PackageFact],
        facts: &mut FactSet,
    ) -> Absent {
        let (mut found, mut absent) = (Vec::new(), Absent::default());
        for (at, Notices { advisories, absent: of_file, .. }) in (0..).zip(notices) {
            let relevant = advisories.into_iter().filter(|entry| self.is_relevant(entry, at, groups, offers));
            found.extend(relevant.map(|mut entry| {
                entry.advisory.repository = at;
                entry
            }));
            absent.merge(of_file);
        }
        found.sort_by(|left, right| left.advisory.cmp(&right.advisory));
        for (at, entry) in found.into_iter().enumerate() {
            facts.advisories.push(entry.advisory);
            for listing in entry.listed {
                let notice = Notice { advisory: at as u32, version: listing.version };
                packages[listing.package as usize].notices.push(notice);
            }
        }
        packages.iter_mut().for_each(|package| {
            package.notices.sort_unstable();
            package.notices.dedup();
        });
        absent
    }

    /// A patch is none of the node's business if its source fixes what it is about with packages of another vendor alone.
    /// One whose source has no such packages at all counts.
    fn is_relevant(&self, entry: &NodeAdvisory, source: u32, groups: &[Group<'_>], offers: &Offers) -> bool {
        if self.policy.choice().advisories == AdvisoryRule::Listings {
            return true;
        }
        let mut has_fix = false;
        for listing in &entry.listed {
            let group = &groups[listing.package as usize];
            let fixes = || {
                offers.of_name(&group[0].name).filter(|offered| {
                    offered.source == source
                        && (listing.of_any_architecture || offered.offer.arch == group[0].arch)
                        && !is_newer(&listing.version, &offered.offer.version)
                })
            };
            let older =
                group.iter().filter(|installed| is_newer(&listing.version, &installed.evr.to_string()));
            for installed in older {
                has_fix |= fixes().next().is_some();
                if fixes().any(|fix| self.policy.is_same_vendor(&installed.vendor, &fix.offer.vendor)) {
                    return true;
                }
            }
        }
        !has_fix
    }
}

impl AdvisoryRule {
    pub fn listings(self) -> ListingRule {
        match self {
            Self::Listings => ListingRule::SameArchitecture,
            Self::Patches => ListingRule::Replaced,
        }
    }
}

/// The version that the tool would update a package to, if it looks at each by itself.
fn candidate(same_name: &[Group<'_>], of_name: &[&Offered], fitting: &[&Offered]) -> Option<String> {
    // The most preferred source that has this name at all hides the others.
    let counted = |offered: &&&Offered| !offered.excluded;
    let best = of_name.iter().filter(counted).map(|offered| offered.priority).min()?;
    // An update replaces every installed package whose architecture it may take over, so it must be newer than all.
    let is_update = |offer: &Offer| {
        let mut replaced =
            same_name.iter().filter(|group| Architecture::may_change(&group[0].arch, &offer.arch));
        replaced.all(|group| is_newer(&offer.version, &group[0].evr.to_string()))
    };
    let takes =
        |offered: &&&Offered| !offered.excluded && offered.priority == best && is_update(&offered.offer);
    let newest =
        fitting.iter().filter(takes).max_by(|left, right| compare(&left.offer.version, &right.offer.version));
    newest.map(|offered| offered.offer.version.clone())
}
