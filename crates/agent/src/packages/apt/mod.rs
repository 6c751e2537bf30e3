//! apt nodes: what dpkg has installed, what apt's package lists offer, and the candidate that apt's policy picks.
//! No apt process and no interpreter; held against apt's own answers in `tests/apt_*.rs`.

mod config;
mod deb822;
mod decompress;
mod dpkg;
mod index;
mod lists;
mod names;
mod node;
mod pattern;
mod phasing;
mod policy;
mod preferences;
mod record;
pub mod refresh;
mod release;
mod settings;
mod sources;
mod states;
mod stream;
mod uri;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::facts::{AvailableVersion, FactSet, ListRefresh, Observation, PackageFact};
use domain::patch::version_deb::compare;

use super::ScanError;
use super::root::Root;
use dpkg::{Database, Installed, UnpackTimes};
use index::ListIndex;
use lists::List;
use names::Names;
use phasing::Phasing;
use policy::{Offer, Policy, Versions};
use preferences::Preferences;
use record::{MultiArch, Record};
use refresh::Refresh;
pub use settings::Environment;
use settings::Settings;
use sources::Architectures;
use states::Automatic;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshLists {
    /// Where it may: as root, for the running machine.
    WherePossible,
    Never,
}

/// Reads a node: what is equal on equal nodes, and what is its own. Writes nothing outside the agent's data.
pub fn gather(root: &Root, options: &Options) -> Result<(FactSet, Observation), ScanError> {
    let may_refresh = root.is_host() && rustix::process::geteuid().is_root();
    let refresh = match options.refresh {
        RefreshLists::WherePossible if may_refresh => refresh::run(),
        _ => Refresh::default(),
    };
    let settings = Settings::load(root, &options.environment)?;
    let database = Database::load(root, &settings.status)?;
    let installed = database.installed()?;
    let node = Node::load(root, options, &settings, &installed)?;
    let facts = node.facts(&installed)?;
    let mut observation = Observation {
        captured_at: options.now,
        lists_updated_at: match refresh.outcome {
            ListRefresh::Refreshed => Some(options.now),
            _ => node.lists_updated_at(),
        },
        refresh: refresh.outcome,
        failed_repositories: refresh.failed,
        ..Observation::default()
    };
    node::observe(root, &mut observation)?;
    Ok((facts, observation))
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
        let (root, settings) = (self.root, self.settings);
        let mut versions = self.offers(installed)?;
        let identities: Vec<_> = self.lists.iter().map(List::identity_for_pins).collect();
        let policy = Policy::new(&self.preferences, &identities, &self.native);
        let automatic = Automatic::load(root, &settings.extended_states)?;
        let automatic = automatic.packages(&root.shown(&settings.extended_states))?;
        let times = UnpackTimes::open(root, &settings.status);
        let packages = installed
            .iter()
            .zip(&mut versions)
            .map(|(package, versions)| self.package_fact(package, versions, &policy, &automatic, &times));
        Ok(FactSet {
            os: node::os_release(root, &self.native)?,
            packages: packages.collect(),
            repositories: self.lists.iter().map(List::to_repository).collect(),
        })
    }

    /// What the lists offer of each installed package, in the order of `installed`.
    fn offers(&self, installed: &[Installed<'_>]) -> Result<Vec<Versions>, ScanError> {
        let names = Names::new(installed);
        let mut versions = vec![Versions::default(); installed.len()];
        for (at, package) in installed.iter().enumerate() {
            if package.record.multi_arch == MultiArch::Allowed {
                names.all(at).for_each(|same| versions[same].known_as_any = true);
            }
        }
        for (at, list) in self.lists.iter().enumerate() {
            self.read_list(list, &names, &mut |record| {
                let arch =
                    if record.architecture == b"all" { self.native.as_bytes() } else { record.architecture };
                for same in names.first(record.package).into_iter().flat_map(|first| names.all(first)) {
                    versions[same].known_as_any |= record.multi_arch == MultiArch::Allowed;
                    if installed[same].apt_arch(&self.native) == arch {
                        versions[same].add(at as u32, Offer::from_record(record));
                    }
                }
            })?;
        }
        Ok(versions)
    }

    /// Hands over what a list has of these names: from its index, where indexes are kept, else from the list itself.
    fn read_list(
        &self,
        list: &List,
        names: &Names<'_>,
        visit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), ScanError> {
        if let Some(folder) = self.index {
            let known = ListIndex::open(folder, self.root, list).map(|index| index.records_of(names.iter()));
            let records = match known {
                Some(Ok(records)) => Some(records),
                _ => {
                    tracing::debug!(list = %list.path.display(), "building the index of a package list");
                    // A list with a flaw somewhere is read without an index, where only what matters is looked at.
                    let built = ListIndex::build(folder, self.root, list).ok().flatten();
                    built.and_then(|index| index.records_of(names.iter()).ok())
                }
            };
            if let Some(records) = records {
                records.for_each(visit);
                return Ok(());
            }
        }
        list.for_each_record(self.root, |name| names.first(name).is_some(), visit)
    }

    fn package_fact(
        &self,
        package: &Installed<'_>,
        versions: &mut Versions,
        policy: &Policy<'_>,
        automatic: &HashSet<states::Package<'_>>,
        times: &UnpackTimes,
    ) -> PackageFact {
        let record = &package.record;
        let own = Offer::from_record(record);
        versions.add_installed(own.clone());
        let name = String::from_utf8_lossy(record.package).into_owned();
        let arch = String::from_utf8_lossy(package.apt_arch(&self.native));
        policy.rate(&name, &arch, versions, |offer| self.phasing.lowers(&name, offer));
        let candidate = policy.candidate(versions).map(|version| version.offer.version.clone());
        PackageFact {
            arch: String::from_utf8_lossy(record.architecture).into_owned(),
            state: package.state,
            installed_at: times
                .of(record)
                .map(|identity| Timestamp::from_seconds(identity.modified_seconds())),
            held: package.held,
            automatic: automatic.contains(&(record.package, arch.as_bytes())),
            available: self.available(&name, &own.version, candidate.as_deref(), versions),
            candidate,
            name,
            version: own.version,
            section: own.section,
            priority: own.priority,
            source: own.source,
            source_version: own.source_version,
        }
    }

    fn available(
        &self,
        name: &str,
        installed: &str,
        candidate: Option<&str>,
        versions: &Versions,
    ) -> Vec<AvailableVersion> {
        let is_security = |list: u32| {
            let suite = self.lists[list as usize].release().suite.as_deref();
            suite.is_some_and(|suite| suite.ends_with("-security"))
        };
        let offered = versions.list.iter().enumerate().filter(|(_, version)| {
            let text = version.offer.version.as_str();
            !version.lists.is_empty() && (compare(text, installed).is_ge() || Some(text) == candidate)
        });
        offered
            .map(|(at, version)| AvailableVersion {
                version: version.offer.version.clone(),
                section: version.offer.section.clone(),
                priority: version.offer.priority.clone(),
                pin: version.pin,
                repositories: version.lists.clone(),
                phased_percent: version.offer.phased_percent,
                phased_out: self.phasing.lowers(name, &version.offer)
                    || (!version.is_installed && self.phasing.keeps_back(name, versions, at, is_security)),
            })
            .collect()
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
