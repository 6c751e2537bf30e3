//! What stands around every change: nobody else at work on the packages, and room for what comes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::patch::transaction::Plan;
use domain::patch::{Failure, FailureCode};

use super::super::super::lock::{self, Lock};
use super::super::super::space::{self, Need};
use super::super::super::tool::{Finished, Tool, ToolRun};
use super::super::refresh::{self, Refresh};
use super::{Apt, failures};

/// Slow mirrors are given this long; then the old lists are used.
pub const REFRESH_LIMIT: Duration = Duration::from_secs(300);

/// Another process took a lock between our look and the tool's.
fn came_second(finished: &Finished) -> bool {
    !finished.succeeded()
        && failures::read(finished).iter().any(|told| told.failure.code == FailureCode::LockHeld)
}

impl Apt<'_> {
    fn locks(&self) -> Result<Vec<Lock>, Failure> {
        let settings = self.settings()?;
        let admin = settings.status.parent().unwrap_or(Path::new("/"));
        let mut locks = vec![Lock::Record(admin.join("lock-frontend")), Lock::Record(admin.join("lock"))];
        locks.extend(settings.archives.map(|archives| Lock::Record(archives.join("lock"))));
        Ok(locks)
    }

    pub(super) fn wait(&self, run: &mut ToolRun) -> Result<(), Failure> {
        lock::wait(self.root, &self.locks()?, run, "apt-get")
    }

    /// Runs a tool that changes something once nobody holds a lock; again when somebody was quicker.
    pub(super) fn change(&self, tool: &Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
        lock::run_alone(self.root, &self.locks()?, run, tool, came_second)
    }

    /// Fetches package lists once nobody else does: those of the repositories in use, the node's own or the baseline's.
    pub fn fetch_lists(&self, run: &mut ToolRun) -> Result<Refresh, Failure> {
        let place = self.place(run)?;
        let lists = match &self.own {
            Some(own) => own.lists.clone(),
            None => self.settings()?.lists,
        };
        let tool = place.apt_get().arg("update").at_most(REFRESH_LIMIT);
        let finished =
            lock::run_alone(self.root, &[Lock::Record(lists.join("lock"))], run, &tool, came_second)?;
        let text = |lines: Vec<&str>| lines.join("\n");
        let (out, err) = (text(finished.out().collect()), text(finished.err().collect()));
        Ok(refresh::parse(&out, &err, finished.succeeded()))
    }

    pub(super) fn in_the_way(&self, plan: &Plan) -> Vec<Failure> {
        let held = self.locks().ok().and_then(|locks| lock::held(self.root, &locks));
        held.into_iter().chain(self.room_for(plan).err()).collect()
    }

    pub(super) fn room_for(&self, plan: &Plan) -> Result<(), Failure> {
        let archives = self.settings()?.archives.unwrap_or_else(|| PathBuf::from("/var/cache/apt"));
        let growth = plan.disk_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        space::check(&[
            Need { folder: self.root.shown(&archives), bytes: plan.download_bytes.unwrap_or(0) },
            Need { folder: self.root.shown(Path::new("/usr")), bytes: growth },
        ])
    }
}
