//! pacman nodes: what the local database has installed, and what the lists of the repositories offer of it. No pacman
//! process but the refresh, which goes into a database of the agent's own: newer lists beside older packages would
//! leave the node one `pacman -S` away from a partial upgrade. Held against pacman's own answers in `tests/pacman`.

mod config;
pub mod desc;
pub mod lists;
pub mod local;
pub mod refresh;
mod tar;
pub mod transaction;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::facts::{
    AvailableVersion, FactSet, Observation, PackageFact, Repository as RepositoryFact, RepositoryFailure,
};
use domain::patch::version_pacman;

use super::kept::{self, Reading};
use super::root::Root;
use super::rpm::refresh::Refresh;
use super::rpm::uri::without_credentials;
use super::{GatherOptions, RefreshLists, ScanError, node};
use config::{CONFIG, Config};
use desc::{Desc, Wish};
use local::Local;
pub use transaction::Pacman;
use transaction::place::{OWN_DATABASE, OwnRepositories};

/// Reads a node: what is equal on equal nodes, and what is its own. Writes nothing outside the agent's data but the
/// agent's own copy of the lists.
pub fn gather(root: &Root, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
    let may_refresh = root.is_host() && rustix::process::geteuid().is_root();
    let refresh = match options.refresh {
        RefreshLists::WherePossible if may_refresh => refresh::run(root, None, options),
        _ => Refresh::default(),
    };
    root.forget_looks();
    let mut observation = refresh.into_observation(options.now);
    // First, so that the evidence is among what a kept reading depends on.
    node::observe(root, &mut observation)?;
    let reading = kept::reading(root, || read(root, None))?;
    Ok(reading.complete(observation))
}

/// With these repositories alone, whose lists are fetched in any root: they are not there before. Such a reading is not
/// kept, since the next one is of the node's own again.
fn gather_from(
    root: &Root,
    own: &OwnRepositories,
    options: &GatherOptions,
) -> Result<(FactSet, Observation), ScanError> {
    let refresh = match options.refresh {
        RefreshLists::WherePossible => refresh::run(root, Some(own), options),
        RefreshLists::Never => Refresh::default(),
    };
    let mut observation = refresh.into_observation(options.now);
    node::observe(root, &mut observation)?;
    Ok(read(root, Some(own))?.complete(observation))
}

/// What a node offers of its packages, as far as lists are there.
pub(crate) struct Sources {
    config: Config,
    lists: Vec<Option<lists::List>>,
}

impl Sources {
    fn find(root: &Root, own: Option<&OwnRepositories>) -> Result<(Self, PathBuf), ScanError> {
        let node = Config::load(root, Path::new(CONFIG))?;
        let database = node.database.clone();
        let config = match own {
            Some(own) => Config::load(root, &own.config)?,
            None => node,
        };
        let folders = match own {
            Some(own) => vec![own.database.as_path()],
            None => vec![database.as_path(), Path::new(OWN_DATABASE)],
        };
        let find = |repository: &config::Repository| lists::find(root, &folders, &repository.name);
        let lists = config.repositories.iter().map(find).collect::<Result<_, _>>()?;
        Ok((Self { config, lists }, database))
    }
}

/// `own` takes the place of the node's repositories.
fn read(root: &Root, own: Option<&OwnRepositories>) -> Result<Reading, ScanError> {
    let (sources, database) = Sources::find(root, own)?;
    let local = Local::load(root, &database)?;
    let arch = architecture(root, &sources.config, &local);
    let offers = Offers::load(root, &sources, &local)?;
    let (mut missing_repositories, mut oldest): (Vec<RepositoryFailure>, Option<Timestamp>) =
        Default::default();
    for (repository, list) in sources.config.repositories.iter().zip(&sources.lists) {
        match list {
            Some(list) => {
                let at = if root.is_host() { list.identity.changed_ns } else { list.identity.modified_ns };
                let at = Timestamp::from_seconds(at.div_euclid(1_000_000_000));
                oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
            }
            None => missing_repositories.push(RepositoryFailure {
                uri: without_credentials(&repository.address(&arch)),
                suite: repository.name.clone(),
                error: "no list of it is here; run `pacman -Sy`".to_owned(),
            }),
        }
    }
    let repository = |repository: &config::Repository| RepositoryFact {
        uri: without_credentials(&repository.address(&arch)),
        suite: repository.name.clone(),
        arch: arch.clone(),
        ..RepositoryFact::default()
    };
    let facts = FactSet {
        os: node::os_release(root, &arch)?,
        repositories: sources.config.repositories.iter().map(repository).collect(),
        packages: local.packages.iter().map(|desc| offers.fact(&sources.config, desc)).collect(),
        ..FactSet::default()
    };
    Ok(Reading { facts, lists_updated_at: oldest, missing_repositories })
}

/// The first one that the settings name; `auto` is the machine's.
fn architecture(root: &Root, config: &Config, local: &Local) -> String {
    let named = config.architectures.iter().find(|arch| *arch != "auto").cloned();
    let of_packages = || local.packages.iter().map(|desc| &desc.arch).find(|arch| *arch != "any").cloned();
    let of_machine = || rustix::system::uname().machine().to_string_lossy().into_owned();
    match (named, root.is_host()) {
        (Some(arch), _) => arch,
        (None, true) => of_machine(),
        (None, false) => of_packages().unwrap_or_else(of_machine),
    }
}

/// What the lists have of installed packages.
#[derive(Default)]
struct Offers {
    /// By name: of the first repository that has the package, whatever its version.
    by_name: HashMap<String, (u32, Desc)>,
    /// By name of the installed package: the one that declares itself its replacement.
    replaced_by: HashMap<String, String>,
}

impl Offers {
    fn load(root: &Root, sources: &Sources, local: &Local) -> Result<Self, ScanError> {
        let mut offers = Self::default();
        for (index, list) in (0..).zip(&sources.lists) {
            let Some(list) = list else { continue };
            let of_interest = |desc: &Desc| !desc.replaces.is_empty() || local.find(&desc.name).is_some();
            for desc in list.read(root, of_interest)? {
                for wish in desc.replaces.iter().map(|text| Wish::parse(text)) {
                    if let Some(installed) = local.find(wish.name)
                        && wish.name != desc.name
                        && wish.is_met_by(&installed.version)
                    {
                        let replacement = || desc.name.clone();
                        offers.replaced_by.entry(installed.name.clone()).or_insert_with(replacement);
                    }
                }
                if local.find(&desc.name).is_some() {
                    offers.by_name.entry(desc.name.clone()).or_insert((index, desc));
                }
            }
        }
        Ok(offers)
    }

    fn fact(&self, config: &Config, desc: &Desc) -> PackageFact {
        let offer = self.by_name.get(&desc.name);
        let offer = offer.filter(|(_, offer)| version_pacman::compare(&offer.version, &desc.version).is_ge());
        let may_upgrade = |index: u32| {
            let at = usize::try_from(index).ok();
            at.and_then(|at| config.repositories.get(at)).is_none_or(config::Repository::upgrades)
        };
        let is_newer = |version: &str| version_pacman::is_newer(version, &desc.version);
        let candidate = offer.map_or(&desc.version, |(_, offer)| match is_newer(&offer.version) {
            true => &offer.version,
            false => &desc.version,
        });
        let available = offer.map(|(index, offer)| AvailableVersion {
            // Versions that are equal and not the same text keep the installed one's spelling.
            version: candidate.clone(),
            repositories: vec![*index],
            built_at: offer.built_at,
            ..AvailableVersion::default()
        });
        let is_kept = offer.is_some_and(|(index, _)| !may_upgrade(*index));
        PackageFact {
            name: desc.name.clone(),
            arch: desc.arch.clone(),
            version: desc.version.clone(),
            source: Some(desc.base.clone()).filter(|base| !base.is_empty() && *base != desc.name),
            installed_at: desc.installed_at,
            held: config.ignores(&desc.name, &desc.groups) || is_kept,
            automatic: desc.is_dependency,
            candidate: Some(candidate.clone()),
            available: available.into_iter().collect(),
            obsoleted_by: self.replaced_by.get(&desc.name).cloned(),
            ..PackageFact::default()
        }
    }
}
