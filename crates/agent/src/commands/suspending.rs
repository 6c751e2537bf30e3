//! Commands that wait for a restart, of the machine or of the agent by another build: journaled first, asked for then.
//! Those that wait for a time are `resting`'s.

use std::collections::BTreeMap;

use api::agent::DocumentStatus;

use super::on_probation::HELD;
use super::resting::{Rest, Resting};
use super::{Commands, Mode, Running};
use crate::journal::{Leftover, Suspension};
use crate::plugins::engine::Restarts;

/// A command that asks for restart after restart is given up.
const MAX_SUSPENSIONS: u32 = 15;

impl Commands {
    pub(super) fn suspend(
        &mut self,
        job_id: &str,
        mut suspension: Suspension,
        (at, restarts): (Option<String>, Restarts),
        running: &Running,
    ) {
        if suspension.times > MAX_SUSPENSIONS {
            let reason = format!("given up: the command asked for a restart {MAX_SUSPENSIONS} times");
            self.finish(job_id, DocumentStatus::Failed, &reason, &[], &running.counts);
            return;
        }
        suspension.restart = match self.scheduled(at.as_deref()) {
            Ok(restart) => restart,
            Err(reason) => {
                let reason = format!("no restart: {reason}");
                return self.finish(job_id, DocumentStatus::Failed, &reason, &[], &running.counts);
            }
        };
        let restart = suspension.restart.clone();
        match (self.journal.suspend(job_id, suspension), restart) {
            (Ok(()), Some(restart)) => self.rest(job_id, Rest { restart, counts: running.counts.clone() }),
            (Ok(()), None) => {
                if restarts == Restarts::AgentOnProbation
                    && let Some(probation) = &mut self.probation
                {
                    probation.worked();
                    // An agent that stops cancels as well, and the build goes on with its command at the next start.
                    if *running.cancel.borrow() && self.mode != Mode::Stopping {
                        self.finish(job_id, DocumentStatus::Cancelled, HELD, &[], &running.counts);
                    }
                    return;
                }
                self.mode = match (self.mode, restarts) {
                    (Mode::Stopping, _) => Mode::Stopping,
                    // A machine that restarts brings its agent back as well.
                    (Mode::Restarting, _) | (_, Restarts::Machine) => Mode::Restarting,
                    (_, Restarts::Agent | Restarts::AgentOnProbation) => Mode::Exchanging,
                };
            }
            (Err(error), _) => {
                let reason = format!("no restart: the journal cannot be written: {error}");
                self.finish(job_id, DocumentStatus::Failed, &reason, &[], &running.counts);
            }
        }
    }

    /// Asks for the restart. When that fails the suspended commands end, and work goes on.
    pub(super) async fn restart_machine(&mut self) {
        self.mode = Mode::Stopping;
        tracing::info!("restarting the machine");
        let command = (self.restart)();
        let program = command.get_program().to_string_lossy().into_owned();
        let status = tokio::process::Command::from(command).status().await;
        let failure = match status {
            Ok(status) if status.success() => return,
            Ok(status) => format!("the restart failed: {program}: {status}"),
            Err(error) => format!("the restart failed: {program}: {error}"),
        };
        tracing::error!(failure);
        self.mode = Mode::Working;
        self.resting = Resting::default();
        for leftover in self.journal.leftovers() {
            if let Leftover::Resume { job_id, .. } = leftover {
                self.finish(&job_id, DocumentStatus::Failed, &failure, &[], &BTreeMap::new());
            }
        }
        self.start_waiting();
    }
}
