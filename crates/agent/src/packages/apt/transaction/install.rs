//! The steps of an installation through `apt-get`; their order is `packages::transaction`'s.

use domain::patch::Failure;
use domain::patch::transaction::{Limits, Plan, Wanted};

use super::super::super::tool::{Finished, ToolRun};
use super::super::super::transaction::{Backend, Settled, Told};
use super::installed::Installed;
use super::{Apt, failures, plan, repair};

impl Backend for Apt<'_> {
    type State = Installed;

    fn state(&self, _run: &mut ToolRun) -> Result<Installed, Failure> {
        self.installed()
    }

    fn wait_for_locks(&self, run: &mut ToolRun) -> Result<(), Failure> {
        self.wait(run)
    }

    fn finish_interrupted(&self, run: &mut ToolRun) -> Result<(), Failure> {
        repair::repair(self, run).map(drop)
    }

    fn settle(
        &self,
        before: &Installed,
        wanted: &[Wanted],
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure> {
        plan::settle(&self.place(run)?, before, wanted, limits, run)
    }

    fn check_space(&self, plan: &Plan) -> Result<(), Failure> {
        self.room_for(plan)
    }

    fn download(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self.place(run)?.apt_get().args(["--download-only", "--no-remove"]);
        self.change(&settled.complete(tool, "install"), run)
    }

    fn apply(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self.place(run)?.apt_get().arg("--no-remove");
        self.change(&settled.complete(tool, "install"), run)
    }

    fn succeeded(&self, finished: &Finished) -> bool {
        finished.succeeded()
    }

    fn read(&self, finished: &Finished) -> Vec<Told> {
        failures::read(finished)
    }
}
