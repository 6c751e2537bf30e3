//! dnf and yum nodes: enabled repositories, the metadata that the tool has of them, and what it would take from there.
//! No dnf process and no interpreter. Held against dnf's own answers in `tests/rpm`.

mod cache;
mod config;
mod excludes;
pub mod refresh;
mod versionlock;

use std::path::{Path, PathBuf};

use api::Timestamp;
use domain::baseline::Source;
use domain::facts::{FactSet, Observation, RepositoryFailure};
use domain::patch::Failure;
use domain::patch::transaction::{Change, Limits, Outcome, Plan, Wanted};

use super::kept::{self, Reading};
use super::root::Root;
use super::rpm::database::Database;
use super::rpm::indexed::{INDEX_FOLDER, Reader};
use super::rpm::modules::Modules;
use super::rpm::node::{self as rpm_node, Choice, Lock, Node, ObsoletesRule, Policy, VendorRule};
use super::rpm::primary::Offer;
use super::rpm::refresh::Refresh;
use super::rpm::uri::without_credentials;
use super::rpm::variables::Variables;
use super::rpm_tools::dnf::DnfTransactions;
use super::tool::ToolRun;
use super::{GatherOptions, PackageManager, RefreshLists, ScanError, node};
use cache::Cached;
use config::{Flavour, Main, Repository};
use excludes::Filter;
use versionlock::VersionLocks;

/// dnf or yum of one root.
pub struct Dnf<'r> {
    root: &'r Root,
    transactions: DnfTransactions<'r>,
    /// Where the `.repo` files lie that take the place of the node's own.
    own: Option<PathBuf>,
}

impl<'r> Dnf<'r> {
    pub fn new(root: &'r Root) -> Self {
        Self { root, transactions: DnfTransactions::new(root), own: None }
    }
}

impl PackageManager for Dnf<'_> {
    fn replace_repositories(&mut self, sources: &[Source]) -> Result<(), ScanError> {
        self.own = Some(self.transactions.replace_repositories(sources)?);
        Ok(())
    }

    fn gather(&self, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        match &self.own {
            Some(own) => self.gather_from(own, options),
            None => gather(self.root, options),
        }
    }

    fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure> {
        self.transactions.plan(wanted, limits, run)
    }

    fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        self.transactions.install(wanted, limits, run)
    }

    fn repair(&self, run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        self.transactions.repair(run)
    }

    fn undo(&self, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
        self.transactions.undo(changes, run)
    }

    fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        self.transactions.undo_plan(changes, run)
    }
}

impl Dnf<'_> {
    /// With these repositories alone, whose metadata is fetched in any root: it is not there before. Such a reading is
    /// not kept, since the next one is of the node's own again.
    fn gather_from(&self, own: &Path, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        let refresh = match options.refresh {
            RefreshLists::WherePossible => refresh::by(|run| self.transactions.fetch_metadata(run), options),
            RefreshLists::Never => Refresh::default(),
        };
        let mut observation = refresh.into_observation(options.now);
        node::observe(self.root, &mut observation)?;
        Ok(read(self.root, options, Some(own))?.complete(observation))
    }
}

/// Reads a node: what is equal on equal nodes, and what is its own. Writes nothing outside the agent's data.
pub fn gather(root: &Root, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
    let may_refresh = root.is_host() && rustix::process::geteuid().is_root();
    let refresh = match options.refresh {
        RefreshLists::WherePossible if may_refresh => refresh::run(Main::load(root)?.flavour, options),
        _ => Refresh::default(),
    };
    root.forget_looks();
    let mut observation = refresh.into_observation(options.now);
    // First, so that the evidence is among what a kept reading depends on.
    node::observe(root, &mut observation)?;
    let reading = kept::reading(root, || read(root, options, None))?;
    Ok(reading.complete(observation))
}

/// `own` is a folder of repositories in place of the node's.
fn read(root: &Root, options: &GatherOptions, own: Option<&Path>) -> Result<Reading, ScanError> {
    let mut main = Main::load(root)?;
    if let Some(own) = own {
        main.use_only(own);
    }
    let installed = Database::require(root)?.installed(root)?;
    let architecture = Database::architecture(&installed);
    let release = Database::release(&installed);
    let variables = Variables::load(root, &main.variable_folders, &architecture, release)?;
    let (mut sources, mut filters, mut missing_repositories) = (Vec::new(), Vec::new(), Vec::new());
    let mut oldest: Option<Timestamp> = None;
    for repository in Repository::load_enabled(root, &main, &variables)? {
        match cache::find(root, &main, &variables, &repository)? {
            Ok(Cached { source, fetched_at }) => {
                sources.push(source);
                filters.push(Filter::of(&main, &repository));
                oldest = Some(oldest.map_or(fetched_at, |oldest| oldest.min(fetched_at)));
            }
            Err(_) if repository.may_be_missing => missing_repositories.push(RepositoryFailure {
                uri: without_credentials(repository.address()),
                suite: repository.id.clone(),
                error: "no metadata of it in the cache, and it may be missing (skip_if_unavailable)"
                    .to_owned(),
            }),
            Err(place) => {
                return Err(rpm_node::no_metadata(
                    root,
                    &repository.id,
                    &place,
                    refresh::remedy(main.flavour),
                ));
            }
        }
    }
    let choice = Choice {
        vendor: VendorRule::Any,
        obsoletes: if main.minds_obsoletes() { ObsoletesRule::Heed } else { ObsoletesRule::Ignore },
    };
    let policy = DnfPolicy { filters, locks: VersionLocks::load(root, &main)?, choice };
    let os = node::os_release(root, &architecture.base)?;
    let modules = match main.flavour {
        Flavour::Dnf => Modules::load(root, &sources, &platform(root, &main)?)?,
        Flavour::Yum => Modules::default(),
    };
    let index = options.data_dir.as_deref().map(|folder| folder.join(INDEX_FOLDER));
    let reader = Reader { root, folder: index.as_deref() };
    let facts = Node { reader, os, architecture, sources, modules, policy: &policy }.facts(&installed)?;
    Ok(Reading { facts, lists_updated_at: oldest, missing_repositories })
}

/// What modules know the system as: `el9`.
fn platform(root: &Root, main: &Main) -> Result<String, ScanError> {
    let configured = main.section.get("module_platform_id").map(str::to_owned);
    let known = match configured.filter(|id| !id.is_empty()) {
        Some(id) => Some(id),
        None => node::os_release_value(root, "PLATFORM_ID")?,
    };
    let known = known.unwrap_or_default();
    Ok(known.strip_prefix("platform:").unwrap_or(&known).to_owned())
}

struct DnfPolicy {
    /// In the order of the sources.
    filters: Vec<Filter>,
    locks: VersionLocks,
    choice: Choice,
}

impl Policy for DnfPolicy {
    fn is_excluded(&self, source: usize, offer: &Offer) -> bool {
        self.filters[source].leaves_out(offer)
    }

    fn lock(&self, name: &str, arch: &str, version: &str) -> Lock {
        self.locks.lock(name, arch, version)
    }

    fn choice(&self) -> Choice {
        self.choice
    }
}
