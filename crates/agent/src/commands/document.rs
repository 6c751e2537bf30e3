//! One command on its task, and the private folder it works in.
//! Whether it may start and what is reported belongs to the file above.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::plan::Plan;
use crate::journal::Suspension;
use crate::plugins::Surroundings;
use crate::plugins::engine::{self, DocumentEnd, Run, StepDone};
use crate::plugins::kept_output::Destination;
use crate::transport::call::now;

/// In its folder: what its steps download.
const DOWNLOADS: &str = "downloads";

/// A command on its task.
pub(super) struct Document {
    pub surroundings: Arc<Surroundings>,
    pub job_id: String,
    pub command_id: String,
    pub plan: Plan,
    pub destination: Option<Destination>,
    pub resume: Suspension,
    pub progress: mpsc::Sender<StepDone>,
}

impl Document {
    pub(super) async fn run(self, mut cancelled: watch::Receiver<bool>) -> (String, DocumentEnd) {
        let work_dir = work_dir(&self.surroundings, &self.job_id);
        let plan = self.plan.resolved_or_failing(&self.surroundings.data_dir).await;
        let run = Run {
            surroundings: &self.surroundings,
            job_id: &self.job_id,
            command_id: &self.command_id,
            environment: plan.environment,
            downloads: work_dir.join(DOWNLOADS),
            work_dir,
            steps: plan.steps,
            first_step: self.resume.next_step,
            done: self.resume.done,
            depth: 0,
            destination: self.destination,
        };
        let end = engine::run(run, now, &mut cancelled, &self.progress).await;
        (self.job_id, end)
    }
}

/// Named by the command id, which is the only part of a job id that differs between a node's commands.
pub(super) fn work_dir(surroundings: &Surroundings, job_id: &str) -> PathBuf {
    let name: String =
        job_id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    surroundings.data_dir.join("work").join(name)
}

pub(super) fn remove_work_dir(path: &Path) {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::debug!(%error, path = %path.display(), "work folder not removed");
        }
        _ => {}
    }
}
