//! An execution that starts others, one for each target, so many at a time, until too many have failed.
//! Source: spec systems-manager 0.8 and 7.3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::advance::{Next, Run};
use super::progress::{Act, Cursor, Progress, Status, StepRun, StopKind, Work};
use super::{Action, Mode};
use crate::rollout::{Batch, Limit, RolloutLimits, RolloutProgress, next_batch};

/// Where the request says nothing.
const MAX_CONCURRENCY: Limit = Limit::Count(10);
const MAX_ERRORS: Limit = Limit::Count(1);

/// The parameters that one target stands for.
pub type TargetValues = BTreeMap<String, Vec<String>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    pub max_concurrency: Option<String>,
    pub max_errors: Option<String>,
    /// One for each of the steps.
    pub targets: Vec<TargetValues>,
    /// What a target is called where it is shown.
    pub names: Vec<String>,
}

impl Rollout {
    fn limits(&self) -> RolloutLimits {
        let limit = |given: &Option<String>, otherwise: Limit| {
            given.as_deref().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
        };
        RolloutLimits {
            max_concurrency: limit(&self.max_concurrency, MAX_CONCURRENCY),
            max_errors: limit(&self.max_errors, MAX_ERRORS),
        }
    }

    /// As they are answered.
    pub fn shown_limits(&self) -> (String, String) {
        let limits = self.limits();
        (limits.max_concurrency.to_string(), limits.max_errors.to_string())
    }

    /// An execution at its beginning.
    pub fn begin(self) -> (Progress, Vec<StepRun>) {
        let step = |name: &String| {
            let mut run = StepRun::pending(name, Action::ExecuteAutomation.as_str());
            run.inputs.insert("Target".to_owned(), json!(name));
            run
        };
        let steps = self.names.iter().map(step).collect();
        let progress = Progress {
            status: Status::Pending,
            mode: Mode::Auto,
            cursor: Cursor::Over,
            parameters: serde_json::Map::new(),
            variables: serde_json::Map::new(),
            outputs: serde_json::Map::new(),
            failure: None,
            verdict: None,
            stop: None,
            released: None,
            rollout: Some(self),
        };
        (progress, steps)
    }
}

impl Run<'_> {
    pub(super) fn next_of_rollout(&mut self, rollout: &Rollout) -> Next {
        if self.progress.status.is_terminal() {
            return Next::Over;
        }
        self.stop_rollout();
        let places = |holds: fn(&StepRun) -> bool| -> Vec<usize> {
            let found = self.steps.iter().enumerate().filter(|(_, run)| holds(run));
            found.map(|(place, _)| place).collect()
        };
        let waiting = places(|run| run.status == Status::Pending);
        let begun = places(|run| run.work == Work::ToStart && !run.status.is_terminal());
        let stopping = places(|run| run.status == Status::Cancelling);
        let running = places(|run| !run.status.is_terminal() && run.status != Status::Pending);
        let failed = places(|run| run.status.is_terminal() && run.status != Status::Success);
        let ended = places(|run| run.status.is_terminal());
        let number = |list: &[usize]| u32::try_from(list.len()).unwrap_or(u32::MAX);
        let mut acts: Vec<Act> = stopping.iter().map(|place| Act::Stop(*place)).collect();
        acts.extend(begun.iter().map(|place| Act::Start(*place)));
        let progress = RolloutProgress {
            targets: number(&(0..self.steps.len()).collect::<Vec<_>>()),
            running: number(&running),
            waiting: number(&waiting),
            errors: number(&failed),
        };
        let limits = rollout.limits();
        // It begins with one, and has at most one more under way than have ended: one, two, four and so on.
        let slow = number(&ended).saturating_add(1);
        let ramped = limits.concurrency(progress.targets).min(slow);
        let limits = RolloutLimits { max_concurrency: Limit::Count(ramped), ..limits };
        match next_batch(&limits, &progress) {
            Batch::Start(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                for place in waiting.iter().take(count) {
                    let run = &mut self.steps[*place];
                    run.status = Status::InProgress;
                    run.started_at = Some(self.by.now);
                    run.attempt_at = Some(self.by.now);
                    run.attempts = 1;
                    run.work = Work::ToStart;
                    acts.push(Act::Start(*place));
                }
            }
            Batch::Stop => waiting.iter().for_each(|place| self.end(*place, Status::Cancelled)),
            Batch::Wait | Batch::Done => {}
        }
        self.progress.status = match &self.progress.stop {
            Some(_) => Status::Cancelling,
            None => Status::InProgress,
        };
        if !acts.is_empty() {
            return Next::Do(acts);
        }
        match self.steps.iter().position(|run| !run.status.is_terminal()) {
            Some(place) => Next::Wait(Some(self.look_again(place))),
            None => {
                self.conclude_rollout();
                Next::Over
            }
        }
    }

    /// No target is begun any more; those under way are told, if that was meant.
    pub(super) fn stop_rollout(&mut self) {
        let Some(stop) = &mut self.progress.stop else { return };
        let tells = stop.kind == StopKind::Cancel && !stop.is_heeded;
        stop.is_heeded = true;
        for place in 0..self.steps.len() {
            let status = self.steps[place].status;
            if status == Status::Pending {
                self.end(place, Status::Cancelled);
            } else if tells {
                self.cancel(place);
            }
        }
    }

    fn conclude_rollout(&mut self) {
        let failed = self.steps.iter().filter(|run| run.status != Status::Success).count();
        self.progress.status = match (&self.progress.stop, failed) {
            (Some(_), _) => Status::Cancelled,
            (None, 0) => Status::Success,
            (None, _) => Status::Failed,
        };
        if self.progress.status == Status::Failed {
            let first = self.steps.iter().find(|run| run.failure.is_some());
            let why = first.and_then(|run| run.failure.as_ref()).map(|failure| failure.message.clone());
            let count = self.steps.len();
            self.progress.failure =
                Some(format!("{failed} of {count} targets did not succeed: {}", why.unwrap_or_default()));
        }
    }
}
