//! zypper nodes: enabled repositories, the metadata that libzypp has of them, and what it would take from there.
//! No zypper process but the refresh. Held against zypper's own answers in `tests/rpm`.

pub mod config;
mod locks;
mod multiversion;
pub mod refresh;
mod vendors;

use std::collections::HashSet;
use std::path::Path;

use domain::baseline;
use domain::facts::{self, FactSet, Observation, RepositoryFailure};
use domain::patch::Failure;
use domain::patch::transaction::{BlockedVersion, Change, Limits, Outcome, Plan, Wanted};
use domain::patch::way_back::WayBack;

use super::root::Root;
use super::rpm::database::Database;
use super::rpm::header::Installed;
use super::rpm::modules::Modules;
use super::rpm::node::{AdvisoryRule, Choice, Lock, ObsoletesRule, Policy, Source, UpdateRule};
use super::rpm::primary::Offer;
use super::rpm::refresh::Refresh;
use super::rpm::rejected;
use super::rpm::repository;
use super::rpm::system::{self, Configured, Sources, System, no_metadata};
use super::rpm::uri::without_credentials;
use super::rpm::variables::Variables;
use super::rpm_tools::zypper::{OwnRepositories, ZypperTransactions};
use super::tool::ToolRun;
use super::{GatherOptions, PackageManager, ScanError, node};
use config::{Main, Repository};
use locks::Locks;
use multiversion::Multiversion;
use vendors::Vendors;

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
        system::gather(self, self.root, self.own.as_ref(), options)
    }

    fn versions_named(&self, entries: &[String]) -> Result<Vec<BlockedVersion>, ScanError> {
        let system = self.system(self.root, self.own.as_ref())?;
        rejected::versions_named(self.root, &system.sources.found, entries, true)
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

    fn blockers(&self, plan: &Plan) -> Vec<Failure> {
        self.transactions.blockers(plan)
    }

    fn files_of(&self, changes: &[Change], run: &mut ToolRun) -> Vec<String> {
        self.transactions.files_of(changes, run)
    }

    fn ways_back(&self, changes: &[Change], run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        self.transactions.ways_back(changes, run)
    }

    fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        self.transactions.undo_plan(changes, run)
    }
}

impl Configured for Zypper<'_> {
    type Own = OwnRepositories;

    fn system(&self, root: &Root, own: Option<&OwnRepositories>) -> Result<System, ScanError> {
        let mut main = Main::load(root)?;
        if let Some(own) = own {
            main.use_only(own);
        }
        let installed = Database::require(root)?.installed(root)?;
        let architecture = Database::architecture(&installed);
        let os = node::os_release(root, &architecture.base)?;
        let folders = ["/etc/zypp/vars.d".to_owned()];
        let variables = Variables::load(root, &folders, &architecture, Some(&os.version_id))?;
        let sources = sources(root, &main, &variables)?;
        let policy = Box::new(ZypperPolicy {
            several: Multiversion::load(root, main.multiversion(), &main.multiversion_folder())?,
            vendors: Vendors::load(root, &main.vendor_folder())?,
            allows_vendor_change: main.allows_vendor_change(),
            locks: Locks::load(root, &main.locks_file())?,
            automatic: auto_installed(root)?,
        });
        // Module streams are dnf's.
        Ok(System { installed, os, architecture, sources, modules: Modules::default(), policy })
    }

    fn refresh(
        &self,
        root: &Root,
        own: Option<&OwnRepositories>,
        options: &GatherOptions,
    ) -> Result<Refresh, ScanError> {
        Ok(match own {
            Some(_) => refresh::by(|run| self.transactions.fetch_metadata(run), options),
            None => refresh::run(root, options),
        })
    }
}

fn sources(root: &Root, main: &Main, variables: &Variables) -> Result<Sources, ScanError> {
    let mut sources = Sources::default();
    let enabled = Repository::load_enabled(root, main, variables)?;
    for repository in &enabled {
        let folder = repository.metadata_folder(main);
        match repository::load(root, &folder)? {
            Some(found) => {
                let fetched_at = found.fetched_at;
                sources.add(source(repository, variables, found), fetched_at);
            }
            // zypper goes on without it, and says so.
            None => sources.missing.push(RepositoryFailure {
                uri: without_credentials(&repository.address),
                suite: repository.alias.clone(),
                error: format!("no metadata of it in {}; run `{REMEDY}`", root.shown(&folder).display()),
            }),
        }
    }
    match enabled.first() {
        Some(first) if sources.found.is_empty() => {
            Err(no_metadata(root, &first.alias, &first.metadata_folder(main), REMEDY))
        }
        _ => Ok(sources),
    }
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

/// libzypp's own list: a name a line.
fn auto_installed(root: &Root) -> Result<HashSet<String>, ScanError> {
    let bytes = root.read(Path::new("/var/lib/zypp/AutoInstalled"))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(names.map(str::to_owned).collect())
}

struct ZypperPolicy {
    several: Multiversion,
    vendors: Vendors,
    allows_vendor_change: bool,
    locks: Locks,
    /// Names of packages that came because others need or recommend them.
    automatic: HashSet<String>,
}

impl Policy for ZypperPolicy {
    fn is_excluded(&self, _: usize, _: &Offer) -> bool {
        false
    }

    fn lock(&self, name: &str, _: &str, version: &str) -> Lock {
        self.locks.lock(name, version)
    }

    fn is_automatic(&self, name: &str, _: &str) -> bool {
        self.automatic.contains(name)
    }

    fn choice(&self) -> Choice {
        Choice {
            updates: UpdateRule::Together,
            obsoletes: ObsoletesRule::Heed,
            advisories: AdvisoryRule::Patches,
        }
    }

    fn may_change_vendor(&self, from: &str, to: &str) -> bool {
        self.allows_vendor_change || self.vendors.are_one(from, to)
    }

    fn is_same_vendor(&self, left: &str, right: &str) -> bool {
        self.vendors.are_one(left, right)
    }

    fn keeps_several(&self, installed: &Installed) -> bool {
        self.several.keeps_several(installed)
    }
}
