//! Executions played to their end: what each step does, and where it goes from there.

use api::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::document::DocumentError;
use crate::ids::{CommandId, StepExecutionId};

mod laws;
mod loops;
mod reading;

const EXECUTION: &str = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
const ME: &str = "arn:aws:iam::123456789012:user/anna";

fn book(document: Value) -> Result<Runbook, DocumentError> {
    Runbook::read(document.as_object().unwrap())
}

fn of_steps(steps: Value) -> Runbook {
    book(json!({"schemaVersion": "0.3", "mainSteps": steps})).unwrap()
}

/// An execution with a clock.
struct Play {
    book: Runbook,
    progress: Progress,
    steps: Vec<StepRun>,
    now: Timestamp,
}

impl Play {
    fn new(book: Runbook) -> Self {
        Self::with(book, &[], Mode::Auto)
    }

    fn with(book: Runbook, given: &[(&str, &str)], mode: Mode) -> Self {
        let given =
            given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        let parameters = book.resolve_parameters(&given).unwrap();
        let (progress, steps) = Progress::new(&book, parameters, mode);
        Self { book, progress, steps, now: Timestamp::from_seconds(1_000_000) }
    }

    fn decide<T>(&mut self, with: impl FnOnce(&Decision<'_>, &mut Progress, &mut Vec<StepRun>) -> T) -> T {
        let names = Names { account: "123456789012", region: "eu-central-1", execution_id: EXECUTION };
        let decision = Decision { book: &self.book, names, now: self.now };
        let outcome = with(&decision, &mut self.progress, &mut self.steps);
        // As the store does it.
        for (place, step) in self.steps.iter_mut().enumerate() {
            step.id.get_or_insert_with(|| StepExecutionId::mint([u8::try_from(place % 256).unwrap(); 16]));
        }
        outcome
    }

    fn next(&mut self) -> Next {
        self.decide(|by, progress, steps| by.next(progress, steps))
    }

    fn settle(&mut self, place: usize, outcome: Outcome) {
        self.decide(|by, progress, steps| by.settle(progress, steps, place, outcome));
    }

    fn signal(&mut self, signal: Signal) -> Result<(), SignalError> {
        self.decide(|by, progress, steps| by.signal(progress, steps, signal))
    }

    fn started(&mut self, place: usize) {
        let id = CommandId::mint([7; 16]);
        self.decide(|by, _, steps| by.started(steps, place, Work::Command(id)));
    }

    fn later(&mut self, seconds: i64) -> Next {
        self.now = self.now.plus_seconds(seconds);
        self.next()
    }

    fn at(&self, seconds: i64) -> Next {
        Next::Wait(Some(self.now.plus_seconds(seconds)))
    }

    fn statuses(&self) -> Vec<(&str, Status)> {
        self.steps.iter().map(|step| (step.name.as_str(), step.status)).collect()
    }
}

fn failed() -> Outcome {
    Outcome::Failed(Failure::of_action("no"), Settled::default())
}

fn done() -> Outcome {
    Outcome::Success(Settled::default())
}

fn sleep(name: &str) -> Value {
    json!({"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT10S"}})
}

fn set(name: &str, variable: &str, value: Value) -> Value {
    json!({"name": name, "action": "aws:updateVariable", "inputs": {"Name": format!("variable:{variable}"), "Value": value}})
}

fn run(name: &str, more: Value) -> Value {
    let mut step = json!({"name": name, "action": "aws:runCommand",
        "inputs": {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["mi-0123456789abcdef0"]}});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

#[test]
fn sleeping_takes_its_time() {
    let mut play = Play::new(of_steps(json!([sleep("a"), sleep("b")])));
    assert_eq!(play.next(), play.at(10));
    assert_eq!(play.next(), play.at(10), "asked again, nothing changes");
    assert_eq!(play.statuses(), [("a", Status::InProgress), ("b", Status::Pending)]);
    assert_eq!(play.progress.status, Status::InProgress);
    assert_eq!(play.later(10), play.at(10));
    assert_eq!(play.later(60), Next::Over);
    assert_eq!(play.progress.status, Status::Success);
    assert_eq!(play.next(), Next::Over);
}

#[test]
fn a_command_is_started_once_and_taken_in() {
    let output = json!({"outputs": ["a.Output", "a.CommandId"], "schemaVersion": "0.3", "mainSteps": [run("a", json!({}))]});
    let mut play = Play::new(book(output).unwrap());
    assert_eq!(play.next(), Next::Do(vec![Act::Start(0)]));
    assert_eq!(play.next(), Next::Do(vec![Act::Start(0)]), "whoever died before it started it left no trace");
    play.started(0);
    assert_eq!(play.next(), play.at(1));
    let id = CommandId::mint([7; 16]);
    play.settle(0, commanded(&id, crate::command::CommandStatus::Success, (Some(0), Some("hello"))));
    assert_eq!(play.next(), Next::Over);
    assert_eq!(play.progress.outputs["a.Output"], json!("hello"));
    assert_eq!(play.steps[0].response_code.as_deref(), Some("0"));
    play.settle(0, failed());
    assert_eq!(play.steps[0].status, Status::Success, "what has ended stays as it is");
}

#[test]
fn failures_go_where_the_step_says() {
    let rows: [(Value, &[&str], Status); 8] = [
        (json!({}), &[], Status::Failed),
        (json!({"onFailure": "Continue"}), &["b", "c"], Status::Success),
        (json!({"onFailure": "Continue", "isCritical": true}), &["b", "c"], Status::Failed),
        (json!({"onFailure": "step:c"}), &["c"], Status::Failed),
        (json!({"onFailure": "step:c", "isCritical": false}), &["c"], Status::Success),
        (json!({"onFailure": "Continue", "nextStep": "c"}), &["c"], Status::Success),
        (json!({"onFailure": "Continue", "isEnd": true}), &[], Status::Success),
        (json!({"isCritical": "false"}), &[], Status::Success),
    ];
    for (more, ran, status) in rows {
        let steps = json!([run("a", more.clone()), sleep("b"), sleep("c")]);
        let mut play = Play::new(of_steps(steps));
        play.next();
        play.started(0);
        play.settle(0, failed());
        while play.later(10) != Next::Over {}
        let found: Vec<&str> = play.steps[1..]
            .iter()
            .filter(|step| step.status == Status::Success)
            .map(|step| step.name.as_str())
            .collect();
        assert_eq!((found.as_slice(), play.progress.status), (ran, status), "{more}");
        assert_eq!(play.progress.failure.is_some(), status == Status::Failed, "{more}");
    }
}

#[test]
fn attempts_are_repeated_after_growing_pauses() {
    let mut play = Play::new(of_steps(json!([run("a", json!({"maxAttempts": 3}))])));
    for pause in [1, 2] {
        assert_eq!(play.next(), Next::Do(vec![Act::Start(0)]));
        play.started(0);
        play.settle(0, failed());
        assert_eq!(play.next(), play.at(pause));
        play.now = play.now.plus_seconds(pause);
    }
    play.next();
    play.started(0);
    play.settle(0, failed());
    assert_eq!(play.next(), Next::Over);
    assert_eq!((play.steps[0].attempts, play.progress.status), (3, Status::Failed));
    let text = play.progress.failure.as_deref().unwrap();
    assert!(text.starts_with("a: The step failed while it ran"), "{text}");
}

#[test]
fn a_time_out_stops_what_was_started() {
    let mut play = Play::new(of_steps(json!([run("a", json!({"timeoutSeconds": 30})), sleep("b")])));
    play.next();
    play.started(0);
    assert_eq!(play.later(20), play.at(2));
    assert_eq!(play.later(10), Next::Do(vec![Act::Stop(0)]));
    play.settle(0, Outcome::Stopped);
    assert_eq!(play.next(), Next::Over);
    assert_eq!(play.steps[0].status, Status::TimedOut);
    assert_eq!(play.progress.status, Status::TimedOut);
}

#[test]
fn branches_choose() {
    let branch = |default: Value| {
        let mut inputs = json!({"Choices": [
            {"NextStep": "b", "Variable": "{{ Os }}", "StringEquals": "Linux"},
            {"NextStep": "c", "Not": {"Variable": "{{ Os }}", "StartsWith": "Win"}}]});
        if !default.is_null() {
            inputs["Default"] = default;
        }
        book(json!({"schemaVersion": "0.3", "parameters": {"Os": {"type": "String"}}, "mainSteps": [
            {"name": "a", "action": "aws:branch", "inputs": inputs},
            {"name": "n", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}, "isEnd": true},
            {"name": "b", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}, "isEnd": true},
            {"name": "c", "action": "aws:sleep", "inputs": {"Timestamp": "1970-01-02T00:00:00Z"}, "isEnd": true}]}))
        .unwrap()
    };
    let rows = [
        ("Linux", Value::Null, "b"),
        ("Mac", Value::Null, "c"),
        ("Windows", Value::Null, "n"),
        ("Windows", json!("c"), "c"),
    ];
    for (os, default, expected) in rows {
        let mut play = Play::with(branch(default), &[("Os", os)], Mode::Auto);
        assert_eq!(play.next(), Next::Over);
        let ran: Vec<&str> = play.steps[1..]
            .iter()
            .filter(|step| step.status == Status::Success)
            .map(|step| step.name.as_str())
            .collect();
        assert_eq!(ran, [expected], "{os}");
    }
}

#[test]
fn variables_keep_their_type() {
    let document = |value: Value| {
        book(json!({"schemaVersion": "0.3", "variables": {"n": {"type": "Integer", "default": 1}},
            "mainSteps": [set("a", "n", value)]}))
        .unwrap()
    };
    let mut play = Play::new(document(json!(5)));
    assert_eq!(play.next(), Next::Over);
    assert_eq!((play.progress.variables["n"].clone(), play.progress.status), (json!(5), Status::Success));
    let mut play = Play::new(document(json!("5")));
    assert_eq!(play.next(), Next::Over);
    assert_eq!((play.progress.variables["n"].clone(), play.progress.status), (json!(1), Status::Failed));
    assert!(play.progress.failure.as_deref().unwrap().contains("`5` is no Integer"));
}

#[test]
fn approvals_are_counted_once_for_each_approver() {
    let steps = json!([{"name": "a", "action": "aws:approve",
        "inputs": {"Approvers": ["anna", "bert", "arn:aws:iam::123456789012:role/ops"], "MinRequiredApprovals": 2}}]);
    let approve = |name: &str| Signal::Approve {
        by: format!("arn:aws:iam::123456789012:user/{name}"),
        comment: String::new(),
    };
    let mut play = Play::new(of_steps(steps.clone()));
    assert_eq!(play.next(), play.at(604_800));
    assert_eq!(play.progress.status, Status::Waiting);
    assert_eq!(
        play.signal(approve("carl")),
        Err(SignalError::NoApprover("arn:aws:iam::123456789012:user/carl".into()))
    );
    assert_eq!(play.signal(Signal::Resume { step: None }), Err(SignalError::NotAwaited("Resume")));
    play.signal(approve("anna")).unwrap();
    play.signal(approve("anna")).unwrap();
    assert_eq!(play.next(), play.at(604_800));
    play.signal(approve("bert")).unwrap();
    assert_eq!(play.next(), Next::Over);
    assert_eq!(play.progress.status, Status::Success);
    assert_eq!(play.steps[0].outputs["ApproverDecisions"].as_array().unwrap().len(), 2);
    assert_eq!(play.signal(approve("bert")), Err(SignalError::NotAwaited("an approval")));

    let mut play = Play::new(of_steps(steps));
    play.next();
    play.signal(Signal::Reject { by: ME.to_owned(), comment: "not today".into() }).unwrap();
    assert_eq!(play.next(), Next::Over);
    assert_eq!(play.steps[0].outputs["ApprovalStatus"], json!("Rejected"));
    assert!(play.progress.failure.as_deref().unwrap().contains("not today"));
}

#[test]
fn a_pause_lasts_until_somebody_resumes() {
    let mut play =
        Play::new(of_steps(json!([{"name": "a", "action": "aws:pause", "inputs": {}}, sleep("b")])));
    assert_eq!(play.next(), Next::Wait(None));
    assert_eq!(play.progress.status, Status::Waiting);
    assert_eq!(
        play.signal(Signal::Resume { step: Some("x".into()) }),
        Err(SignalError::UnknownStep("x".into()))
    );
    assert_eq!(
        play.signal(Signal::Resume { step: Some("b".into()) }),
        Err(SignalError::NotAwaited("Resume"))
    );
    play.signal(Signal::Resume { step: None }).unwrap();
    assert_eq!(play.next(), play.at(10));
}

#[test]
fn interactive_executions_wait_before_each_step() {
    let mut play = Play::with(of_steps(json!([sleep("a"), sleep("b"), sleep("c")])), &[], Mode::Interactive);
    assert_eq!(play.next(), Next::Wait(None));
    assert_eq!((play.progress.status, play.statuses()[0].1), (Status::Waiting, Status::Pending));
    let start = |name: &str| Signal::StartStep { step: Some(name.to_owned()) };
    assert!(matches!(play.signal(start("b")), Err(SignalError::NotAwaited(_))));
    play.signal(start("a")).unwrap();
    assert_eq!(play.next(), play.at(10));
    assert_eq!(play.later(10), Next::Wait(None));
    play.signal(Signal::Resume { step: None }).unwrap();
    assert_eq!(play.next(), play.at(10));
    assert_eq!(play.later(10), play.at(10), "and goes on by itself from there");
}

#[test]
fn a_cancelled_execution_stops_what_runs_and_handles_it() {
    let handler = json!({"name": "h", "action": "aws:runCommand", "isEnd": true,
        "inputs": {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["mi-0123456789abcdef0"]}});
    let steps = json!([run("a", json!({"onCancel": "step:h"})), sleep("b"), handler]);
    let mut play = Play::new(of_steps(steps));
    play.next();
    play.started(0);
    play.next();
    assert!(play.progress.ask_to_stop(StopKind::Cancel));
    assert_eq!(play.next(), Next::Do(vec![Act::Stop(0)]));
    assert_eq!(play.progress.status, Status::Cancelling);
    play.settle(0, Outcome::Stopped);
    assert_eq!(play.next(), Next::Do(vec![Act::Start(2)]));
    play.started(2);
    assert_eq!(play.progress.status, Status::Cancelling);
    // Two minutes are enough.
    assert_eq!(play.later(121), Next::Do(vec![Act::Stop(2)]));
    play.settle(2, Outcome::Stopped);
    assert_eq!(play.next(), Next::Over);
    assert_eq!(play.statuses(), [("a", Status::Cancelled), ("b", Status::Pending), ("h", Status::Cancelled)]);
    assert_eq!(play.progress.status, Status::Cancelled);
    assert!(!play.progress.ask_to_stop(StopKind::Cancel));
}

#[test]
fn a_completed_execution_lets_the_step_end() {
    let mut play = Play::new(of_steps(json!([sleep("a"), sleep("b")])));
    play.next();
    play.progress.ask_to_stop(StopKind::Complete);
    assert_eq!(play.next(), play.at(10));
    assert_eq!(play.later(10), Next::Over);
    assert_eq!(play.statuses(), [("a", Status::Success), ("b", Status::Pending)]);
    assert_eq!(play.progress.status, Status::Cancelled);
}

#[test]
fn one_step_can_be_stopped() {
    let mut play = Play::new(of_steps(json!([run("a", json!({"onFailure": "Continue"})), sleep("b")])));
    play.next();
    play.started(0);
    let id = play.steps[0].id.clone().unwrap().to_string();
    let other = play.steps[1].id.clone().unwrap().to_string();
    assert_eq!(play.signal(Signal::StopStep { id: other }), Err(SignalError::NotRunning("b".into())));
    assert!(matches!(
        play.signal(Signal::StopStep { id: EXECUTION.into() }),
        Err(SignalError::UnknownStep(_))
    ));
    play.signal(Signal::StopStep { id }).unwrap();
    assert_eq!(play.next(), Next::Do(vec![Act::Stop(0)]));
    play.settle(0, Outcome::Stopped);
    assert_eq!(play.next(), play.at(10));
    assert_eq!(play.steps[0].status, Status::Cancelled);
}

#[test]
fn circles_come_to_an_end() {
    let steps = json!([{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}, "nextStep": "b"},
        {"name": "b", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}, "nextStep": "a"}]);
    let mut play = Play::new(of_steps(steps));
    assert_eq!(play.next(), Next::Over);
    assert_eq!((play.progress.status, play.steps.len()), (Status::Failed, 1000));
    assert!(play.progress.failure.as_deref().unwrap().contains("more steps were run"));
}

#[test]
fn properties_are_looked_at_again() {
    let step = |action: &str| {
        of_steps(
            json!([{"name": "a", "action": action, "inputs": {"Service": "ssm", "Api": "DescribeInstanceInformation",
            "PropertySelector": "$.InstanceInformationList[0].PingStatus", "DesiredValues": ["Online"]}}]),
        )
    };
    let answer = |status: &str| json!({"InstanceInformationList": [{"PingStatus": status}]});
    let mut play = Play::new(step("aws:waitForAwsResourceProperty"));
    assert_eq!(play.next(), play.at(3600));
    assert_eq!(play.steps[0].call_at(), Some(play.now));
    for pause in [1, 2, 4] {
        let outcome = answered(&play.steps[0], Ok(answer("ConnectionLost")), play.now);
        play.settle(0, outcome);
        assert_eq!(play.steps[0].call_at(), Some(play.now.plus_seconds(pause)));
    }
    let outcome = answered(&play.steps[0], Ok(answer("Online")), play.now);
    play.settle(0, outcome);
    assert_eq!((play.next(), play.progress.status), (Next::Over, Status::Success));

    let mut play = Play::new(step("aws:assertAwsResourceProperty"));
    play.next();
    let outcome = answered(&play.steps[0], Ok(answer("ConnectionLost")), play.now);
    play.settle(0, outcome);
    assert_eq!((play.next(), play.progress.status), (Next::Over, Status::Failed));
    let text = play.progress.failure.as_deref().unwrap();
    assert!(text.contains("is ConnectionLost, not one of [\"Online\"]"), "{text}");
}

#[test]
fn answers_become_outputs() {
    let steps = json!([{"name": "a", "action": "aws:executeAwsApi",
        "inputs": {"Service": "ssm", "Api": "describe_instance_information"},
        "outputs": [{"Name": "Ids", "Selector": "$.List[*].Id", "Type": "StringList"}]},
        {"name": "b", "action": "aws:runCommand", "inputs": {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["{{ a.Ids }}"]}}]);
    let mut play = Play::new(of_steps(steps.clone()));
    play.next();
    let outcome = answered(&play.steps[0], Ok(json!({"List": [{"Id": "mi-0123456789abcdef0"}]})), play.now);
    play.settle(0, outcome);
    assert_eq!(play.next(), Next::Do(vec![Act::Start(1)]));
    assert_eq!(play.steps[1].inputs["InstanceIds"], json!(["mi-0123456789abcdef0"]));

    let mut play = Play::new(of_steps(steps));
    play.next();
    let outcome = answered(&play.steps[0], Ok(json!({})), play.now);
    play.settle(0, outcome);
    play.next();
    let failure = play.steps[0].failure.clone().unwrap();
    assert_eq!((failure.stage, failure.kind), (Stage::PostVerification, FailureType::Verification));
}

#[test]
fn a_target_at_a_time_and_then_more() {
    let names: Vec<String> = (0..8).map(|n| format!("t{n}")).collect();
    let targets =
        names.iter().map(|name| [("P".to_owned(), vec![name.clone()])].into_iter().collect()).collect();
    let rollout = Rollout { max_concurrency: Some("3".into()), max_errors: Some("1".into()), targets, names };
    let (progress, steps) = rollout.begin();
    let book = of_steps(json!([sleep("a")]));
    let mut play = Play { book, progress, steps, now: Timestamp::from_seconds(1_000_000) };
    let mut begun = Vec::new();
    let mut outcomes = [done(), done(), failed(), done(), failed()].into_iter();
    loop {
        match play.next() {
            Next::Do(acts) => {
                for act in acts {
                    let Act::Start(place) = act else { panic!("{act:?}") };
                    play.started(place);
                    begun.push(place);
                }
            }
            Next::Wait(_) => {
                let open = play.steps.iter().filter(|step| step.status == Status::InProgress).count();
                assert!(
                    open <= 3
                        && open <= play.steps.iter().filter(|step| step.status.is_terminal()).count() + 1
                );
                let place = play.steps.iter().position(|step| step.status == Status::InProgress).unwrap();
                play.settle(place, outcomes.next().unwrap_or(Outcome::Success(Settled::default())));
            }
            Next::Over => break,
        }
    }
    // The second error is one too many: those that run end, and no more are begun.
    assert_eq!(play.progress.status, Status::Failed);
    let not_begun = play.steps.iter().filter(|step| step.status == Status::Cancelled).count();
    assert_eq!((begun.len() + not_begun, not_begun), (8, 1), "{:?}", play.statuses());
    assert!(play.progress.failure.as_deref().unwrap().starts_with("3 of 8 targets"));
}
