//! apt nodes: what dpkg has installed, what apt's package lists offer, and the candidate that apt's policy picks.
//! No apt process and no interpreter; held against apt's own answers in `tests/apt_*.rs`.

mod config;
pub mod deb822;
mod dpkg;
mod index;
mod lists;
mod names;
mod pattern;
mod phasing;
mod policy;
mod preferences;
pub mod record;
pub mod records;
pub mod refresh;
pub mod release;
mod settings;
mod sources;
mod states;
mod stream;
mod times;
pub mod transaction;
mod uri;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::facts::{AvailableVersion, FactSet, ListRefresh, Observation, PackageFact};

pub use super::RefreshLists;
use super::kept::{self, Reading};
use super::root::Root;
use super::{ScanError, node};
use dpkg::{Database, Installed};
use lists::List;
use names::Names;
use phasing::Phasing;
use policy::{Offer, Policy, Versions, text};
use preferences::Preferences;
use record::MultiArch;
use records::Records;
use refresh::Refresh;
pub use settings::Environment;
use settings::Settings;
use sources::Architectures;
use states::Automatic;
pub use transaction::Apt;

/// Within the agent's folder: where the indexes of package lists belong.
pub const INDEX_FOLDER: &str = "apt-index";

/// How a node is to be read.
#[derive(Clone, Debug)]
pub struct Options {
    pub environment: Environment,
    pub now: Timestamp,
    pub refresh: RefreshLists,
    /// The folder where indexes of package lists are kept; without one, every scan reads the lists.
    pub index: Option<PathBuf>,
}

/// Reads a node: what is equal on equal nodes, and what is its own. Writes nothing outside the agent's data.
pub fn gather(root: &Root, options: &Options) -> Result<(FactSet, Observation), ScanError> {
    let may_refresh = root.is_host() && rustix::process::geteuid().is_root();
    let refresh = match options.refresh {
        RefreshLists::WherePossible if may_refresh => {
            refresh::run(root, &options.environment, options.index.as_deref())
        }
        _ => Refresh::default(),
    };
    root.forget_looks();
    // First, so that the evidence is among what a kept reading depends on.
    let mut observation = observe(root, options, refresh)?;
    let read = || read(root, options, &Settings::load(root, &options.environment)?);
    let Reading { facts, lists_updated_at, .. } = kept::reading(root, read)?;
    note_age(&mut observation, lists_updated_at);
    Ok((facts, observation))
}

/// With settings of the caller's own: never a kept reading.
fn gather_refreshed(
    root: &Root,
    options: &Options,
    settings: &Settings,
    refresh: Refresh,
) -> Result<(FactSet, Observation), ScanError> {
    let Reading { facts, lists_updated_at, .. } = read(root, options, settings)?;
    let mut observation = observe(root, options, refresh)?;
    note_age(&mut observation, lists_updated_at);
    Ok((facts, observation))
}

fn read(root: &Root, options: &Options, settings: &Settings) -> Result<Reading, ScanError> {
    let database = Database::load(root, &settings.status)?;
    let installed = database.installed()?;
    let node = Node::load(root, options, settings, &installed)?;
    let (facts, lists_updated_at) = (node.facts(&installed)?, node.lists_updated_at());
    Ok(Reading { facts, lists_updated_at, ..Reading::default() })
}

fn observe(root: &Root, options: &Options, refresh: Refresh) -> Result<Observation, ScanError> {
    let mut observation = Observation {
        captured_at: options.now,
        refresh: refresh.outcome,
        failed_repositories: refresh.failed,
        ..Observation::default()
    };
    node::observe(root, &mut observation)?;
    Ok(observation)
}

fn note_age(observation: &mut Observation, lists_updated_at: Option<Timestamp>) {
    observation.lists_updated_at = match observation.refresh {
        ListRefresh::Refreshed => Some(observation.captured_at),
        _ => lists_updated_at,
    };
}

/// The settled circumstances of one scan.
struct Node<'a> {
    root: &'a Root,
    settings: &'a Settings,
    index: Option<&'a Path>,
    native: String,
    lists: Vec<List>,
    preferences: Preferences,
    phasing: Phasing,
}

impl<'a> Node<'a> {
    fn load(
        root: &'a Root,
        options: &'a Options,
        settings: &'a Settings,
        installed: &[Installed<'_>],
    ) -> Result<Self, ScanError> {
        let native = settings.native_arch.clone().or_else(|| dpkg::native_architecture(installed));
        let native =
            native.ok_or_else(|| ScanError::Settings("cannot tell this node's architecture".to_owned()))?;
        let all = architectures(root, settings, &native)?;
        let sources =
            sources::load(root, &settings.source_files, &Architectures { native: &native, all: &all })?;
        let lists = lists::find(root, &settings.lists, &sources)?;
        let default_release = settings.default_release.as_deref();
        let preferences = Preferences::load(root, &settings.preference_files, default_release)?;
        if let Some(release) = default_release {
            check_default_release(release, &lists)?;
        }
        let phasing = Phasing::load(root, &settings.phasing)?;
        let index = options.index.as_deref();
        Ok(Self { root, settings, index, native, lists, preferences, phasing })
    }

    fn facts(&self, installed: &[Installed<'_>]) -> Result<FactSet, ScanError> {
        let names = Names::new(installed);
        let records =
            self.lists.iter().map(|list| self.records(list, &names)).collect::<Result<Vec<_>, _>>()?;
        let versions = self.versions(installed, &names, &records);
        let automatic = self.automatic(installed, &names)?;
        let identities: Vec<_> = self.lists.iter().map(List::identity_for_pins).collect();
        let policy = Policy::new(&self.preferences, &identities, &self.native);
        let times = times::unpack_times(self.root, &self.settings.status, installed, self.index);
        let own = times.into_iter().zip(automatic);
        let packages =
            installed.iter().zip(versions).zip(own).map(|((package, versions), (unpacked, automatic))| {
                let installed_at = unpacked.map(Timestamp::from_seconds);
                PackageFact { installed_at, automatic, ..self.package_fact(package, versions, &policy) }
            });
        Ok(FactSet {
            os: node::os_release(self.root, &self.native)?,
            packages: packages.collect(),
            repositories: self.lists.iter().map(List::to_repository).collect(),
            ..FactSet::default()
        })
    }

    /// What a list has of these names: from its index, where indexes are kept, else from the list itself.
    fn records(&self, list: &List, names: &Names<'_>) -> Result<Records, ScanError> {
        if let Some(records) = self.index.and_then(|folder| index::load(folder, self.root, list, names)) {
            return Ok(records);
        }
        let records = list.records(self.root, names)?;
        if let Some(folder) = self.index {
            let path = list.path.display();
            match index::save(folder, self.root, list, names, &records) {
                Ok(()) => tracing::debug!(list = %path, "indexed a package list"),
                Err(error) => tracing::debug!(list = %path, %error, "a package list was not indexed"),
            }
        }
        Ok(records)
    }

    /// What the lists offer of each installed package, in the order of `installed`.
    fn versions<'r>(
        &self,
        installed: &[Installed<'_>],
        names: &Names<'_>,
        records: &'r [Records],
    ) -> Vec<Versions<'r>> {
        let mut versions = vec![Versions::default(); installed.len()];
        for (at, package) in installed.iter().enumerate() {
            if package.record.multi_arch == MultiArch::Allowed {
                names.all(at).for_each(|same| versions[same].known_as_any = true);
            }
        }
        for (at, records) in records.iter().enumerate() {
            for record in records.iter() {
                let arch =
                    if record.architecture == b"all" { self.native.as_bytes() } else { record.architecture };
                for same in names.first(record.package).into_iter().flat_map(|first| names.all(first)) {
                    versions[same].known_as_any |= record.multi_arch == MultiArch::Allowed;
                    if installed[same].apt_arch(&self.native) == arch {
                        versions[same].add(at as u32, Offer::from_record(&record));
                    }
                }
            }
        }
        versions
    }

    /// Whether each was installed as a dependency, in the order of `installed`.
    fn automatic(&self, installed: &[Installed<'_>], names: &Names<'_>) -> Result<Vec<bool>, ScanError> {
        let mut automatic = vec![false; installed.len()];
        let path = &self.settings.extended_states;
        Automatic::load(self.root, path)?.for_each(&self.root.shown(path), &mut |name, arch| {
            for same in names.first(name).into_iter().flat_map(|first| names.all(first)) {
                automatic[same] |= installed[same].apt_arch(&self.native) == arch;
            }
        })?;
        Ok(automatic)
    }

    fn package_fact<'r>(
        &self,
        package: &'r Installed<'_>,
        mut versions: Versions<'r>,
        policy: &Policy<'_>,
    ) -> PackageFact {
        let record = &package.record;
        let own = Offer::from_record(record);
        versions.add_installed(own);
        let (name, arch) = (text(record.package), text(package.apt_arch(&self.native)));
        policy.rate(name, arch, &mut versions, |offer| self.phasing.lowers(name, offer));
        let candidate = policy.candidate(&versions);
        PackageFact {
            name: name.to_owned(),
            arch: text(record.architecture).to_owned(),
            version: own.version.to_owned(),
            state: package.state,
            section: own.section.to_owned(),
            priority: own.priority.to_owned(),
            source: own.source.map(str::to_owned),
            source_version: own.source_version.map(str::to_owned),
            installed_at: None,
            held: package.held,
            automatic: false,
            candidate: candidate.map(|at| versions.list[at].offer.version.to_owned()),
            available: self.available(name, candidate, versions),
            ..PackageFact::default()
        }
    }

    fn available(
        &self,
        name: &str,
        candidate: Option<usize>,
        mut versions: Versions<'_>,
    ) -> Vec<AvailableVersion> {
        let not_older = versions.count_not_older();
        let candidate = candidate.map(|at| versions.list[at].offer.version);
        let mut available = Vec::with_capacity(1);
        for at in 0..versions.list.len() {
            let version = &versions.list[at];
            if version.lists.is_empty() || (at >= not_older && Some(version.offer.version) != candidate) {
                continue;
            }
            let offer = version.offer;
            let phased_out = self.phasing.lowers(name, &offer) || self.is_kept_back(name, &versions, at);
            available.push(AvailableVersion {
                version: offer.version.to_owned(),
                section: offer.section.to_owned(),
                priority: offer.priority.to_owned(),
                pin: version.pin,
                phased_percent: offer.phased_percent,
                phased_out,
                repositories: std::mem::take(&mut versions.list[at].lists),
                ..AvailableVersion::default()
            });
        }
        available
    }

    fn is_kept_back(&self, name: &str, versions: &Versions<'_>, at: usize) -> bool {
        let is_security = |list: u32| {
            let suite = self.lists[list as usize].release().suite.as_deref();
            suite.is_some_and(|suite| suite.ends_with("-security"))
        };
        !versions.list[at].is_installed && self.phasing.keeps_back(name, versions, at, is_security)
    }

    /// The oldest of the times at which the lists in use came here. On the running machine that is when apt put them in
    /// place; files of a foreign root may have been unpacked later, so there the repository's own time counts.
    fn lists_updated_at(&self) -> Option<Timestamp> {
        let fetched = |list: &List| {
            let identity = list.release.as_ref().map_or(list.identity, |file| file.identity);
            let at = if self.root.is_host() { identity.changed_ns } else { identity.modified_ns };
            Timestamp::from_seconds(at.div_euclid(1_000_000_000))
        };
        self.lists.iter().map(fetched).min()
    }
}

/// The native architecture and the others that packages may have.
fn architectures(root: &Root, settings: &Settings, native: &str) -> Result<Vec<String>, ScanError> {
    let mut all = settings.architectures.clone();
    if all.is_empty() {
        all.push(native.to_owned());
        all.extend(dpkg::foreign_architectures(root, &settings.status)?);
    }
    if !all.iter().any(|arch| arch == native) {
        all.insert(0, native.to_owned());
    }
    all.extend(settings.barbarian_architectures.iter().cloned());
    let mut seen = HashSet::new();
    all.retain(|arch| !arch.is_empty() && seen.insert(arch.clone()));
    Ok(all)
}

/// apt refuses to work with a default release that no source has.
fn check_default_release(release: &str, lists: &[List]) -> Result<(), ScanError> {
    let pattern = pattern::Pattern::new(release);
    let known = lists.iter().any(|list| {
        let of = list.release();
        [&of.suite, &of.codename, &of.version].into_iter().flatten().any(|name| pattern.matches(name))
    });
    let is_condition = release.len() > 2 && release.as_bytes()[1] == b'=';
    if known || is_condition || pattern.matches("now") {
        return Ok(());
    }
    Err(ScanError::Settings(format!("APT::Default-Release is `{release}`, which no source offers")))
}
