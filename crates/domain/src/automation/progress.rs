//! How far an execution came: kept as it stands here, so that whoever finds it can go on.
//! What follows is `advance`'s. Source: spec systems-manager 7.3.

use std::fmt;

use api::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Names, Rollout, Runbook};
use crate::ids::{AutomationExecutionId, CommandId, StepExecutionId};

/// Of executions and of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    Pending,
    InProgress,
    /// For somebody to say something.
    Waiting,
    Success,
    TimedOut,
    Cancelling,
    Cancelled,
    Failed,
}

impl Status {
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::InProgress,
        Self::Waiting,
        Self::Success,
        Self::TimedOut,
        Self::Cancelling,
        Self::Cancelled,
        Self::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Waiting => "Waiting",
            Self::Success => "Success",
            Self::TimedOut => "TimedOut",
            Self::Cancelling => "Cancelling",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::TimedOut | Self::Cancelled | Self::Failed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    #[default]
    Auto,
    /// Every step waits to be started.
    Interactive,
}

/// Where a sequence of steps is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cursor {
    /// This one comes next.
    Step(String),
    /// The run at this place has begun, and may have ended.
    Running(usize),
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopKind {
    /// At once.
    Cancel,
    /// After the step that runs.
    Complete,
}

/// Somebody asked for the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub kind: StopKind,
    /// What ran was told.
    pub is_heeded: bool,
    /// The step to which it goes once what ran has ended.
    pub then: Option<String>,
    /// What follows a cancellation ends by then.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub status: Status,
    pub mode: Mode,
    pub cursor: Cursor,
    pub parameters: Map<String, Value>,
    pub variables: Map<String, Value>,
    pub outputs: Map<String, Value>,
    pub failure: Option<String>,
    /// What the worst critical step makes of the whole.
    pub verdict: Option<Status>,
    pub stop: Option<Stop>,
    /// In interactive mode: the step that may start.
    pub released: Option<String>,
    /// Of an execution that starts others, one for each target, and has no steps of its own.
    pub rollout: Option<Rollout>,
}

/// What a step stands within.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    /// Of the loop's run.
    pub place: usize,
    /// From 1.
    pub pass: u32,
    pub value: Option<Value>,
}

/// One run of a step; of a step that is reached again there are several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRun {
    /// Given by whoever keeps it.
    pub id: Option<StepExecutionId>,
    pub name: String,
    pub action: String,
    pub parent: Option<Parent>,
    pub status: Status,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub attempts: u32,
    pub attempt_at: Option<Timestamp>,
    pub work: Work,
    /// With placeholders filled.
    pub inputs: Map<String, Value>,
    pub outputs: Map<String, Value>,
    /// The whole answer, for steps that have one.
    pub payload: Option<Value>,
    pub response_code: Option<String>,
    pub failure: Option<Failure>,
    /// Where a branch goes.
    pub goes_to: Option<String>,
    /// How it ends once what it started was told to stop.
    pub ends_as: Option<Status>,
}

/// What a run of a step is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    Nothing,
    Until(Timestamp),
    Signal,
    Approval(Vec<Value>),
    /// A command or an execution is to be started.
    ToStart,
    Command(CommandId),
    Execution(AutomationExecutionId),
    /// An operation or a webhook is to be called at `due_at`. Once it `is_claimed` somebody does it, and has died if
    /// nothing was heard by then.
    Call {
        due_at: Timestamp,
        is_claimed: bool,
        looks: u32,
    },
    Retry(Timestamp),
    Loop {
        values: Option<Vec<Value>>,
        pass: u32,
        at: Cursor,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    InputValidation,
    Invocation,
    PostVerification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureType {
    Action,
    Permission,
    Throttling,
    Verification,
    Internal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub stage: Stage,
    pub kind: FailureType,
    pub message: String,
}

impl Failure {
    pub fn new(stage: Stage, kind: FailureType, message: impl Into<String>) -> Self {
        Self { stage, kind, message: message.into() }
    }

    pub fn of_inputs(message: impl Into<String>) -> Self {
        Self::new(Stage::InputValidation, FailureType::Action, message)
    }

    pub fn of_action(message: impl Into<String>) -> Self {
        Self::new(Stage::Invocation, FailureType::Action, message)
    }

    /// For people.
    pub fn text(&self) -> String {
        let phase = match self.stage {
            Stage::InputValidation => "while its inputs were resolved",
            Stage::Invocation => "while it ran",
            Stage::PostVerification => "while its outcome was checked",
        };
        format!("The step failed {phase}: {}", self.message)
    }
}

/// What came of a step's work.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Success(Settled),
    Failed(Failure, Settled),
    TimedOut(Failure, Settled),
    /// Not yet; look again then.
    NotYet(Timestamp),
    /// What ran was told to stop.
    Stopped,
}

/// What is known besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    pub outputs: Map<String, Value>,
    pub payload: Option<Value>,
    pub response_code: Option<String>,
}

/// What is to be done about a run of a step, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A command or an execution.
    Start(usize),
    Stop(usize),
}

impl StepRun {
    pub fn pending(name: impl Into<String>, action: &str) -> Self {
        Self {
            id: None,
            name: name.into(),
            action: action.to_owned(),
            parent: None,
            status: Status::Pending,
            started_at: None,
            finished_at: None,
            attempts: 0,
            attempt_at: None,
            work: Work::Nothing,
            inputs: Map::new(),
            outputs: Map::new(),
            payload: None,
            response_code: None,
            failure: None,
            goes_to: None,
            ends_as: None,
        }
    }

    /// When an operation or a webhook is to be called for it.
    pub fn call_at(&self) -> Option<Timestamp> {
        match self.work {
            Work::Call { due_at, .. } if !self.status.is_terminal() => Some(due_at),
            _ => None,
        }
    }
}

impl Progress {
    /// At the beginning.
    pub fn new(book: &Runbook, parameters: Map<String, Value>, mode: Mode) -> (Self, Vec<StepRun>) {
        let steps = book.steps.iter().map(|step| StepRun::pending(&step.name, step.action.as_str()));
        let first = book.steps.first().map_or(Cursor::Over, |step| Cursor::Step(step.name.clone()));
        let variables = book.variables.iter();
        let progress = Self {
            status: Status::Pending,
            mode,
            cursor: first,
            parameters,
            variables: variables.map(|(name, variable)| (name.clone(), variable.default.clone())).collect(),
            outputs: Map::new(),
            failure: None,
            verdict: None,
            stop: None,
            released: None,
            rollout: None,
        };
        (progress, steps.collect())
    }

    /// The run that is under way, the innermost.
    pub fn running(&self, steps: &[StepRun]) -> Option<usize> {
        let Cursor::Running(place) = self.cursor else { return None };
        match steps.get(place).map(|step| &step.work) {
            Some(Work::Loop { at: Cursor::Running(inner), .. }) => Some(*inner),
            _ => Some(place),
        }
    }

    /// False when it has ended.
    pub fn ask_to_stop(&mut self, kind: StopKind) -> bool {
        if self.status.is_terminal() {
            return false;
        }
        // Who waited for the step to end may still want it to end at once.
        let is_stronger = |stop: &Stop| stop.kind == StopKind::Complete && kind == StopKind::Cancel;
        if self.stop.as_ref().is_none_or(is_stronger) {
            self.stop = Some(Stop { kind, is_heeded: false, then: None, until: None });
            self.status = Status::Cancelling;
        }
        true
    }
}

/// What bears on a decision.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    pub book: &'a Runbook,
    pub names: Names<'a>,
    pub now: Timestamp,
}
