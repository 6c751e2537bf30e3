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
use super::{Surroundings, run_document, script};

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
}

impl PluginResult {
    /// Nothing was done yet, and nothing went wrong.
    pub fn empty() -> Self {
        let (stdout, stderr) = (String::new(), String::new());
        Self { ending: Ending::Exited(0), code: 0, stdout, stderr, restart_at: None }
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
    /// The machine must restart; then this step runs again.
    Restart {
        next_step: usize,
        done: Vec<(String, StepReply)>,
        /// The step's `restartAt`: when; at once without it.
        at: Option<String>,
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
        let mut at = None;
        let (mut reply, next) = match skipped(step, &rest) {
            Some(reply) => (reply, rest),
            None => {
                let mut result = execute(&run, index, step, cancel).await;
                let kept = put_output(&run, index, step, &mut result).await;
                at = restart_at(step, &result);
                let (status, next) = judge(step, &result, rest);
                let mut reply = step_reply(step, status, result);
                if let Some(destination) = kept {
                    destination.bucket().clone_into(&mut reply.output_s3_bucket_name);
                    reply.output_s3_key_prefix = destination.key_prefix(&step.action);
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
            return DocumentEnd::Restart { next_step: index, done, at };
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
            script::ACTION => script::run(run, &dir, inputs, spool.as_ref(), cancel).await,
            run_document::ACTION => Box::pin(run_document::run(run, &dir, inputs, cancel)).await,
            other => PluginResult::refused(format!(
                "plugin {other} is not known to this agent; a newer agent may know it"
            )),
        };
        if let (Some(spool), true) = (&spool, step.action != script::ACTION) {
            spool.add(Stream::Output, &result.stdout);
            spool.add(Stream::Error, &result.stderr);
        }
        total.stdout.push_str(&result.stdout);
        total.stderr.push_str(&result.stderr);
        if result.code != 0 {
            (total.ending, total.code) = (result.ending, result.code);
            total.restart_at = result.restart_at;
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
mod tests {
    use serde_json::json;

    use super::*;

    fn script_step(key: &str, script: &str, inputs: Value) -> Step {
        let mut all = json!({"runCommand": [script]});
        if let (Some(all), Some(extra)) = (all.as_object_mut(), inputs.as_object()) {
            all.extend(extra.clone());
        }
        Step { key: key.into(), action: script::ACTION.into(), gate: Gate::Run, inputs: vec![all] }
    }

    fn surroundings(data_dir: PathBuf) -> Surroundings {
        Surroundings {
            data_dir,
            instance_id: "mi-0123456789abcdef0".into(),
            region: "eu-central-1".into(),
            platform_type: "Linux",
            platform_name: "Debian GNU/Linux".into(),
            platform_version: "12".into(),
            agent_exe: "/usr/bin/fettle-agent".into(),
        }
    }

    struct Outcome {
        end: DocumentEnd,
        told: Vec<String>,
    }

    impl Outcome {
        fn summary(&self) -> Vec<String> {
            let done = match &self.end {
                DocumentEnd::Finished(done) | DocumentEnd::Restart { done, .. } => done,
            };
            done.iter()
                .map(|(key, reply)| format!("{key} {} {}", reply.status.as_str(), reply.code))
                .collect()
        }

        fn reply(&self, index: usize) -> &StepReply {
            match &self.end {
                DocumentEnd::Finished(done) | DocumentEnd::Restart { done, .. } => &done[index].1,
            }
        }
    }

    async fn run_steps(steps: Vec<Step>) -> Outcome {
        let (_keep, mut cancel) = watch::channel(false);
        run_cancellable(steps, &mut cancel).await
    }

    async fn run_cancellable(steps: Vec<Step>, cancel: &mut watch::Receiver<bool>) -> Outcome {
        let dir = tempfile::tempdir().unwrap();
        let surroundings = surroundings(dir.path().to_owned());
        let (sender, mut receiver) = mpsc::channel(100);
        let work_dir = dir.path().join("work");
        let document = Run {
            surroundings: &surroundings,
            job_id: "j-1",
            command_id: "c-1",
            environment: vec![("SSM_name".into(), "value".into())],
            work_dir: work_dir.clone(),
            steps,
            first_step: 0,
            done: vec![],
            depth: 0,
            destination: None,
        };
        let end = run(document, || Timestamp::from_seconds(1_800_000_000), cancel, &sender).await;
        drop(sender);
        let mut told = Vec::new();
        while let Some(step) = receiver.recv().await {
            told.push(format!("{} {}", step.key, step.reply.status.as_str()));
        }
        let left = std::fs::read_dir(&work_dir).map_or(0, Iterator::count);
        assert_eq!(left, 0, "scripts were left behind");
        Outcome { end, told }
    }

    async fn check(steps: Vec<Step>, expected: &[&str]) {
        assert_eq!(run_steps(steps).await.summary(), expected);
    }

    #[tokio::test]
    async fn a_failed_step_does_not_stop_the_next() {
        let steps = vec![script_step("a", "exit 7", json!({})), script_step("b", "true", json!({}))];
        check(steps, &["a Failed 7", "b Success 0"]).await;
    }

    #[tokio::test]
    async fn modifiers_skip_all_but_the_final_step() {
        let cases = [
            ("exit 7", json!({"onFailure": "exit"}), ["a Failed 7", "b Skipped 0", "c Success 0"]),
            ("exit 7", json!({"onFailure": "successAndExit"}), ["a Success 0", "b Skipped 0", "c Success 0"]),
            ("true", json!({"onSuccess": "exit"}), ["a Success 0", "b Skipped 0", "c Success 0"]),
            ("true", json!({"onFailure": "exit"}), ["a Success 0", "b Success 0", "c Success 0"]),
            ("exit 168", json!({}), ["a Success 0", "b Skipped 0", "c Success 0"]),
            ("exit 169", json!({}), ["a Failed 169", "b Skipped 0", "c Success 0"]),
            ("exit 137", json!({}), ["a TimedOut 137", "b Success 0", "c Success 0"]),
        ];
        for (script, inputs, expected) in cases {
            let steps = vec![
                script_step("a", script, inputs),
                script_step("b", "true", json!({})),
                script_step("c", "true", json!({"finallyStep": "true"})),
            ];
            check(steps, &expected).await;
        }
    }

    #[tokio::test]
    async fn a_restart_stops_before_the_step_that_asked() {
        let steps = vec![
            script_step("a", "true", json!({})),
            script_step("b", "exit 194", json!({})),
            script_step("c", "true", json!({})),
        ];
        let outcome = run_steps(steps).await;
        assert!(matches!(outcome.end, DocumentEnd::Restart { next_step: 1, .. }));
        assert_eq!(outcome.summary(), ["a Success 0"]);
        assert_eq!(outcome.told, ["a Success", "b SuccessAndReboot"]);
    }

    #[tokio::test]
    async fn preconditions_and_unknown_plugins() {
        let mut skipped = script_step("a", "true", json!({}));
        skipped.gate = Gate::Skip("platformType is not Windows".into());
        let mut broken = script_step("b", "true", json!({}));
        broken.gate = Gate::Fail("operator Like is not known".into());
        let mut unknown = script_step("c", "true", json!({}));
        unknown.action = "aws:teleport".into();
        let outcome = run_steps(vec![skipped, broken, unknown]).await;
        assert_eq!(outcome.summary(), ["a Skipped 0", "b Failed 1", "c Failed 1"]);
        assert_eq!(outcome.reply(0).output, "platformType is not Windows");
        assert!(outcome.reply(2).standard_error.contains("aws:teleport"));
    }

    #[tokio::test]
    async fn a_cancelled_command_runs_nothing_more() {
        let (sender, mut cancel) = watch::channel(false);
        let steps = vec![
            script_step("a", "sleep 300", json!({})),
            script_step("b", "true", json!({"finallyStep": true})),
        ];
        let (outcome, ()) = tokio::join!(run_cancellable(steps, &mut cancel), async {
            sender.send_replace(true);
        });
        assert_eq!(outcome.summary(), ["a Cancelled 137", "b Cancelled 137"]);
    }

    #[tokio::test]
    async fn scripts_see_their_surroundings_and_input() {
        let script = r#"echo "$AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME $SSM_COMMAND_ID $FETTLE_AGENT_EXE $COLOUR $SSM_name $0"; pwd; echo warn >&2"#;
        let step = script_step(
            "a",
            script,
            json!({"workingDirectory": "/", "environment": {"COLOUR": "blue", "SSM_COMMAND_ID": "forged"}}),
        );
        let outcome = run_steps(vec![step]).await;
        let reply = outcome.reply(0);
        assert!(
            reply
                .standard_output
                .starts_with("mi-0123456789abcdef0 eu-central-1 c-1 /usr/bin/fettle-agent blue value /")
        );
        assert!(reply.standard_output.ends_with("_script.sh\n/\n"), "{}", reply.standard_output);
        assert!(reply.output.ends_with("\n----------ERROR-------\nwarn\n"));
    }

    #[tokio::test]
    async fn properties_of_one_plugin_run_in_turn() {
        let mut step = script_step("aws:runShellScript", "echo one", json!({}));
        step.inputs.push(json!({"runCommand": ["echo two; exit 3"]}));
        let outcome = run_steps(vec![step]).await;
        assert_eq!(outcome.summary(), ["aws:runShellScript Failed 3"]);
        assert_eq!(outcome.reply(0).standard_output, "one\ntwo\n");
    }

    #[tokio::test]
    async fn steps_that_cannot_start_say_why() {
        let missing_dir = script_step("a", "true", json!({"workingDirectory": "/no/such/dir"}));
        let mut no_commands = script_step("b", "true", json!({}));
        no_commands.inputs = vec![json!({})];
        let outcome = run_steps(vec![missing_dir, no_commands]).await;
        assert_eq!(outcome.summary(), ["a Failed 1", "b Failed 1"]);
        assert!(outcome.reply(0).standard_error.contains("/no/such/dir"));
        assert!(outcome.reply(1).standard_error.contains("runCommand"));
    }
}
