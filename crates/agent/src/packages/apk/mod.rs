//! apk nodes (Alpine Linux): what apk's database has installed, what the indexes of its repositories offer, and what it would
//! take of that. No apk process but the refresh. Held against apk's own answers in `tests/apk`.

pub mod index;
mod node;
pub mod records;
pub mod refresh;
pub mod repositories;
pub mod transaction;
pub mod world;

use domain::baseline::Source;
use domain::facts::{FactSet, Observation};
use domain::patch::Failure;
use domain::patch::transaction::{Change, Limits, Outcome, Plan, Wanted};
use domain::patch::way_back::WayBack;

use super::kept;
use super::root::Root;
use super::rpm::refresh::Refresh;
use super::tool::ToolRun;
use super::{GatherOptions, PackageManager, RefreshLists, ScanError};
use node::Node;
pub use node::{has_database, installed};
pub use transaction::ApkTransactions;
use transaction::OwnRepositories;

/// apk of one root.
pub struct Apk<'r> {
    root: &'r Root,
    transactions: ApkTransactions<'r>,
    /// What takes the place of the node's own repositories.
    own: Option<OwnRepositories>,
}

impl<'r> Apk<'r> {
    pub fn new(root: &'r Root) -> Self {
        Self { root, transactions: ApkTransactions::new(root), own: None }
    }
}

impl PackageManager for Apk<'_> {
    fn replace_repositories(&mut self, sources: &[Source]) -> Result<(), ScanError> {
        self.own = Some(self.transactions.replace_repositories(sources)?);
        Ok(())
    }

    fn gather(&self, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        // Indexes of a baseline's own repositories are fetched in any root: they are not there before.
        let may_refresh = self.own.is_some() || self.root.is_host() && rustix::process::geteuid().is_root();
        let refresh = match options.refresh {
            RefreshLists::WherePossible if may_refresh => {
                refresh::by(|run| self.transactions.fetch_indexes(run), options)
            }
            _ => Refresh::default(),
        };
        self.root.forget_looks();
        let mut observation = refresh.into_observation(options.now);
        // First, so that the evidence is among what a kept reading depends on.
        super::node::observe(self.root, &mut observation)?;
        let reading = match &self.own {
            // Not kept, since the next one is of the node's own again.
            Some(own) => {
                let node = Node::load(self.root)?;
                let repositories = own.read(self.root, node.architecture())?;
                node.read(self.root, Some((&repositories, &own.cache)))?
            }
            None => kept::reading(self.root, || Node::load(self.root)?.read(self.root, None))?,
        };
        Ok(reading.complete(observation))
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

    fn files_of(&self, changes: &[Change], _: &mut ToolRun) -> Vec<String> {
        self.transactions.files_of(changes)
    }

    fn ways_back(&self, changes: &[Change], _run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        self.transactions.ways_back(changes)
    }

    fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        self.transactions.undo_plan(changes, run)
    }
}
