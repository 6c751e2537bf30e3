//! Where an execution goes when a step has ended, when somebody stops it, and what it comes to in the end.
//! Source: spec systems-manager 7.1.

use serde_json::Value;

use super::advance::Run;
use super::progress::{Cursor, Status, StopKind, Work};
use super::runbook::{OnFailure, Step};

/// What follows a cancellation may take so long.
const AFTER_CANCEL_SECONDS: i64 = 120;

enum To {
    Step(String),
    /// The list of steps is at its end.
    Done,
    /// Nothing more of the runbook.
    End,
    /// Nothing more, because of a failure.
    Abort,
}

impl Run<'_> {
    /// Moves on from a run that has ended.
    pub(super) fn follow(&mut self, place: usize) {
        let run = self.steps[place].clone();
        let Some(step) = self.by.book.step(&run.name) else {
            self.progress.cursor = Cursor::Over;
            return;
        };
        let failed = run.status != Status::Success;
        let was_cancelled = self.progress.stop.is_some() && run.status == Status::Cancelled;
        if failed && step.is_critical && !was_cancelled {
            self.judge(place, step);
        }
        if let Some(stop) = &mut self.progress.stop
            && (stop.kind == StopKind::Complete || was_cancelled)
        {
            let then = stop.then.take();
            if then.is_some() {
                stop.until = Some(self.by.now.plus_seconds(AFTER_CANCEL_SECONDS));
            }
            self.leave_loop(run.parent.as_ref().map(|parent| parent.place), Status::Cancelled);
            self.progress.cursor = then.map_or(Cursor::Over, Cursor::Step);
            return;
        }
        let to = self.where_to(step, failed, run.goes_to);
        let within = run.parent.map(|parent| parent.place);
        match (to, within) {
            (To::Step(name), None) => self.progress.cursor = Cursor::Step(name),
            (To::Step(name), Some(outer)) => self.set_inner(outer, Cursor::Step(name)),
            (To::Done, Some(outer)) => self.set_inner(outer, Cursor::Over),
            (To::End, outer) => {
                self.leave_loop(outer, Status::Success);
                self.progress.cursor = Cursor::Over;
            }
            (To::Abort, outer) => {
                self.leave_loop(outer, Status::Failed);
                self.progress.cursor = Cursor::Over;
            }
            (To::Done, None) => self.progress.cursor = Cursor::Over,
        }
    }

    fn where_to(&self, step: &Step, failed: bool, branch: Option<String>) -> To {
        let after = || match &step.next_step {
            Some(name) => To::Step(name.clone()),
            None => {
                let beside = self.by.book.beside(&step.name);
                let place = beside.iter().position(|other| other.name == step.name);
                let next = place.and_then(|place| beside.get(place + 1));
                next.map_or(To::Done, |next| To::Step(next.name.clone()))
            }
        };
        match (&step.on_failure, branch) {
            (OnFailure::Abort, _) if failed => To::Abort,
            _ if step.is_end => To::End,
            (OnFailure::Step(name), _) if failed => To::Step(name.clone()),
            (_, Some(name)) if !failed => To::Step(name),
            _ => after(),
        }
    }

    fn set_inner(&mut self, outer: usize, cursor: Cursor) {
        if let Some(Work::Loop { at, .. }) = self.steps.get_mut(outer).map(|step| &mut step.work) {
            *at = cursor;
        }
    }

    /// The loop ends with what was in it.
    fn leave_loop(&mut self, outer: Option<usize>, status: Status) {
        let Some(outer) = outer else { return };
        if status == Status::Failed {
            self.steps[outer].failure = self.steps.last().and_then(|step| step.failure.clone());
        }
        self.end(outer, status);
    }

    /// A critical step that did not succeed decides what becomes of the whole.
    fn judge(&mut self, place: usize, step: &Step) {
        let run = &self.steps[place];
        let aborts = step.on_failure == OnFailure::Abort;
        self.progress.verdict = Some(match run.status {
            Status::TimedOut if aborts => Status::TimedOut,
            Status::Cancelled if aborts => Status::Cancelled,
            _ => Status::Failed,
        });
        let what = match (&run.failure, run.status) {
            (Some(failure), _) => failure.text(),
            (None, status) => format!("it ended {status}"),
        };
        self.progress.failure = Some(format!("{}: {what}", run.name));
    }

    /// What runs is told, once; and once more when what follows a cancellation takes too long.
    pub(super) fn heed_stop(&mut self) {
        let now = self.by.now;
        let running = self.progress.running(self.steps);
        let Some(stop) = &mut self.progress.stop else { return };
        let is_late = stop.until.is_some_and(|until| now >= until);
        let is_new = !stop.is_heeded && stop.kind == StopKind::Cancel;
        stop.is_heeded = true;
        let Some(place) = running else {
            // After a cancellation its handler may come next, and nothing else.
            if is_new || is_late || stop.kind == StopKind::Complete {
                self.progress.cursor = Cursor::Over;
            }
            return;
        };
        if is_new {
            let step = self.by.book.step(&self.steps[place].name);
            stop.then = step.and_then(|step| step.on_cancel.clone());
        } else if is_late {
            stop.then = None;
        }
        if is_new || is_late {
            self.cancel(place);
        }
    }

    /// The end of it all.
    pub(super) fn conclude(&mut self) {
        let outputs = self.by.book.outputs.iter();
        let found = outputs.filter_map(|name| Some((name.clone(), self.lookup(name)?)));
        let found: serde_json::Map<String, Value> = found.collect();
        self.progress.outputs = found;
        self.progress.status = match (&self.progress.stop, self.progress.verdict) {
            (Some(_), _) => Status::Cancelled,
            (None, Some(verdict)) => verdict,
            (None, None) => Status::Success,
        };
    }
}
