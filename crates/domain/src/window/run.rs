//! What is to be done next in a run of a window: which work starts, which is cancelled, which ends undone.
//! Whoever carries it out writes the state down first and asks again. Source: spec systems-manager 4.4.

use api::Timestamp;

use super::ExecutionStatus;
use crate::rollout::{Batch, Limit, RolloutLimits, RolloutProgress, next_batch};

/// A run as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub tasks: Vec<RunningTask>,
    pub cutoff_at: Timestamp,
    pub ends_at: Timestamp,
    /// Somebody asked for its cancellation.
    pub is_cancelled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningTask {
    /// Low numbers first.
    pub priority: i32,
    /// CutoffBehavior CANCEL_TASK.
    pub cancels_at_cutoff: bool,
    pub max_concurrency: Limit,
    pub max_errors: Limit,
    pub invocations: Vec<Piece>,
}

/// A piece of work of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which target of the task it belongs to: one target is done with before the next one is begun.
    pub batch: usize,
    pub status: ExecutionStatus,
}

/// Tasks and invocations by their place in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    Start {
        task: usize,
        invocation: usize,
    },
    /// Work that is under way: it is told, and ends later.
    Cancel {
        task: usize,
        invocation: usize,
    },
    /// Without having been started, or without waiting for it any longer.
    End {
        task: usize,
        invocation: usize,
        status: ExecutionStatus,
        reason: Reason,
    },
}

/// Why something ended that nobody finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    CutOff,
    WindowEnded,
    Cancelled,
    TooManyErrors,
}

impl Reason {
    pub fn text(self) -> &'static str {
        match self {
            Self::CutOff => "The cut-off of the maintenance window was reached before this was started.",
            Self::WindowEnded => {
                "The maintenance window ended while this was running; the work itself goes on."
            }
            Self::Cancelled => "The execution was cancelled before this was started.",
            Self::TooManyErrors => "Not started: more targets failed than MaxErrors allows.",
        }
    }
}

impl Run {
    /// Nothing is left to be done or waited for.
    pub fn is_over(&self) -> bool {
        self.tasks.iter().all(RunningTask::is_over)
    }

    /// What the tasks add up to.
    pub fn status(&self, now: Timestamp) -> ExecutionStatus {
        let tasks: Vec<ExecutionStatus> = self.tasks.iter().map(|task| self.status_of(task, now)).collect();
        ExecutionStatus::of_parts(&tasks)
    }

    /// What the invocations of a task add up to. What the cut-off cancelled was not completed in time.
    pub fn status_of(&self, task: &RunningTask, now: Timestamp) -> ExecutionStatus {
        let parts: Vec<ExecutionStatus> = task.invocations.iter().map(|piece| piece.status).collect();
        let status = ExecutionStatus::of_parts(&parts);
        let by_cutoff = task.cancels_at_cutoff && !self.is_cancelled && now >= self.cutoff_at;
        match status {
            ExecutionStatus::Cancelled if by_cutoff => ExecutionStatus::TimedOut,
            status => status,
        }
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize, ExecutionStatus)> {
        let tasks = self.tasks.iter().enumerate();
        tasks.flat_map(|(task, running)| {
            running
                .invocations
                .iter()
                .enumerate()
                .map(move |(invocation, piece)| (task, invocation, piece.status))
        })
    }

    /// Ends what waits; of what runs, that for which `cancels` holds is cancelled.
    fn wind_up(
        &self,
        (status, reason): (ExecutionStatus, Reason),
        cancels: impl Fn(&RunningTask) -> bool,
    ) -> Vec<Act> {
        let act = |(task, invocation, found): (usize, usize, ExecutionStatus)| match found {
            ExecutionStatus::Pending => Some(Act::End { task, invocation, status, reason }),
            ExecutionStatus::InProgress if cancels(&self.tasks[task]) => {
                Some(Act::Cancel { task, invocation })
            }
            _ => None,
        };
        self.places().filter_map(act).collect()
    }

    /// The tasks of the lowest priority that is not done with.
    fn start(&self) -> Vec<Act> {
        let open = || self.tasks.iter().enumerate().filter(|(_, task)| !task.is_over());
        let Some(priority) = open().map(|(_, task)| task.priority).min() else { return Vec::new() };
        let current = open().filter(|(_, task)| task.priority == priority);
        current.flat_map(|(place, task)| task.next(place)).collect()
    }
}

impl RunningTask {
    pub fn is_over(&self) -> bool {
        self.invocations.iter().all(|piece| piece.status.is_terminal())
    }

    fn next(&self, task: usize) -> Vec<Act> {
        let count = |holds: fn(ExecutionStatus) -> bool| {
            let counted = self.invocations.iter().filter(|piece| holds(piece.status)).count();
            u32::try_from(counted).unwrap_or(u32::MAX)
        };
        let progress = RolloutProgress {
            targets: count(|_| true),
            running: count(|status| {
                matches!(status, ExecutionStatus::InProgress | ExecutionStatus::Cancelling)
            }),
            waiting: count(|status| status == ExecutionStatus::Pending),
            errors: count(|status| matches!(status, ExecutionStatus::Failed | ExecutionStatus::TimedOut)),
        };
        let limits = RolloutLimits { max_concurrency: self.max_concurrency, max_errors: self.max_errors };
        let batch =
            self.invocations.iter().find(|piece| !piece.status.is_terminal()).map(|piece| piece.batch);
        let waiting = self.invocations.iter().enumerate();
        let waiting = waiting.filter(|(_, piece)| piece.status == ExecutionStatus::Pending);
        match next_batch(&limits, &progress) {
            Batch::Start(count) => waiting
                .filter(|(_, piece)| Some(piece.batch) == batch)
                .take(usize::try_from(count).unwrap_or(usize::MAX))
                .map(|(invocation, _)| Act::Start { task, invocation })
                .collect(),
            Batch::Stop => waiting
                .map(|(invocation, _)| Act::End {
                    task,
                    invocation,
                    status: ExecutionStatus::Cancelled,
                    reason: Reason::TooManyErrors,
                })
                .collect(),
            Batch::Wait | Batch::Done => Vec::new(),
        }
    }
}

/// Everything that is to be done now. Asked again with the outcome, it comes to an end.
pub fn next_acts(run: &Run, now: Timestamp) -> Vec<Act> {
    if now >= run.ends_at {
        let end = |(task, invocation, found): (usize, usize, ExecutionStatus)| {
            let reason = if found == ExecutionStatus::Pending { Reason::CutOff } else { Reason::WindowEnded };
            let status = ExecutionStatus::TimedOut;
            (!found.is_terminal()).then_some(Act::End { task, invocation, status, reason })
        };
        return run.places().filter_map(end).collect();
    }
    if run.is_cancelled {
        return run.wind_up((ExecutionStatus::Cancelled, Reason::Cancelled), |_| true);
    }
    if now >= run.cutoff_at {
        return run.wind_up((ExecutionStatus::TimedOut, Reason::CutOff), |task| task.cancels_at_cutoff);
    }
    run.start()
}
