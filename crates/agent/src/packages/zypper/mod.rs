//! zypper nodes: enabled repositories, the metadata that libzypp has of them, and what it would take from there.
//! No zypper process but the refresh. Held against zypper's own answers in `tests/rpm`.

mod config;
mod locks;
pub mod refresh;

use std::path::Path;

use api::Timestamp;
use domain::baseline;
use domain::facts::{self, FactSet, Observation, RepositoryFailure};
use domain::patch::Failure;
use domain::patch::transaction::{Change, Limits, Outcome, Plan, Wanted};

use super::kept::{self, Reading};
use super::root::Root;
use super::rpm::database::Database;
use super::rpm::indexed::{INDEX_FOLDER, Reader};
use super::rpm::modules::Modules;
use super::rpm::node::{Choice, Lock, Node, ObsoletesRule, Policy, Source, VendorRule, no_metadata};
use super::rpm::primary::Offer;
use super::rpm::refresh::Refresh;
use super::rpm::repository;
use super::rpm::uri::without_credentials;
use super::rpm::variables::Variables;
use super::rpm_tools::zypper::{OwnRepositories, ZypperTransactions};
use super::tool::ToolRun;
use super::{GatherOptions, PackageManager, RefreshLists, ScanError, node};
use config::{Main, Repository};
use locks::Locks;

const REMEDY: &str = "zypper refresh";

/// zypper of one root.
pub struct Zypper<'r> {
    root: &'r Root,
    transactions: ZypperTransactions<'r>,
    /// What takes the place of the node's own repositories.
    own: Option<OwnRepositories>,
}

impl<'r> Zypper<'r> {
    pub fn new(root: &'r Root) -> Self {
        Self { root, transactions: ZypperTransactions::new(root), own: None }
    }
}

impl PackageManager for Zypper<'_> {
    fn replace_repositories(&mut self, sources: &[baseline::Source]) -> Result<(), ScanError> {
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

impl Zypper<'_> {
    /// With these repositories alone, whose metadata is fetched in any root: it is not there before. Such a reading is
    /// not kept, since the next one is of the node's own again.
    fn gather_from(
        &self,
        own: &OwnRepositories,
        options: &GatherOptions,
    ) -> Result<(FactSet, Observation), ScanError> {
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
        RefreshLists::WherePossible if may_refresh => refresh::run(options),
        _ => Refresh::default(),
    };
    root.forget_looks();
    let mut observation = refresh.into_observation(options.now);
    // First, so that the evidence is among what a kept reading depends on.
    node::observe(root, &mut observation)?;
    let reading = kept::reading(root, || read(root, options, None))?;
    Ok(reading.complete(observation))
}

/// `own` takes the place of the node's repositories.
fn read(root: &Root, options: &GatherOptions, own: Option<&OwnRepositories>) -> Result<Reading, ScanError> {
    let mut main = Main::load(root)?;
    if let Some(own) = own {
        main.use_only(own);
    }
    let installed = Database::require(root)?.installed(root)?;
    let architecture = Database::architecture(&installed);
    let os = node::os_release(root, &architecture.base)?;
    let variables =
        Variables::load(root, &["/etc/zypp/vars.d".to_owned()], &architecture, Some(&os.version_id))?;
    let (mut sources, mut missing_repositories) = (Vec::new(), Vec::new());
    let mut oldest: Option<Timestamp> = None;
    let enabled = Repository::load_enabled(root, &main, &variables)?;
    for repository in &enabled {
        let folder = repository.metadata_folder(&main);
        match repository::load(root, &folder)? {
            Some(found) => {
                oldest = Some(oldest.map_or(found.fetched_at, |oldest| oldest.min(found.fetched_at)));
                sources.push(source(repository, &variables, found));
            }
            // zypper goes on without it, and says so.
            None => missing_repositories.push(RepositoryFailure {
                uri: without_credentials(&repository.address),
                suite: repository.alias.clone(),
                error: format!("no metadata of it in {}; run `{REMEDY}`", root.shown(&folder).display()),
            }),
        }
    }
    if let (Some(first), true) = (enabled.first(), sources.is_empty()) {
        return Err(no_metadata(root, &first.alias, &first.metadata_folder(&main), REMEDY));
    }
    let vendor = if main.allows_vendor_change() { VendorRule::Any } else { VendorRule::Keep };
    let choice = Choice { vendor, obsoletes: ObsoletesRule::Heed };
    let policy = ZypperPolicy { locks: Locks::load(root, Path::new(&main.locks_file()))?, choice };
    let modules = Modules::default();
    let index = options.data_dir.as_deref().map(|folder| folder.join(INDEX_FOLDER));
    let reader = Reader { root, folder: index.as_deref() };
    let facts = Node { reader, os, architecture, sources, modules, policy: &policy }.facts(&installed)?;
    Ok(Reading { facts, lists_updated_at: oldest, missing_repositories })
}

fn source(repository: &Repository, variables: &Variables, found: repository::Found) -> Source {
    let fact = facts::Repository {
        uri: without_credentials(&repository.address),
        suite: repository.alias.clone(),
        component: variables.get("releasever").unwrap_or_default().to_owned(),
        label: repository.name.clone(),
        arch: variables.get("basearch").unwrap_or_default().to_owned(),
        released_at: found.made_at,
        ..facts::Repository::default()
    };
    // Module streams are dnf's; zypper sees every package.
    Source {
        fact,
        priority: repository.priority,
        primary: Some(found.primary),
        updateinfo: found.updateinfo,
        modules: None,
        ignores_modules: true,
    }
}

struct ZypperPolicy {
    locks: Locks,
    choice: Choice,
}

impl Policy for ZypperPolicy {
    fn is_excluded(&self, _: usize, _: &Offer) -> bool {
        false
    }

    fn lock(&self, name: &str, _: &str, version: &str) -> Lock {
        self.locks.lock(name, version)
    }

    fn choice(&self) -> Choice {
        self.choice
    }
}
