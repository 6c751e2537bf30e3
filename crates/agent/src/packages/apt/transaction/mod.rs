//! apt's transactions: exact versions through `apt-get`, judged by dpkg's database afterwards.
//! What to ask for is decided elsewhere; reading the node is the parent module's.

pub mod failures;
mod forecast;
pub(super) mod guard;
mod install;
mod installed;
mod marks;
mod place;
pub mod plan;
mod repair;
mod repositories;
mod simulation;
mod undo;
mod ways_back;

use std::path::PathBuf;

use domain::baseline::Source;
use domain::facts::{FactSet, Observation};
use domain::patch::Failure;
use domain::patch::transaction::{Change, Limits, Outcome, Plan, RebootSign, Wanted};
use domain::patch::way_back::WayBack;

use super::super::root::Root;
use super::super::tool::ToolRun;
use super::super::{GatherOptions, PackageManager, ScanError, transaction};
use super::{Environment, INDEX_FOLDER, Options};
use repositories::OwnRepositories;

/// apt and dpkg of one root.
pub struct Apt<'r> {
    root: &'r Root,
    environment: Environment,
    own: Option<OwnRepositories>,
}

impl<'r> Apt<'r> {
    /// `environment` counts on the running machine's own root only.
    pub fn new(root: &'r Root, environment: Environment) -> Self {
        Self { root, environment, own: None }
    }
}

impl PackageManager for Apt<'_> {
    fn replace_repositories(&mut self, sources: &[Source]) -> Result<(), ScanError> {
        self.own = Some(OwnRepositories::write(|path| self.root.shown(path), sources)?);
        Ok(())
    }

    fn gather(&self, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        if let Some(own) = &self.own {
            return self.gather_from(own, options);
        }
        let index: Option<PathBuf> = options.data_dir.as_deref().map(|folder| folder.join(INDEX_FOLDER));
        let environment = self.environment.clone();
        super::gather(self.root, &Options { environment, now: options.now, refresh: options.refresh, index })
    }

    fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure> {
        let before = self.installed()?;
        Ok(plan::settle(&self.place(run)?, &before, wanted, limits, run)?.plan)
    }

    fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        let marks = self.automatic()?;
        let outcome = transaction::install(self, wanted, limits, run)?;
        let mut last = run.last_look();
        self.restore_marks(&marks, &self.place(&last)?, &mut last)?;
        Ok(outcome)
    }

    fn repair(&self, run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        repair::repair(self, run)
    }

    fn undo(&self, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
        undo::undo(self, changes, run)
    }

    fn blockers(&self, plan: &Plan) -> Vec<Failure> {
        self.in_the_way(plan)
    }

    fn files_of(&self, changes: &[Change], _run: &mut ToolRun) -> Vec<String> {
        self.listed_files(changes)
    }

    fn reboot_signs(&self, changes: &[Change]) -> Vec<RebootSign> {
        self.scripts_that_ask_for_a_reboot(changes)
    }

    fn ways_back(&self, changes: &[Change], run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        ways_back::find(self, changes, run)
    }

    fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        let before = self.installed()?;
        Ok(undo::settle(self, &self.place(run)?, &before, changes, run)?.plan)
    }
}
