//! Transactions through zypper: exact versions, judged by rpm's database. Locks of the node are respected; those that
//! keep rejected packages out stand in a file of the agent's own, so that none can stay behind.
//! Source: spec patch-manager 1.7, 2.4.

pub mod failures;
mod place;
pub mod settle;
mod ways_back;

use std::path::PathBuf;
use std::time::Duration;

use domain::baseline::Source;
use domain::patch::transaction::{Change, Limits, Outcome, Plan, Refusal, Wanted};
use domain::patch::way_back::WayBack;
use domain::patch::{Failure, FailureCode};

use super::super::ScanError;
use super::super::lock::{self, Lock};
use super::super::root::Root;
use super::super::space::{self, Need};
use super::super::tool::{Finished, Tool, ToolRun, failure};
use super::super::transaction::{self, Backend, Settled, State, Told};
use super::super::ways_back::before_change;
use super::installed::{self, Leftover, Rpms, nevra_in_messages};
use place::Place;

/// Slow mirrors are given this long; then the old metadata is used.
pub const FETCH_LIMIT: Duration = Duration::from_secs(600);

fn pid_files() -> [Lock; 2] {
    ["/run/zypp.pid", "/var/run/zypp.pid"].map(|path| Lock::PidFile(path.into()))
}

/// Another process took the lock between our look and zypper's.
fn came_second(finished: &Finished) -> bool {
    finished.exit_code() == Some(7)
}

/// `zypper refresh` once no other zypper, nor anything of its libraries, is at work.
pub fn refresh_alone(root: &Root, zypper: Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
    lock::run_alone(root, &pid_files(), run, &zypper.arg("refresh").at_most(FETCH_LIMIT), came_second)
}

/// What a transaction needs to know of the node.
pub struct ZypperTransactions<'r> {
    root: &'r Root,
    own: Option<OwnRepositories>,
}

/// What takes the place of the node's repositories, as the root has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRepositories {
    /// Of `.repo` files.
    pub folder: PathBuf,
    /// Of metadata and packages, since zypper tells repositories apart by their aliases alone.
    pub cache: PathBuf,
}

impl<'r> ZypperTransactions<'r> {
    pub fn new(root: &'r Root) -> Self {
        Self { root, own: None }
    }

    /// See `PackageManager::replace_repositories`.
    pub fn replace_repositories(&mut self, sources: &[Source]) -> Result<OwnRepositories, ScanError> {
        let (folder, _) = super::dnf::write_repositories(self.root, place::REPOSITORIES, sources)?;
        Ok(self.own.insert(OwnRepositories { folder, cache: PathBuf::from(place::CACHE) }).clone())
    }

    pub fn fetch_metadata(&self, run: &mut ToolRun) -> Result<Finished, Failure> {
        refresh_alone(self.root, self.place(&Limits::default())?.zypper(), run)
    }

    pub fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure> {
        let before = self.state(run)?;
        Ok(self.settle(&before, wanted, limits, run)?.plan)
    }

    pub fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        let limited = Limited { zypper: self, limits };
        transaction::install(&limited, wanted, limits, run)
    }

    pub fn repair(&self, run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        let before = self.state(run)?;
        self.wait_for_locks(run)?;
        self.finish_interrupted(run)?;
        Ok(before.changes_to(&self.state(run)?, &[]))
    }

    pub fn ways_back(&self, changes: &[Change], run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        let place = self.place(&Limits::default())?;
        let kept = ways_back::kept(self.root, &place, changes, run)?;
        ways_back::find(&place, changes, &kept, run)
    }

    pub fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        let before = self.state(run)?;
        let place = self.place(&Limits::default())?;
        let kept = ways_back::kept(self.root, &place, changes, run)?;
        Ok(settle::undo(&place, &before, changes, kept, run)?.plan)
    }

    pub fn undo(&self, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
        self.wait_for_locks(run)?;
        let place = self.place(&Limits::default())?;
        let before = self.state(run)?;
        let kept = ways_back::kept(self.root, &place, changes, run)?;
        let undo = settle::undo(&place, &before, changes, kept, run)?;
        let mut failed = undo.plan.refused.clone();
        let mut reason = None;
        if !undo.accepted.is_empty() {
            let finished = self.change(&settle::undo_tool(place.zypper(), &undo), run)?;
            if !self.succeeded(&finished) {
                reason = Some(failures::summary(&finished));
            }
        }
        let after = self.state(&mut run.last_look())?;
        for change in undo.accepted.iter().filter(|change| !installed::is_undone(&after, change)) {
            let detail = "zypper reported success, but the old version is not back".to_owned();
            let failure =
                reason.clone().unwrap_or_else(|| failure(FailureCode::NotInstalled, &change.name, detail));
            failed.push(Refusal { wanted: before_change(change), failure });
        }
        Ok(Outcome { changes: before.changes_to(&after, &[]), failed, ..Outcome::default() })
    }

    pub fn blockers(&self, plan: &Plan) -> Vec<Failure> {
        let space = Limited { zypper: self, limits: &Limits::default() }.check_space(plan);
        lock::held(self.root, &self.locks()).into_iter().chain(space.err()).collect()
    }

    pub fn files_of(&self, changes: &[Change], run: &mut ToolRun) -> Vec<String> {
        self.place(&Limits::default())
            .map(|place| installed::files(place.rpm(), changes, run))
            .unwrap_or_default()
    }

    fn place(&self, limits: &Limits) -> Result<Place, Failure> {
        Place::find(self.root, self.own.as_ref(), limits)
    }

    fn state(&self, run: &mut ToolRun) -> Result<Rpms, Failure> {
        installed::read(self.place(&Limits::default())?.rpm(), run)
    }

    fn locks(&self) -> Vec<Lock> {
        let records = ["/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"];
        pid_files().into_iter().chain(records.map(|path| Lock::Record(path.into()))).collect()
    }

    fn wait_for_locks(&self, run: &mut ToolRun) -> Result<(), Failure> {
        lock::wait(self.root, &self.locks(), run, "zypper")
    }

    fn finish_interrupted(&self, run: &mut ToolRun) -> Result<(), Failure> {
        let place = self.place(&Limits::default())?;
        let again = |left: &[Leftover], run: &mut ToolRun| {
            let newest = left.iter().map(|left| settle::argument(&left.newest));
            let tool = place.zypper().args(["install", "-l", "--force"]).args(newest);
            self.change(&tool, run).map(Some)
        };
        installed::finish_interrupted(|| place.rpm(), &again, run)
    }

    fn settle(
        &self,
        before: &Rpms,
        wanted: &[Wanted],
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure> {
        settle::install(&self.place(limits)?, before, wanted, limits, run)
    }

    /// Done, done but a reboot or a restart of zypper is suggested, done without some repositories, done but a
    /// `%post` failed.
    fn succeeded(&self, finished: &Finished) -> bool {
        matches!(finished.exit_code(), Some(0 | 102 | 103 | 106 | 107))
    }

    /// Runs a tool that changes something once nobody holds a lock; again when somebody was quicker.
    fn change(&self, tool: &Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
        lock::run_alone(self.root, &self.locks(), run, tool, came_second)
    }
}

/// zypper with the locks of one installation.
struct Limited<'a, 'r> {
    zypper: &'a ZypperTransactions<'r>,
    limits: &'a Limits,
}

impl Backend for Limited<'_, '_> {
    type State = Rpms;

    fn state(&self, run: &mut ToolRun) -> Result<Rpms, Failure> {
        self.zypper.state(run)
    }

    fn wait_for_locks(&self, run: &mut ToolRun) -> Result<(), Failure> {
        self.zypper.wait_for_locks(run)
    }

    fn finish_interrupted(&self, run: &mut ToolRun) -> Result<(), Failure> {
        self.zypper.finish_interrupted(run)
    }

    fn settle(
        &self,
        before: &Rpms,
        wanted: &[Wanted],
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure> {
        self.zypper.settle(before, wanted, limits, run)
    }

    fn check_space(&self, plan: &Plan) -> Result<(), Failure> {
        let growth = plan.disk_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        let cache = self.zypper.root.shown("/var/cache/zypp".as_ref());
        space::check(&[
            Need { folder: cache, bytes: plan.download_bytes.unwrap_or(0) },
            Need { folder: self.zypper.root.shown("/usr".as_ref()), bytes: growth },
        ])
    }

    fn download(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self.zypper.place(self.limits)?.zypper().args(["install", "-l", "--download-only"]);
        self.zypper.change(&tool.args(&settled.arguments), run)
    }

    fn apply(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self.zypper.place(self.limits)?.zypper().args(["install", "-l"]);
        self.zypper.change(&tool.args(&settled.arguments), run)
    }

    fn reinstall(&self, wanted: &[Wanted], run: &mut ToolRun) -> Result<Option<Finished>, Failure> {
        let tool = self.zypper.place(self.limits)?.zypper().args(["install", "-l", "--force"]);
        self.zypper.change(&tool.args(wanted.iter().map(settle::argument)), run).map(Some)
    }

    fn full_name(&self, wanted: &Wanted) -> String {
        nevra_in_messages(wanted)
    }

    fn succeeded(&self, finished: &Finished) -> bool {
        self.zypper.succeeded(finished)
    }

    fn read(&self, finished: &Finished) -> Vec<Told> {
        failures::read(finished)
    }
}
