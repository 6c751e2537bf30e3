//! Which step of a document runs next, what its exit code means, and what is reported about it.
//! Doing a step belongs to its plugin; journal and sending to `commands`.

use std::path::PathBuf;

use api::Timestamp;
use api::agent::{StepReply, StepStatus};
use domain::object::Stream;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::kept_output::{Destination, put_output, spool};
use super::output::{combined, cut_stream};
use super::process::Ending;
use super::{
    Surroundings, configure_package, download, refresh_association, run_document, script, software_inventory,
    update_agent,
};

pub use crate::platform::EXIT_RESTART;
/// Success, and nothing else of the document is to run.
pub const EXIT_STOP_WITH_SUCCESS: i64 = 168;
/// Failure, and nothing else of the document is to run.
pub const EXIT_STOP_WITH_FAILURE: i64 = 169;
/// Reported for what was killed.
const CODE_KILLED: i64 = 137;

/// One step, ready to run: parameters filled in, precondition decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Key of its result: the name in schema 2.x, the plugin in 1.2.
    pub key: String,
    pub action: String,
    pub gate: Gate,
    /// One in schema 2.x; in 1.2 the plugin runs once for each.
    pub inputs: Vec<Value>,
}

/// What the precondition came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    Run,
    Skip(String),
    Fail(String),
}

/// What a plugin did.
#[derive(Clone, Debug)]
pub struct PluginResult {
    pub ending: Ending,
    pub code: i64,
    pub stdout: String,
    pub stderr: String,
    /// When the restart is to happen that a document asks for which this step runs.
    pub restart_at: Option<String>,
    /// What its code asks to be restarted.
    pub restarts: Restarts,
}

/// What goes down and comes back before a step runs again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restarts {
    #[default]
    Machine,
    /// This program, by another build of it.
    Agent,
    /// This program when its probation is passed; the program before it, when it is not.
    AgentOnProbation,
}

impl PluginResult {
    /// Nothing was done yet, and nothing went wrong.
    pub fn empty() -> Self {
        let (stdout, stderr) = (String::new(), String::new());
        let (restart_at, restarts) = (None, Restarts::Machine);
        Self { ending: Ending::Exited(0), code: 0, stdout, stderr, restart_at, restarts }
    }

    /// It could not be run at all.
    pub fn refused(reason: String) -> Self {
        Self { ending: Ending::Exited(1), code: 1, stderr: reason, ..Self::empty() }
    }
}

/// A document on its way.
pub struct Run<'a> {
    pub surroundings: &'a Surroundings,
    pub job_id: &'a str,
    pub command_id: &'a str,
    /// Further variables for scripts.
    pub environment: Vec<(String, String)>,
    /// Private folder of this command, made and emptied by the plugins.
    pub work_dir: PathBuf,
    /// What the command's steps download, where they do not say otherwise; shared with the documents that it runs.
    pub downloads: PathBuf,
    pub steps: Vec<Step>,
    /// Not 0 after a restart.
    pub first_step: usize,
    /// Results of the steps before the first.
    pub done: Vec<(String, StepReply)>,
    /// How many documents run this one.
    pub depth: u8,
    /// Where all of the output goes, beside what replies carry.
    pub destination: Option<Destination>,
}

/// A finished step, told at once.
#[derive(Debug)]
pub struct StepDone {
    pub job_id: String,
    pub key: String,
    pub reply: StepReply,
}

#[derive(Debug)]
pub enum DocumentEnd {
    /// The results of all steps, in order.
    Finished(Vec<(String, StepReply)>),
    /// The machine must restart, or the agent; then this step runs again.
    Restart {
        next_step: usize,
        done: Vec<(String, StepReply)>,
        /// The step's `restartAt`: when; at once without it.
        at: Option<String>,
        restarts: Restarts,
    },
}

/// What holds for the steps that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rest {
    Run,
    /// Only a `finallyStep` still runs.
    Skip(String),
    Cancelled,
}

/// Runs the steps in order. `now` is asked at each step's start and end.
pub async fn run(
    run: Run<'_>,
    now: fn() -> Timestamp,
    cancel: &mut watch::Receiver<bool>,
    progress: &mpsc::Sender<StepDone>,
) -> DocumentEnd {
    let mut done = run.done.clone();
    let mut rest = Rest::Run;
    for (index, step) in run.steps.iter().enumerate().skip(run.first_step) {
        let started_at = now();
        let (mut at, mut restarts) = (None, Restarts::Machine);
        let (mut reply, next) = match skipped(step, &rest) {
            Some(reply) => (reply, rest),
            None => {
                let mut result = execute(&run, index, step, cancel).await;
                let kept = put_output(&run, index, step, &mut result).await;
                (at, restarts) = (restart_at(step, &result), result.restarts);
                let (status, next) = judge(step, &result, rest);
                let mut reply = step_reply(step, status, result);
                if let Some(place) = kept.and_then(Destination::output) {
                    place.bucket().clone_into(&mut reply.output_s3_bucket_name);
                    reply.output_s3_key_prefix = place.key_prefix(&step.action);
                    reply.step_name.clone_from(&step.key);
                }
                (reply, next)
            }
        };
        rest = next;
        reply.start_date_time = started_at.to_iso_millis();
        reply.end_date_time = now().to_iso_millis();
        let restart = reply.status == StepStatus::SuccessAndReboot;
        if !restart {
            done.push((step.key.clone(), reply.clone()));
        }
        // The receiver is gone only when the agent stops: the journal then tells what happened.
        let _ = progress.send(StepDone { job_id: run.job_id.to_owned(), key: step.key.clone(), reply }).await;
        if restart {
            return DocumentEnd::Restart { next_step: index, done, at, restarts };
        }
    }
    DocumentEnd::Finished(done)
}

/// The reply of a step that does not run.
fn skipped(step: &Step, rest: &Rest) -> Option<StepReply> {
    let (status, reason) = match (rest, &step.gate) {
        (Rest::Cancelled, _) => (StepStatus::Cancelled, "not run: the command was cancelled".to_owned()),
        (Rest::Skip(reason), _) if !is_finally(step) => (StepStatus::Skipped, reason.clone()),
        (_, Gate::Skip(reason)) => (StepStatus::Skipped, reason.clone()),
        (_, Gate::Fail(reason)) => (StepStatus::Failed, reason.clone()),
        (_, Gate::Run) => return None,
    };
    let code = match status {
        StepStatus::Failed => 1,
        StepStatus::Cancelled => CODE_KILLED,
        _ => 0,
    };
    let mut reply = bare_reply(step, status, code);
    reply.output = reason;
    Some(reply)
}

async fn execute(
    run: &Run<'_>,
    index: usize,
    step: &Step,
    cancel: &mut watch::Receiver<bool>,
) -> PluginResult {
    let mut total = PluginResult::empty();
    for (part, inputs) in step.inputs.iter().enumerate() {
        if *cancel.borrow() {
            return PluginResult { ending: Ending::Cancelled, code: CODE_KILLED, ..total };
        }
        let dir = run.work_dir.join(format!("{index}-{part}"));
        let spool = spool(run, index);
        let result = match step.action.as_str() {
            action if script::is(action) => {
                script::run(run, action, (&dir, inputs), spool.as_ref(), cancel).await
            }
            run_document::ACTION => Box::pin(run_document::run(run, &dir, inputs, cancel)).await,
            software_inventory::ACTION => software_inventory::run(run, &dir, inputs, cancel).await,
            refresh_association::ACTION => refresh_association::run(run, inputs).await,
            configure_package::ACTION => Box::pin(configure_package::run(run, inputs, cancel)).await,
            action if update_agent::is(action) => update_agent::run(run, action, inputs).await,
            download::ACTION => Box::pin(download::run(run, inputs, cancel)).await,
            other => PluginResult::refused(format!(
                "plugin {other} is not known to this agent; a newer agent may know it"
            )),
        };
        if let (Some(spool), true) = (&spool, !script::is(&step.action)) {
            spool.add(Stream::Output, &result.stdout);
            spool.add(Stream::Error, &result.stderr);
        }
        total.stdout.push_str(&result.stdout);
        total.stderr.push_str(&result.stderr);
        if result.code != 0 {
            (total.ending, total.code) = (result.ending, result.code);
            (total.restart_at, total.restarts) = (result.restart_at, result.restarts);
        }
        if matches!(result.ending, Ending::Cancelled) || STOPPING.contains(&result.code) {
            break;
        }
    }
    total
}

const STOPPING: [i64; 3] = [EXIT_RESTART, EXIT_STOP_WITH_SUCCESS, EXIT_STOP_WITH_FAILURE];

/// The step's status, and what holds for the following ones.
fn judge(step: &Step, result: &PluginResult, rest: Rest) -> (StepStatus, Rest) {
    match (result.ending, result.code) {
        (Ending::Cancelled, _) => (StepStatus::Cancelled, Rest::Cancelled),
        (Ending::TimedOut, _) | (_, CODE_KILLED) => failed(step, StepStatus::TimedOut, rest),
        (_, 0) if modifier(step, "onSuccess") == Some("exit") => (
            StepStatus::Success,
            Rest::Skip(format!("skipped: step {} ended the document with success", step.key)),
        ),
        (_, 0) => (StepStatus::Success, rest),
        (_, EXIT_RESTART) => (StepStatus::SuccessAndReboot, rest),
        (_, EXIT_STOP_WITH_SUCCESS) => {
            (StepStatus::Success, Rest::Skip(format!("skipped: step {} ended with code 168", step.key)))
        }
        (_, EXIT_STOP_WITH_FAILURE) => {
            (StepStatus::Failed, Rest::Skip(format!("skipped: step {} ended with code 169", step.key)))
        }
        _ => failed(step, StepStatus::Failed, rest),
    }
}

fn failed(step: &Step, status: StepStatus, rest: Rest) -> (StepStatus, Rest) {
    let reason = || format!("skipped: step {} failed", step.key);
    match modifier(step, "onFailure") {
        Some("exit") => (status, Rest::Skip(reason())),
        Some("successAndExit") => (StepStatus::Success, Rest::Skip(reason())),
        _ => (status, rest),
    }
}

fn modifier<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    step.inputs.first()?.get(name)?.as_str()
}

/// The step's own word, else that of the document it runs.
fn restart_at(step: &Step, result: &PluginResult) -> Option<String> {
    let own = modifier(step, "restartAt").map(str::trim).filter(|at| !at.is_empty());
    own.map(str::to_owned).or_else(|| result.restart_at.clone())
}

/// Text or boolean.
fn is_finally(step: &Step) -> bool {
    match step.inputs.first().and_then(|inputs| inputs.get("finallyStep")) {
        Some(Value::Bool(finally)) => *finally,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn step_reply(step: &Step, status: StepStatus, result: PluginResult) -> StepReply {
    let code = match status {
        StepStatus::TimedOut | StepStatus::Cancelled => CODE_KILLED,
        StepStatus::Success => 0,
        StepStatus::Failed if result.code == 0 => 1,
        _ => result.code,
    };
    let mut reply = bare_reply(step, status, code);
    reply.output = combined(&result.stdout, &result.stderr);
    reply.standard_output = cut_stream(&result.stdout);
    reply.standard_error = cut_stream(&result.stderr);
    reply
}

fn bare_reply(step: &Step, status: StepStatus, code: i64) -> StepReply {
    StepReply {
        status,
        code,
        name: step.action.clone(),
        output: String::new(),
        start_date_time: String::new(),
        end_date_time: String::new(),
        output_s3_bucket_name: String::new(),
        output_s3_key_prefix: String::new(),
        step_name: String::new(),
        standard_output: String::new(),
        standard_error: String::new(),
    }
}

#[cfg(all(test, unix))]
#[path = "engine_tests.rs"]
mod tests;
