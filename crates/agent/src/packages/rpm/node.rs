//! The facts of an rpm node: installed packages, what its repositories offer of them, which advisories name them.
//! The same for dnf, yum and zypper; where these differ, a [`Policy`] says how.

use std::cmp::Ordering;
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
use super::notices::{Absent, Listener, Notices};
use super::primary::{Interest, Offer, Relation};

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
    /// Whether the configuration lets packages of this name stay installed in several versions.
    fn keeps_several(&self, name: &str) -> bool;
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
    pub vendor: VendorRule,
    pub obsoletes: ObsoletesRule,
    pub priority: PriorityRule,
}

/// What a preferred source that has a package hides in the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityRule {
    /// Everything of that name.
    Name,
    /// What could take the place of the installed package, whose architecture it may not change.
    Architecture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorRule {
    Any,
    /// Updates come from the vendor of the installed package.
    Keep,
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
        let offers = self.offers(&groups)?;
        let mut packages: Vec<_> = Vec::with_capacity(groups.len());
        for of_name in groups.chunk_by(|left, right| left[0].name == right[0].name) {
            packages.extend(of_name.iter().map(|group| self.package(group, of_name, &offers)));
        }
        let mut facts = FactSet {
            repositories: self.sources.iter().map(|source| source.fact.clone()).collect(),
            ..FactSet::default()
        };
        let absent = self.add_notices(&groups, &mut packages, &mut facts)?;
        facts.absent = absent.grouped();
        facts.packages = packages;
        facts.os = self.os;
        Ok(facts)
    }

    /// What the sources offer of these packages, by name, and what they would replace.
    fn offers(&self, groups: &[Group<'_>]) -> Result<Offers, ScanError> {
        let names: HashSet<&str> = groups.iter().map(|group| group[0].name.as_str()).collect();
        let modular = self.modules.names();
        let interest = Interest { installed: &names, modular: &modular };
        let mut offers = Offers::default();
        for (at, source) in self.sources.iter().enumerate() {
            let Some(file) = &source.primary else { continue };
            for offer in self.reader.offers(file, interest)? {
                if !self.architecture.takes(&offer.arch) || self.is_hidden(source, &offer) {
                    continue;
                }
                let excluded = self.policy.is_excluded(at, &offer);
                offers.add(Offered { offer, source: at as u32, priority: source.priority, excluded });
            }
        }
        Ok(offers)
    }

    fn is_hidden(&self, source: &Source, offer: &Offer) -> bool {
        !source.ignores_modules && self.modules.hide(offer)
    }

    /// `same_name` are all installed packages of that name, this one included.
    fn package(&self, group: &Group<'_>, same_name: &[Group<'_>], offers: &Offers) -> PackageFact {
        let newest = group[0];
        let version = newest.evr.to_string();
        let of_name = offers.by_name.get(&newest.name).map_or(&[][..], Vec::as_slice);
        let fitting: Vec<_> = of_name
            .iter()
            .filter(|offered| Architecture::may_change(&newest.arch, &offered.offer.arch))
            .collect();
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
            candidate: Some(
                self.candidate(newest, same_name, of_name, &fitting).unwrap_or_else(|| version.clone()),
            ),
            available,
            other_versions: group[1..].iter().map(|other| other.evr.to_string()).collect(),
            obsoleted_by: self.obsoleted_by(newest, &version, offers),
            version,
            ..PackageFact::default()
        }
    }

    /// A transaction that was broken off has put the new version in and not taken the old one out.
    fn state(&self, group: &Group<'_>) -> PackageState {
        let name = group[0].name.as_str();
        let may_be_several = name.starts_with("kernel")
            || group.iter().any(|installed| installed.stays_beside_others)
            || self.policy.keeps_several(name);
        match group.len() > 1 && !may_be_several {
            true => PackageState::HalfInstalled,
            false => PackageState::Installed,
        }
    }

    /// The version that the tool would update to, if any.
    fn candidate(
        &self,
        installed: &Installed,
        same_name: &[Group<'_>],
        of_name: &[Offered],
        fitting: &[&Offered],
    ) -> Option<String> {
        // The most preferred source that has this name at all hides the others.
        let counted = |offered: &&Offered| !offered.excluded;
        let best = match self.policy.choice().priority {
            PriorityRule::Name => of_name.iter().filter(counted).map(|offered| offered.priority).min()?,
            PriorityRule::Architecture => {
                // One that has only older versions hides nothing.
                let evr = installed.evr.to_string();
                let holds_back = |offered: &&Offered| !is_newer(&evr, &offered.offer.version);
                let offers = fitting.iter().copied().filter(counted).filter(holds_back);
                offers.map(|offered| offered.priority).min()?
            }
        };
        let keeps_vendor = self.policy.choice().vendor == VendorRule::Keep;
        // An update replaces every installed package whose architecture it may take over, so it must be newer than all.
        let is_update = |offer: &Offer| {
            let mut replaced =
                same_name.iter().filter(|group| Architecture::may_change(&group[0].arch, &offer.arch));
            replaced.all(|group| is_newer(&offer.version, &group[0].evr.to_string()))
        };
        let takes = |offered: &&&Offered| {
            let fits_vendor = !keeps_vendor || same_vendor(&installed.vendor, &offered.offer.vendor);
            !offered.excluded && offered.priority == best && fits_vendor && is_update(&offered.offer)
        };
        let newest = fitting
            .iter()
            .filter(takes)
            .max_by(|left, right| compare(&left.offer.version, &right.offer.version));
        newest.map(|offered| offered.offer.version.clone())
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

    fn obsoleted_by(&self, installed: &Installed, version: &str, offers: &Offers) -> Option<String> {
        if self.policy.choice().obsoletes == ObsoletesRule::Ignore {
            return None;
        }
        let replaces = |offered: &&Offered| {
            let matches = |relation: &Relation| relation.name == installed.name && relation.admits(version);
            !offered.excluded && offered.offer.obsoletes.iter().any(matches)
        };
        let found = offers.replacing.iter().filter(replaces).map(|offered| &offered.offer.name);
        found.min().cloned()
    }

    /// Adds the advisories to the facts, and to packages which of them list it.
    fn add_notices(
        &self,
        groups: &[Group<'_>],
        packages: &mut [PackageFact],
        facts: &mut FactSet,
    ) -> Result<Absent, ScanError> {
        let positions: HashMap<_, _> = (0..)
            .zip(groups)
            .map(|(at, group)| ((group[0].name.as_str(), group[0].arch.as_str()), at))
            .collect();
        let is_active =
            |collection: &super::updateinfo::Collection| self.modules.has_any_of(&collection.modules);
        let listener =
            Listener { architecture: &self.architecture, positions: &positions, is_active: &is_active };
        let streams = self.modules.active_streams();
        let (mut found, mut absent) = (Vec::new(), Absent::default());
        for (at, source) in self.sources.iter().enumerate() {
            let Some(file) = &source.updateinfo else { continue };
            let Notices { advisories, absent: of_file } = self.reader.notices(file, &listener, &streams)?;
            found.extend(advisories.into_iter().map(|mut entry| {
                entry.advisory.repository = at as u32;
                entry
            }));
            absent.merge(of_file);
        }
        found.sort_by(|left, right| left.advisory.cmp(&right.advisory));
        for (at, entry) in found.into_iter().enumerate() {
            facts.advisories.push(entry.advisory);
            for (package, version) in entry.listed {
                packages[package as usize].notices.push(Notice { advisory: at as u32, version });
            }
        }
        packages.iter_mut().for_each(|package| package.notices.sort_unstable());
        Ok(absent)
    }
}

/// An offer, and what its source adds to it.
struct Offered {
    offer: Offer,
    source: u32,
    priority: i32,
    excluded: bool,
}

#[derive(Default)]
struct Offers {
    by_name: HashMap<String, Vec<Offered>>,
    /// Those that obsolete an installed package.
    replacing: Vec<Offered>,
}

impl Offers {
    fn add(&mut self, offered: Offered) {
        if !offered.offer.obsoletes.is_empty() {
            let Offered { ref offer, source, priority, excluded } = offered;
            self.replacing.push(Offered { offer: offer.clone(), source, priority, excluded });
        }
        match self.by_name.get_mut(&offered.offer.name) {
            Some(known) => known.push(offered),
            None => {
                self.by_name.insert(offered.offer.name.clone(), vec![offered]);
            }
        }
    }
}

impl Relation {
    /// Whether the relation means this version. No release means every release.
    fn admits(&self, version: &str) -> bool {
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

/// One version, from all sources that have it. Those that exclude it do not count where others do not.
fn available_version(version: &str, offers: &[&Offered]) -> AvailableVersion {
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

/// SUSE's own two names count as one vendor.
fn same_vendor(left: &str, right: &str) -> bool {
    let canonical = |vendor: &str| {
        let vendor = vendor.to_lowercase();
        if vendor.starts_with("suse") || vendor.starts_with("opensuse") { "suse".to_owned() } else { vendor }
    };
    left == right || canonical(left) == canonical(right)
}
