//! Transactions through dnf, or through yum where a node has no dnf: exact versions, judged by rpm's database.
//! yum's commands are written after its manual and were not run: the beds have dnf 4.

pub mod failures;
mod place;
mod settle;
pub mod table;
mod ways_back;

pub(super) use place::write_repositories;

use std::path::{Path, PathBuf};
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
use super::installed::{self, Leftover, Rpms, nevra, nevra_in_messages};
use place::Place;

/// Slow mirrors are given this long; then the old metadata is used.
pub const FETCH_LIMIT: Duration = Duration::from_secs(600);

/// What keeps others from fetching metadata into these folders. dnf and yum 3 themselves would wait without end.
pub fn metadata_locks(cache_folders: &[String]) -> Vec<Lock> {
    let folders = cache_folders.iter().filter(|folder| !folder.contains('$'));
    let of_dnf = folders.map(|folder| Path::new(folder).join("metadata_lock.pid"));
    let of_yum = ["/run/yum.pid", "/var/run/yum.pid"].map(PathBuf::from);
    of_dnf.chain(of_yum).map(Lock::PidFile).collect()
}

/// What a transaction needs to know of the node.
pub struct DnfTransactions<'r> {
    root: &'r Root,
    /// Repositories in place of the node's own: a folder and the ids in it, as the root has them.
    own: Option<(std::path::PathBuf, Vec<String>)>,
}

impl<'r> DnfTransactions<'r> {
    pub fn new(root: &'r Root) -> Self {
        Self { root, own: None }
    }

    /// See `PackageManager::replace_repositories`. Gives the folder of `.repo` files, as the root has it.
    pub fn replace_repositories(&mut self, sources: &[Source]) -> Result<std::path::PathBuf, ScanError> {
        let own = place::write_repositories(self.root, place::REPOSITORIES, sources)?;
        Ok(self.own.insert(own).0.clone())
    }

    pub fn fetch_metadata(&self, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self.place()?.dnf().args(["-y", "makecache"]).at_most(FETCH_LIMIT);
        lock::run_alone(self.root, &metadata_locks(&["/var/cache/dnf".to_owned()]), run, &tool, came_second)
    }

    pub fn plan(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Plan, Failure> {
        let before = self.state(run)?;
        Ok(self.settle(&before, wanted, limits, run)?.plan)
    }

    pub fn install(&self, wanted: &[Wanted], limits: &Limits, run: &mut ToolRun) -> Result<Outcome, Failure> {
        transaction::install(self, wanted, limits, run)
    }

    pub fn repair(&self, run: &mut ToolRun) -> Result<Vec<Change>, Failure> {
        let before = self.state(run)?;
        self.wait_for_locks(run)?;
        self.finish_interrupted(run)?;
        Ok(before.changes_to(&self.state(run)?, &[]))
    }

    pub fn ways_back(&self, changes: &[Change], run: &mut ToolRun) -> Result<Vec<WayBack>, Failure> {
        let place = self.place()?;
        let kept = ways_back::kept(self.root, &place, changes, run)?;
        ways_back::find(&place, changes, &kept, run)
    }

    pub fn undo_plan(&self, changes: &[Change], run: &mut ToolRun) -> Result<Plan, Failure> {
        let place = self.place()?;
        let before = self.state(run)?;
        let kept = ways_back::kept(self.root, &place, changes, run)?;
        Ok(settle::undo(&place, &before, changes, kept, run)?.plan)
    }

    pub fn undo(&self, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
        let place = self.place()?;
        self.wait_for_locks(run)?;
        let before = self.state(run)?;
        let kept = ways_back::kept(self.root, &place, changes, run)?;
        let undo = settle::undo(&place, &before, changes, kept, run)?;
        let mut failed = undo.plan.refused.clone();
        let mut reason = None;
        for (command, arguments) in undo.commands() {
            let tool = place.dnf().args(["-y", command]).args(arguments);
            let finished = self.change(&tool, run)?;
            if !finished.succeeded() {
                reason = reason.or_else(|| Some(failures::summary(&finished)));
            }
        }
        let after = self.state(&mut run.last_look())?;
        for change in &undo.accepted {
            if !installed::is_undone(&after, change) {
                let detail = "the tool reported success, but the old version is not back".to_owned();
                let failure = reason
                    .clone()
                    .unwrap_or_else(|| failure(FailureCode::NotInstalled, &change.name, detail));
                failed.push(Refusal { wanted: before_change(change), failure });
            }
        }
        Ok(Outcome { changes: before.changes_to(&after, &[]), failed, ..Outcome::default() })
    }

    pub fn blockers(&self, plan: &Plan) -> Vec<Failure> {
        lock::held(self.root, &self.locks()).into_iter().chain(self.check_space(plan).err()).collect()
    }

    pub fn files_of(&self, changes: &[Change], run: &mut ToolRun) -> Vec<String> {
        self.place().map(|place| installed::files(place.rpm(), changes, run)).unwrap_or_default()
    }

    fn place(&self) -> Result<Place, Failure> {
        Place::find(self.root, self.own.as_ref())
    }

    fn locks(&self) -> Vec<Lock> {
        let pid_files = [
            "/run/yum.pid",
            "/var/run/yum.pid",
            "/var/lib/dnf/rpmdb_lock.pid",
            "/var/cache/dnf/download_lock.pid",
            "/var/cache/dnf/metadata_lock.pid",
        ];
        let records = ["/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"];
        let pid_files = pid_files.into_iter().map(|path| Lock::PidFile(path.into()));
        pid_files.chain(records.into_iter().map(|path| Lock::Record(path.into()))).collect()
    }

    /// Runs a tool that changes something once nobody holds a lock; again when somebody was quicker.
    fn change(&self, tool: &Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
        lock::run_alone(self.root, &self.locks(), run, tool, came_second)
    }
}

/// Another process took a lock between our look and the tool's.
pub fn came_second(finished: &Finished) -> bool {
    !finished.succeeded()
        && failures::read(finished).iter().any(|told| told.failure.code == FailureCode::LockHeld)
}

impl Backend for DnfTransactions<'_> {
    type State = Rpms;

    fn state(&self, run: &mut ToolRun) -> Result<Rpms, Failure> {
        installed::read(self.place()?.rpm(), run)
    }

    fn wait_for_locks(&self, run: &mut ToolRun) -> Result<(), Failure> {
        lock::wait(self.root, &self.locks(), run, "dnf")
    }

    fn finish_interrupted(&self, run: &mut ToolRun) -> Result<(), Failure> {
        let place = self.place()?;
        let again = |left: &[Leftover], run: &mut ToolRun| {
            if !place.removes_duplicates() {
                return Ok(None);
            }
            let names = left.iter().map(|left| format!("{}.{}", left.newest.name, left.newest.arch));
            let tool = place.dnf().args(["-y", "remove", "--duplicates"]).args(names);
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
        settle::install(&self.place()?, before, wanted, limits, run)
    }

    fn check_space(&self, plan: &Plan) -> Result<(), Failure> {
        let growth = plan.disk_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        space::check(&[
            Need {
                folder: self.root.shown("/var/cache/dnf".as_ref()),
                bytes: plan.download_bytes.unwrap_or(0),
            },
            Need { folder: self.root.shown("/usr".as_ref()), bytes: growth },
        ])
    }

    fn download(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self.place()?.dnf().args(["-y", "--downloadonly"]);
        self.change(&settled.complete(tool, "install"), run)
    }

    fn apply(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        self.change(&settled.complete(self.place()?.dnf().arg("-y"), "install"), run)
    }

    fn reinstall(&self, wanted: &[Wanted], run: &mut ToolRun) -> Result<Option<Finished>, Failure> {
        let tool = self.place()?.dnf().args(["-y", "reinstall"]).args(wanted.iter().map(argument));
        self.change(&tool, run).map(Some)
    }

    fn full_name(&self, wanted: &Wanted) -> String {
        nevra_in_messages(wanted)
    }

    fn succeeded(&self, finished: &Finished) -> bool {
        finished.succeeded()
    }

    fn read(&self, finished: &Finished) -> Vec<Told> {
        failures::read(finished)
    }
}

/// `name-version.arch` of what is wanted.
fn argument(wanted: &Wanted) -> String {
    nevra(&wanted.name, &wanted.version, &wanted.arch)
}
