//! Automation: what a runbook says, and what follows next in an execution of it. Doing it, and keeping how far it came, is
//! the server's. Source: spec systems-manager 7.

mod action;
mod advance;
mod begin;
mod choice;
mod declared;
mod describe;
mod fill;
mod flow;
mod outcome;
mod output;
mod progress;
mod requests;
mod rollout;
mod runbook;
mod script;
mod signal;
#[cfg(test)]
mod tests;

pub use action::{Action, Impact, SERVICES, impact};
pub use advance::Next;
pub use choice::Condition;
pub use describe::{shown, texts};
pub use fill::Names;
pub use outcome::{answered, called, commanded, executed, scripted};
pub use output::{Output, OutputError, property_matches};
pub use progress::{
    Act, Cursor, Decision, Failure, FailureType, Mode, Outcome, Parent, Progress, Settled, Stage, Status,
    StepRun, Stop, StopKind, Work,
};
pub use requests::{ApiCall, Invocation, automation, command, invocation};
pub use rollout::{Rollout, TargetValues};
pub use runbook::{OnFailure, Runbook, Step};
pub use script::{Ended, ScriptCall, Source, script_of};
pub use signal::{Signal, SignalError};
