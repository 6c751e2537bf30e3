//! pacman's transactions: exact versions, downloaded and checked against the agent's own lists, then installed as files
//! under pacman's lock of the node; judged by the local database afterwards.
//! What to ask for is decided elsewhere; reading the node is the parent module's.

pub mod failures;
mod files;
mod installed;
pub mod place;
mod repair;
mod settle;
mod undo;

use std::path::{Path, PathBuf};

use domain::baseline::Source;
use domain::facts::{FactSet, Observation};
use domain::patch::Failure;
use domain::patch::transaction::{Change, Limits, Outcome, Plan, Wanted};
use domain::patch::way_back::WayBack;

use super::super::lock::{self, Lock};
use super::super::root::Root;
use super::super::space::{self, Need};
use super::super::tool::{Finished, Tool, ToolRun};
use super::super::transaction::{self, Backend, Settled, State, Told};
use super::super::{GatherOptions, PackageManager, ScanError};
use super::Sources;
use super::local::Local;
use installed::Installed;
use place::{OwnRepositories, Place};
use settle::{Circumstances, Offered};

/// pacman of one root.
pub struct Pacman<'r> {
    root: &'r Root,
    own: Option<OwnRepositories>,
}

impl<'r> Pacman<'r> {
    pub fn new(root: &'r Root) -> Self {
        Self { root, own: None }
    }

    fn place(&self) -> Result<Place, Failure> {
        Place::find(self.root, self.own.as_ref())
    }

    /// The node's own database folder.
    fn database(&self) -> Result<PathBuf, Failure> {
        Ok(Sources::find(self.root, None)?.1)
    }

    fn installed(&self) -> Result<Installed, Failure> {
        Ok(Installed::of(Local::load(self.root, &self.database()?)?))
    }

    /// Every package that the repositories have.
    fn offered(&self, sources: &Sources) -> Result<Offered, Failure> {
        let mut offered = Offered::new();
        for (repository, list) in sources.config.repositories.iter().zip(&sources.lists) {
            let Some(list) = list else { continue };
            for desc in list.read(self.root, |_| true)? {
                offered.entry(desc.name.clone()).or_insert_with(|| (repository.name.clone(), desc));
            }
        }
        Ok(offered)
    }

    fn settle(
        &self,
        before: &Installed,
        wanted: &[Wanted],
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure> {
        let place = self.place()?;
        let (sources, _) = Sources::find(self.root, self.own.as_ref())?;
        let offered = self.offered(&sources)?;
        place.free_own_database(self.root)?;
        place.take_lists(self.root, &sources)?;
        let at = Circumstances { place: &place, config: &sources.config, offered: &offered, before, limits };
        settle::install(&at, wanted, run)
    }

    fn lock(&self) -> Result<Lock, Failure> {
        Ok(Lock::OpenFile(self.database()?.join("db.lck")))
    }

    fn wait(&self, run: &mut ToolRun) -> Result<(), Failure> {
        lock::wait(self.root, &[self.lock()?], run, "pacman")
    }

    /// Runs a tool that changes something once nobody holds the lock; again when somebody was quicker.
    fn change(&self, tool: &Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
        lock::run_alone(self.root, &[self.lock()?], run, tool, |finished| {
            let is_locked = |told: &Told| told.failure.code == domain::patch::FailureCode::LockHeld;
            !finished.succeeded() && failures::read(finished).iter().any(is_locked)
        })
    }

    fn room_for(&self, plan: &Plan) -> Result<(), Failure> {
        let growth = plan.disk_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        let cache = Sources::find(self.root, None)?.0.config.caches.into_iter().next().unwrap_or_default();
        space::check(&[
            Need { folder: self.root.shown(&cache), bytes: plan.download_bytes.unwrap_or(0) },
            Need { folder: self.root.shown(Path::new("/usr")), bytes: growth },
        ])
    }

    /// What the installed versions have unpacked, without folders.
    fn listed_files(&self, changes: &[Change]) -> Result<Vec<String>, Failure> {
        let database = self.database()?;
        let local = Local::load(self.root, &database)?;
        let mut all = Vec::new();
        for desc in changes.iter().filter_map(|change| local.find(&change.name)) {
            let files = Local::files(self.root, &database, desc)?.unwrap_or_default();
            all.extend(files.into_iter().filter(|file| !file.ends_with('/')));
        }
        Ok(all)
    }

    /// pacman takes what is installed as a file for chosen.
    fn mark_dependencies(&self, names: &[String], run: &mut ToolRun) -> Result<(), Failure> {
        if !names.is_empty() {
            self.change(&self.place()?.mark_dependencies(names), run)?;
        }
        Ok(())
    }
}

impl Pacman<'_> {
    /// An installation that ends where a killed agent would: nothing is judged, cleared up or forgotten. For tests of
    /// [`PackageManager::repair`].
    #[doc(hidden)]
    pub fn begin_and_abandon(&self, wanted: &[Wanted], run: &mut ToolRun) -> Result<(), Failure> {
        let before = self.installed()?;
        let settled = self.settle(&before, wanted, &Limits::default(), run)?;
        let place = self.place()?;
        run.run(&place.download(&settled.arguments))?;
        let files = self.files_of(&place, &settled)?;
        repair::note(self.root, &settled.plan.changes, &before)?;
        run.run(&place.install(&files)).map(drop)
    }

    /// What was downloaded for a plan.
    fn files_of(&self, place: &Place, settled: &Settled) -> Result<Vec<PathBuf>, Failure> {
        settled.plan.changes.iter().map(|change| files::require(self.root, place, change)).collect()
    }
}

impl PackageManager for Pacman<'_> {
    fn replace_repositories(&mut self, sources: &[Source]) -> Result<(), ScanError> {
        self.own = Some(OwnRepositories::write(self.root, sources)?);
        Ok(())
    }

    fn gather(&self, options: &GatherOptions) -> Result<(FactSet, Observation), ScanError> {
        match &self.own {
            Some(own) => super::gather_from(self.root, own, options),
            None => super::gather(self.root, options),
        }
    }

    fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure> {
        Ok(self.settle(&self.installed()?, wanted, limits, run)?.plan)
    }

    fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        let installation = Installation { pacman: self, partial: std::cell::RefCell::default() };
        let mut outcome = transaction::install(&installation, wanted, limits, run)?;
        outcome.warnings.extend(installation.partial.into_inner());
        Ok(outcome)
    }

    fn repair(&self, run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        let before = self.installed()?;
        repair::repair(self, run)?;
        Ok(before.changes_to(&self.installed()?, &[]))
    }

    fn undo(&self, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
        undo::undo(self, changes, run)
    }

    fn blockers(&self, plan: &Plan) -> Vec<Failure> {
        let held = self.lock().ok().and_then(|lock| lock::held(self.root, &[lock]));
        held.into_iter().chain(self.room_for(plan).err()).collect()
    }

    fn files_of(&self, changes: &[Change], _run: &mut ToolRun) -> Vec<String> {
        self.listed_files(changes).unwrap_or_default()
    }

    fn ways_back(&self, changes: &[Change], _run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        undo::ways_back(self, &self.place()?, changes)
    }

    fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        let place = self.place()?;
        place.free_own_database(self.root)?;
        Ok(undo::settle(self, &place, changes, run)?.plan)
    }
}

/// The steps of one installation; their order is `packages::transaction`'s.
struct Installation<'p, 'r> {
    pacman: &'p Pacman<'r>,
    /// What the last plan left behind.
    partial: std::cell::RefCell<Vec<Failure>>,
}

impl Backend for Installation<'_, '_> {
    type State = Installed;

    fn state(&self, _run: &mut ToolRun) -> Result<Installed, Failure> {
        self.pacman.installed()
    }

    fn wait_for_locks(&self, run: &mut ToolRun) -> Result<(), Failure> {
        self.pacman.wait(run)
    }

    fn finish_interrupted(&self, run: &mut ToolRun) -> Result<(), Failure> {
        repair::repair(self.pacman, run)
    }

    fn settle(
        &self,
        before: &Installed,
        wanted: &[Wanted],
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure> {
        let settled = self.pacman.settle(before, wanted, limits, run)?;
        self.partial.replace(settled.plan.warnings.clone());
        Ok(settled)
    }

    fn check_space(&self, plan: &Plan) -> Result<(), Failure> {
        self.pacman.room_for(plan)
    }

    fn download(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let place = self.pacman.place()?;
        place.free_own_database(self.pacman.root)?;
        run.run(&place.download(&settled.arguments))
    }

    fn apply(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let pacman = self.pacman;
        let (place, before) = (pacman.place()?, pacman.installed()?);
        let changes = &settled.plan.changes;
        let found = pacman.files_of(&place, settled)?;
        let dependencies: Vec<String> =
            changes.iter().filter(|change| change.from.is_none()).map(|change| change.name.clone()).collect();
        repair::note(pacman.root, changes, &before)?;
        let finished = pacman.change(&place.install(&found), run)?;
        // Only those that are there: what was refused together with its transaction never came.
        let after = pacman.installed()?;
        let came: Vec<String> = dependencies.into_iter().filter(|name| after.get(name).is_some()).collect();
        pacman.mark_dependencies(&came, run)?;
        repair::forget(pacman.root)?;
        Ok(finished)
    }

    /// From pacman's caches: what is installed was downloaded before.
    fn reinstall(&self, wanted: &[Wanted], run: &mut ToolRun) -> Result<Option<Finished>, Failure> {
        let pacman = self.pacman;
        let place = pacman.place()?;
        let mut found = Vec::new();
        for wanted in wanted {
            found.extend(files::find(pacman.root, &place, &wanted.name, &wanted.version, "")?);
        }
        match found.is_empty() {
            true => Ok(None),
            false => pacman.change(&place.install(&found), run).map(Some),
        }
    }

    /// pacman names packages alone.
    fn full_name(&self, wanted: &Wanted) -> String {
        wanted.name.clone()
    }

    fn succeeded(&self, finished: &Finished) -> bool {
        finished.succeeded()
    }

    fn read(&self, finished: &Finished) -> Vec<Told> {
        failures::read(finished)
    }
}
