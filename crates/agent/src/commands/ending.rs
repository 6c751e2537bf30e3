//! How a command ends, and what is said of one that did not end by itself.

use std::collections::BTreeMap;

use api::agent::reply::document_status;
use api::agent::{DocumentStatus, StepReply};

use super::document::{remove_work_dir, work_dir};
use super::on_probation::HELD;
use super::{Commands, Mode, Running};
use crate::journal::{ReplyKind, Suspension};
use crate::plugins::engine::DocumentEnd;

pub(super) const INTERRUPTED: &str = "the agent stopped while this command ran, so it may have been carried out in part. \
                           It is not run again; check the node, then send a new command";
const LOST: &str = "a fault of the agent ended this command; it may have been carried out in part and is not run \
                    again. The agent's log says more";
const STOPPED: &str = "the agent was stopped while this command ran and ended it; \
                       it may have been carried out in part and is not run again";

impl Commands {
    pub(super) fn document_ended(&mut self, ended: Result<(String, DocumentEnd), tokio::task::JoinError>) {
        let (job_id, end) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a command's task ended abnormally");
                self.document_lost(error.id());
                return;
            }
        };
        // Steps report through a channel of their own and may still be in it.
        while let Ok(step) = self.progressed.try_recv() {
            self.step_done(step);
        }
        let Some(running) = self.running.remove(&job_id) else { return };
        match end {
            DocumentEnd::Finished(steps) => self.finished(&job_id, &steps, &running),
            DocumentEnd::Restart { next_step, done, at, restarts } => {
                let times = running.suspensions + 1;
                let suspension = Suspension { next_step, times, done, restart: None };
                self.suspend(&job_id, suspension, (at, restarts), &running);
            }
        }
        self.start_waiting();
    }

    /// A panic in a plugin must not leave its command open.
    fn document_lost(&mut self, task: tokio::task::Id) {
        let lost =
            self.running.iter().find(|(_, running)| running.task == task).map(|(job_id, _)| job_id.clone());
        if let Some((job_id, running)) = lost.and_then(|job_id| self.running.remove_entry(&job_id)) {
            self.finish(&job_id, DocumentStatus::Failed, LOST, &[], &running.counts);
            self.start_waiting();
        }
    }

    fn finished(&mut self, job_id: &str, steps: &[(String, StepReply)], running: &Running) {
        let status = document_status(steps.iter().map(|(_, reply)| &reply.status));
        let is_cancelled = status == DocumentStatus::Cancelled;
        if is_cancelled && self.goes_on_later(job_id) {
            return;
        }
        let (status, trace) = match self.mode {
            Mode::Stopping if is_cancelled => (DocumentStatus::Failed, STOPPED),
            _ if is_cancelled && self.holds(job_id) => (status, HELD),
            _ => (status, running.trace),
        };
        // The stock agent repeats the step only when there is no other.
        let repeated = if running.steps == 1 { steps } else { &[] };
        self.finish(job_id, status, trace, repeated, &running.counts);
    }

    pub(super) fn finish(
        &mut self,
        job_id: &str,
        status: DocumentStatus,
        trace: &str,
        steps: &[(String, StepReply)],
        counts: &BTreeMap<String, u32>,
    ) {
        tracing::info!(%job_id, ?status, trace, "command ended");
        if status == DocumentStatus::Cancelled {
            self.called_off(job_id);
        }
        let content = self.writer.write(status, trace, steps, counts);
        self.report(job_id, content, ReplyKind::Final);
        remove_work_dir(&work_dir(&self.surroundings, job_id));
    }
}
