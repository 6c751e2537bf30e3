//! What follows next in an execution: steps that need nobody are done here, and what has to be done outside is returned.
//! Asked again with what came of it, it comes to an end. Source: spec systems-manager 7.1 and 7.3.

use api::Timestamp;
use serde_json::Value;

use super::choice::Condition;
use super::progress::{
    Act, Cursor, Decision, Failure, FailureType, Mode, Outcome, Progress, Settled, Stage, Status, StepRun,
    Work,
};
use super::runbook::MOST_ITERATIONS;

/// Runs of steps in one execution: a runbook may go round in circles.
const MOST_RUNS: usize = 1000;
/// Before the second attempt; doubled before each further one.
const FIRST_PAUSE_SECONDS: i64 = 1;
const LONGEST_PAUSE_SECONDS: i64 = 30;

#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing before this moment; without one, until somebody says something.
    Wait(Option<Timestamp>),
    Do(Vec<Act>),
    Over,
}

/// An execution while it is decided about.
pub(super) struct Run<'a> {
    pub(super) by: &'a Decision<'a>,
    pub(super) progress: &'a mut Progress,
    pub(super) steps: &'a mut Vec<StepRun>,
}

impl Decision<'_> {
    /// Everything up to where something has to be waited for or done.
    pub fn next(&self, progress: &mut Progress, steps: &mut Vec<StepRun>) -> Next {
        let mut run = Run { by: self, progress, steps };
        match run.progress.rollout.clone() {
            Some(rollout) => run.next_of_rollout(&rollout),
            None => run.next(),
        }
    }

    /// Notes that somebody asked for the end, before what came of the work is: what is told to stop ends cancelled, and
    /// not as a failure of its own.
    pub fn heed(&self, progress: &mut Progress, steps: &mut Vec<StepRun>) {
        let mut run = Run { by: self, progress, steps };
        match (run.progress.status.is_terminal(), &run.progress.rollout) {
            (true, _) => {}
            (false, Some(_)) => run.stop_rollout(),
            (false, None) => run.heed_stop(),
        }
    }

    /// Notes that what an act of [`Next::Do`] should start was started.
    pub fn started(&self, steps: &mut [StepRun], place: usize, work: Work) {
        if let Some(step) = steps.get_mut(place) {
            step.status = Status::InProgress;
            step.started_at.get_or_insert(self.now);
            step.work = work;
        }
    }

    /// Notes what came of the work of a step. What has ended before stays as it is.
    pub fn settle(&self, progress: &mut Progress, steps: &mut Vec<StepRun>, place: usize, outcome: Outcome) {
        Run { by: self, progress, steps }.settle(place, outcome);
    }
}

impl Run<'_> {
    fn next(&mut self) -> Next {
        loop {
            if self.progress.status.is_terminal() {
                return Next::Over;
            }
            self.heed_stop();
            let next = match self.progress.cursor.clone() {
                Cursor::Over => {
                    self.conclude();
                    return Next::Over;
                }
                Cursor::Step(name) if self.is_held(&name) => Some(Next::Wait(None)),
                Cursor::Step(name) => {
                    let place = self.begin(&name, None);
                    self.progress.cursor = place.map_or(Cursor::Over, Cursor::Running);
                    None
                }
                Cursor::Running(place) => self.carry_on(place),
            };
            if let Some(next) = next {
                self.progress.status = self.status();
                return next;
            }
        }
    }

    /// Whether somebody has to let the step start.
    fn is_held(&self, name: &str) -> bool {
        let progress = &self.progress;
        progress.mode == Mode::Interactive
            && progress.stop.is_none()
            && progress.released.as_deref() != Some(name)
    }

    fn status(&self) -> Status {
        let waits = match self.progress.running(self.steps) {
            Some(place) => self.steps[place].status == Status::Waiting,
            None => matches!(self.progress.cursor, Cursor::Step(_)),
        };
        match (&self.progress.stop, waits) {
            (Some(_), _) => Status::Cancelling,
            (None, true) => Status::Waiting,
            (None, false) => Status::InProgress,
        }
    }

    /// `None`: something changed, and more may follow.
    fn carry_on(&mut self, place: usize) -> Option<Next> {
        let now = self.by.now;
        let step = self.steps.get(place)?;
        if step.status.is_terminal() {
            self.follow(place);
            return None;
        }
        if step.status == Status::Cancelling {
            return Some(Next::Do(vec![Act::Stop(place)]));
        }
        let ends_at = self.ends_at(place);
        if ends_at.is_some_and(|end| now >= end) {
            self.time_out(place);
            return None;
        }
        let earlier = |at: Timestamp| Some(ends_at.map_or(at, |end| end.min(at)));
        match step.work.clone() {
            Work::Loop { values, pass, at } => self.go_round(place, (values, pass, at)),
            Work::Until(at) if now >= at => {
                self.settle(place, Outcome::Success(Settled::default()));
                None
            }
            Work::Retry(at) if now >= at => {
                self.attempt(place);
                None
            }
            Work::Until(at) | Work::Retry(at) => Some(Next::Wait(earlier(at))),
            Work::ToStart => Some(Next::Do(vec![Act::Start(place)])),
            Work::Command(_) | Work::Execution(_) => Some(Next::Wait(earlier(self.look_again(place)))),
            Work::Signal | Work::Approval(_) | Work::Call { .. } => Some(Next::Wait(ends_at)),
            Work::Nothing => {
                let failure = Failure::new(Stage::Invocation, FailureType::Internal, "nothing was begun");
                self.settle(place, Outcome::Failed(failure, Settled::default()));
                None
            }
        }
    }

    /// What runs long is looked at more seldom.
    pub(super) fn look_again(&self, place: usize) -> Timestamp {
        let began = self.steps[place].attempt_at.unwrap_or(self.by.now);
        let wait = (self.by.now.millis_since(began) / 10).clamp(1_000, 10_000);
        self.by.now.plus_millis(wait)
    }

    /// When the attempt under way has taken too long.
    fn ends_at(&self, place: usize) -> Option<Timestamp> {
        let run = &self.steps[place];
        let step = self.by.book.step(&run.name)?;
        if matches!(run.work, Work::Retry(_)) {
            return None;
        }
        Some(run.attempt_at?.plus_seconds(step.timeout()?))
    }

    fn time_out(&mut self, place: usize) {
        if let Work::Loop { at: Cursor::Running(inner), .. } = self.steps[place].work {
            self.end(inner, Status::Cancelled);
        }
        let run = &mut self.steps[place];
        if matches!(run.work, Work::Command(_) | Work::Execution(_)) {
            run.status = Status::Cancelling;
            run.ends_as = Some(Status::TimedOut);
            return;
        }
        self.settle(place, Outcome::TimedOut(too_long(), Settled::default()));
    }

    fn go_round(
        &mut self,
        place: usize,
        (values, pass, at): (Option<Vec<Value>>, u32, Cursor),
    ) -> Option<Next> {
        let at = match at {
            Cursor::Running(inner) => return self.carry_on(inner),
            Cursor::Step(name) => {
                let value = values.as_ref().and_then(|values| values.get(index(pass)).cloned());
                let parent = super::progress::Parent { place, pass, value };
                match self.begin(&name, Some(parent)) {
                    Some(inner) => Cursor::Running(inner),
                    None => return None,
                }
            }
            Cursor::Over => match self.another_pass(place, values.as_deref(), pass) {
                Ok(Some(first)) => {
                    self.steps[place].work = Work::Loop { values, pass: pass + 1, at: Cursor::Step(first) };
                    return None;
                }
                Ok(None) => {
                    self.settle(place, Outcome::Success(Settled::default()));
                    return None;
                }
                Err(reason) => {
                    self.settle(place, Outcome::Failed(Failure::of_inputs(reason), Settled::default()));
                    return None;
                }
            },
        };
        self.steps[place].work = Work::Loop { values, pass, at };
        None
    }

    /// The first step of the loop, if it is gone through once more after `pass`.
    fn another_pass(
        &self,
        place: usize,
        values: Option<&[Value]>,
        pass: u32,
    ) -> Result<Option<String>, String> {
        let run = &self.steps[place];
        let Some(step) = self.by.book.step(&run.name) else { return Ok(None) };
        let most = run.inputs.get("MaxIterations").and_then(super::requests::whole_number);
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST_ITERATIONS);
        let made = usize::try_from(pass).unwrap_or(usize::MAX);
        let again = match values {
            _ if made >= most.min(MOST_ITERATIONS) => false,
            Some(values) => made < values.len(),
            // The first pass needs no permission: the condition is asked after each.
            None if pass == 0 => true,
            None => {
                let written = step.inputs.get("LoopCondition").cloned().unwrap_or_default();
                let filled = self.fill(&written)?;
                Condition::read(&filled, "LoopCondition").map_err(|error| error.to_string())?.holds()?
            }
        };
        Ok(step.steps.first().filter(|_| again).map(|first| first.name.clone()))
    }

    pub(super) fn settle(&mut self, place: usize, outcome: Outcome) {
        let Some(run) = self.steps.get_mut(place) else { return };
        if run.status.is_terminal() {
            return;
        }
        if run.status == Status::Cancelling {
            match run.ends_as.take() {
                Some(Status::TimedOut) => self.failed(place, Status::TimedOut, too_long()),
                _ => self.end(place, Status::Cancelled),
            }
            return;
        }
        match outcome {
            Outcome::NotYet(due_at) => {
                if let Work::Call { looks, .. } = run.work {
                    run.work = Work::Call { due_at, is_claimed: false, looks: looks.saturating_add(1) };
                }
            }
            Outcome::Stopped => self.end(place, Status::Cancelled),
            Outcome::Success(settled) => {
                self.note(place, settled);
                match self.select_outputs(place) {
                    Ok(()) => self.end(place, Status::Success),
                    Err(reason) => {
                        let stage = Stage::PostVerification;
                        let failure = Failure::new(stage, FailureType::Verification, reason);
                        self.failed(place, Status::Failed, failure);
                    }
                }
            }
            Outcome::Failed(failure, settled) => {
                self.note(place, settled);
                self.failed(place, Status::Failed, failure);
            }
            Outcome::TimedOut(failure, settled) => {
                self.note(place, settled);
                self.failed(place, Status::TimedOut, failure);
            }
        }
    }

    fn note(&mut self, place: usize, settled: Settled) {
        let run = &mut self.steps[place];
        run.outputs.extend(settled.outputs);
        run.payload = settled.payload.or(run.payload.take());
        run.response_code = settled.response_code.or(run.response_code.take());
    }

    fn select_outputs(&mut self, place: usize) -> Result<(), String> {
        let Some(step) = self.by.book.step(&self.steps[place].name) else { return Ok(()) };
        let run = &mut self.steps[place];
        let Some(payload) = &run.payload else { return Ok(()) };
        for output in &step.outputs {
            let value = output.of(payload).map_err(|error| format!("output {}: {error}", output.name))?;
            run.outputs.insert(output.name.clone(), value);
        }
        Ok(())
    }

    /// Another attempt, if the step has one left.
    pub(super) fn failed(&mut self, place: usize, status: Status, failure: Failure) {
        let most = self.by.book.step(&self.steps[place].name).map_or(1, |step| step.max_attempts);
        let run = &mut self.steps[place];
        run.failure = Some(failure);
        let is_final =
            self.progress.rollout.is_some() || self.progress.stop.is_some() || run.attempts >= most;
        if is_final {
            return self.end(place, status);
        }
        let doublings = run.attempts.saturating_sub(1).min(10);
        let pause = (FIRST_PAUSE_SECONDS << doublings).min(LONGEST_PAUSE_SECONDS);
        run.status = Status::InProgress;
        run.work = Work::Retry(self.by.now.plus_seconds(pause));
    }

    pub(super) fn end(&mut self, place: usize, status: Status) {
        let run = &mut self.steps[place];
        if status == Status::Success {
            run.failure = None;
        }
        run.status = status;
        run.finished_at = Some(self.by.now);
    }

    /// What a step asks for that outlives it is told to stop before the step ends.
    pub(super) fn cancel(&mut self, place: usize) {
        let Some(run) = self.steps.get_mut(place) else { return };
        match run.work {
            _ if run.status.is_terminal() || run.status == Status::Cancelling => {}
            Work::Command(_) | Work::Execution(_) => run.status = Status::Cancelling,
            _ => self.end(place, Status::Cancelled),
        }
    }

    /// Whether another run of a step may be begun.
    pub(super) fn has_room(&self) -> bool {
        self.steps.iter().filter(|step| step.status != Status::Pending).count() < MOST_RUNS
    }
}

fn too_long() -> Failure {
    Failure::new(Stage::Invocation, FailureType::Action, "it took longer than its timeoutSeconds")
}

fn index(pass: u32) -> usize {
    usize::try_from(pass.saturating_sub(1)).unwrap_or(usize::MAX)
}
