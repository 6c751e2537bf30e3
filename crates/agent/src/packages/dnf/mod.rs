//! dnf and yum nodes: enabled repositories, the metadata that the tool has of them, and what it would take from there.
//! No dnf process and no interpreter. Held against dnf's own answers in `tests/rpm`.

mod automatic;
mod cache;
pub mod config;
mod excludes;
mod reasons;
pub mod refresh;
mod versionlock;

use std::path::PathBuf;

use domain::baseline::Source;
use domain::facts::{AutomaticUpdates, FactSet, Observation, OsRelease, RepositoryFailure};
use domain::patch::Failure;
use domain::patch::transaction::{BlockedVersion, Change, Limits, Outcome, Plan, Wanted};
use domain::patch::way_back::WayBack;

use super::root::Root;
use super::rpm::database::Database;
use super::rpm::glob::Glob;
use super::rpm::header::Installed;
use super::rpm::modules::Modules;
use super::rpm::node::{AdvisoryRule, Choice, Lock, ObsoletesRule, Policy, UpdateRule};
use super::rpm::primary::Offer;
use super::rpm::refresh::Refresh;
use super::rpm::rejected;
use super::rpm::system::{self, Configured, Sources, System, no_metadata};
use super::rpm::uri::without_credentials;
use super::rpm::variables::Variables;
use super::rpm_tools::dnf::DnfTransactions;
use super::tool::ToolRun;
use super::{GatherOptions, PackageManager, ScanError, node};
use cache::Cached;
use config::{Flavour, LATEST, Main, Repository, moves_to_latest};
use excludes::Filter;
use reasons::Reasons;
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
        system::gather(self, self.root, self.own.as_ref(), options)
    }

    fn versions_named(&self, entries: &[String]) -> Result<Vec<BlockedVersion>, ScanError> {
        let system = self.system(self.root, self.own.as_ref())?;
        rejected::versions_named(self.root, &system.sources.found, entries, false)
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

impl Configured for Dnf<'_> {
    type Own = PathBuf;

    fn system(&self, root: &Root, own: Option<&PathBuf>) -> Result<System, ScanError> {
        let mut main = Main::load(root)?;
        if let Some(own) = own {
            main.use_only(own);
        }
        let installed = Database::require(root)?.installed(root)?;
        let architecture = Database::architecture(&installed);
        let release = Database::release(&installed);
        let variables = Variables::load(root, &main.variable_folders, &architecture, release)?;
        let os = node::os_release(root, &architecture.base)?;
        let (sources, filters) = sources(root, &main, &os, &variables)?;
        let obsoletes = if main.minds_obsoletes() { ObsoletesRule::Heed } else { ObsoletesRule::Ignore };
        let choice = Choice { updates: UpdateRule::Each, obsoletes, advisories: AdvisoryRule::Listings };
        let several = main.section.list("installonlypkgs").iter().map(|pattern| Glob::new(pattern)).collect();
        let (locks, reasons) = (VersionLocks::load(root, &main)?, Reasons::load(root, &main)?);
        let policy = Box::new(DnfPolicy { several, filters, locks, reasons, choice });
        let modules = match main.flavour {
            Flavour::Dnf => Modules::load(root, &sources.found, &platform(root, &main)?)?,
            Flavour::Yum => Modules::default(),
        };
        Ok(System { installed, os, architecture, sources, modules, policy })
    }

    fn refresh(
        &self,
        root: &Root,
        own: Option<&PathBuf>,
        options: &GatherOptions,
    ) -> Result<Refresh, ScanError> {
        Ok(match own {
            Some(_) => refresh::by(|run| self.transactions.fetch_metadata(run), options),
            None => refresh::run(root, &Main::load(root)?, &node::os_release(root, "")?, options),
        })
    }

    fn automatic_updates(&self, root: &Root) -> Result<Vec<AutomaticUpdates>, ScanError> {
        automatic::load(root)
    }
}

/// The enabled repositories, and what each leaves out. Where patch runs move to the newest release, they are read at that;
/// without metadata of it, at the release to which the node is locked.
fn sources(
    root: &Root,
    main: &Main,
    os: &OsRelease,
    variables: &Variables,
) -> Result<(Sources, Vec<Filter>), ScanError> {
    let at = |variables: &Variables| sources_at(root, main, os, variables);
    if !moves_to_latest(os) {
        return at(variables);
    }
    let mut found = match at(&variables.with("releasever", LATEST)) {
        Ok(found) if !found.0.found.is_empty() => found,
        Err(error @ ScanError::Settings(_)) => at(variables).map_err(|_| error)?,
        Ok(_) => at(variables)?,
        Err(error) => return Err(error),
    };
    for source in &mut found.0.found {
        source.fact.codename = variables.get("releasever").unwrap_or_default().to_owned();
    }
    Ok(found)
}

fn sources_at(
    root: &Root,
    main: &Main,
    os: &OsRelease,
    variables: &Variables,
) -> Result<(Sources, Vec<Filter>), ScanError> {
    let (mut sources, mut filters) = (Sources::default(), Vec::new());
    for repository in Repository::load_enabled(root, main, variables)? {
        match cache::find(root, main, variables, &repository)? {
            Ok(Cached { source, fetched_at }) => {
                sources.add(source, fetched_at);
                filters.push(Filter::of(main, &repository));
            }
            Err(_) if repository.may_be_missing => sources.missing.push(RepositoryFailure {
                uri: without_credentials(repository.address()),
                suite: repository.id.clone(),
                error: "no metadata of it in the cache, and it may be missing (skip_if_unavailable)"
                    .to_owned(),
            }),
            Err(place) => {
                return Err(no_metadata(root, &repository.id, &place, refresh::remedy(main.flavour, os)));
            }
        }
    }
    Ok((sources, filters))
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
    /// Patterns of names that stay installed in several versions.
    several: Vec<Glob>,
    /// In the order of the sources.
    filters: Vec<Filter>,
    locks: VersionLocks,
    reasons: Reasons,
    choice: Choice,
}

impl Policy for DnfPolicy {
    fn is_excluded(&self, source: usize, offer: &Offer) -> bool {
        self.filters[source].leaves_out(offer)
    }

    fn lock(&self, name: &str, arch: &str, version: &str) -> Lock {
        self.locks.lock(name, arch, version)
    }

    fn is_automatic(&self, name: &str, arch: &str) -> bool {
        self.reasons.is_automatic(name, arch)
    }

    fn choice(&self) -> Choice {
        self.choice
    }

    fn may_change_vendor(&self, _: &str, _: &str) -> bool {
        true
    }

    fn is_same_vendor(&self, _: &str, _: &str) -> bool {
        true
    }

    fn keeps_several(&self, installed: &Installed) -> bool {
        installed.name.starts_with("kernel")
            || installed.stays_beside_others()
            || self.several.iter().any(|pattern| pattern.matches(&installed.name))
    }
}
