//! What an answer means for the step that asked. Source: spec systems-manager 7.2.

use serde_json::{Map, Value, json};

use super::action::Action;
use super::choice::text;
use super::output::property_matches;
use super::progress::{Failure, FailureType, Outcome, Settled, Stage, Status, StepRun, Work};
use super::script::Ended;
use crate::command::CommandStatus;
use crate::ids::{AutomationExecutionId, CommandId};
use api::Timestamp;

/// Between two looks at a property that is waited for; doubled from one second on.
const LONGEST_LOOK_SECONDS: i64 = 30;
/// Of what a webhook answered.
const MOST_TEXT: usize = 200 * 1024;

/// Of an operation: its answer, or the code and message of its refusal.
pub fn answered(step: &StepRun, answer: Result<Value, (String, String)>, now: Timestamp) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err((code, message)) => {
            return Outcome::Failed(Failure::of_refusal(&code, &message), Settled::default());
        }
    };
    let asks = Action::parse(&step.action);
    let settled = Settled { payload: Some(answer.clone()), ..Settled::default() };
    if !matches!(asks, Some(Action::AssertProperty | Action::WaitForProperty)) {
        return Outcome::Success(settled);
    }
    let selector = step.inputs.get("PropertySelector").map(text).unwrap_or_default();
    let desired = step.inputs.get("DesiredValues").cloned().unwrap_or_default();
    match property_matches(&answer, &selector, &desired) {
        Err(reason) => Outcome::Failed(Failure::of_inputs(reason), Settled::default()),
        Ok((true, _)) => Outcome::Success(settled),
        Ok((false, _)) if asks == Some(Action::WaitForProperty) => {
            let looks = if let Work::Call { looks, .. } = step.work { looks } else { 0 };
            let pause = (1_i64 << looks.min(10)).min(LONGEST_LOOK_SECONDS);
            Outcome::NotYet(now.plus_seconds(pause))
        }
        Ok((false, found)) => {
            let message = format!("`{selector}` is {}, not one of {desired}", text(&found));
            let failure = Failure::new(Stage::PostVerification, FailureType::Verification, message);
            Outcome::Failed(failure, settled)
        }
    }
}

/// Of a webhook: the status and the body that it answered with, or why there was none.
pub fn called(step: &StepRun, answer: Result<(u16, String), String>) -> Outcome {
    let (code, body) = match answer {
        Ok(answer) => answer,
        Err(reason) => return Outcome::Failed(Failure::of_action(reason), Settled::default()),
    };
    let body: String = body.chars().take(MOST_TEXT).collect();
    let parsed: Value = serde_json::from_str(&body).unwrap_or_else(|_| Value::String(body.clone()));
    let (outputs, payload) = match Action::parse(&step.action) {
        Some(Action::InvokeFunction) => {
            let payload = json!({"StatusCode": code, "Payload": parsed});
            (json!({"StatusCode": code.to_string(), "Payload": body}), payload)
        }
        _ => (json!({"ResponseCode": code.to_string(), "Response": body}), parsed),
    };
    let outputs = outputs.as_object().cloned().unwrap_or_default();
    let settled = Settled { outputs, payload: Some(payload), response_code: Some(code.to_string()) };
    match code {
        200..=299 => Outcome::Success(settled),
        code => Outcome::Failed(Failure::of_action(format!("the webhook answered {code}")), settled),
    }
}

/// Of a script: what it returned is the step's `Payload`; what it printed, where it did, its `ExecutionLog`.
/// Differs from AWS: there what is printed goes to CloudWatch Logs.
pub fn scripted(ended: Ended, printed: &str) -> Outcome {
    let log = (!printed.is_empty()).then(|| ("ExecutionLog".to_owned(), Value::from(printed)));
    let logged = || Settled { outputs: log.clone().into_iter().collect(), ..Settled::default() };
    match ended {
        Ended::Returned(value) => {
            let mut outputs = Map::from_iter([("Payload".to_owned(), value)]);
            outputs.extend(log);
            let payload = Some(Value::Object(outputs.clone()));
            Outcome::Success(Settled { outputs, payload, response_code: None })
        }
        Ended::Failed(message) => Outcome::Failed(Failure::of_action(message), logged()),
        Ended::Broken(message) => {
            let failure = Failure::new(Stage::Invocation, FailureType::Internal, message);
            Outcome::Failed(failure, logged())
        }
        Ended::TimedOut(message) => Outcome::TimedOut(Failure::of_action(message), logged()),
    }
}

/// Of a command that has ended. `output` is that of its only step on its only node.
pub fn commanded(
    id: &CommandId,
    status: CommandStatus,
    (code, output): (Option<i64>, Option<&str>),
) -> Outcome {
    let mut outputs = Map::from_iter([
        ("CommandId".to_owned(), json!(id.as_str())),
        ("Status".to_owned(), json!(status.as_status_str())),
    ]);
    outputs.extend(code.map(|code| ("ResponseCode".to_owned(), json!(code.to_string()))));
    outputs.extend(output.map(|output| ("Output".to_owned(), json!(output))));
    let response_code = code.map(|code| code.to_string());
    let settled = Settled { outputs, payload: None, response_code };
    let failure = Failure::of_action(format!("the command {id} ended {}", status.as_str()));
    match status {
        CommandStatus::Success => Outcome::Success(settled),
        CommandStatus::ExecutionTimedOut | CommandStatus::DeliveryTimedOut => {
            Outcome::TimedOut(failure, settled)
        }
        _ => Outcome::Failed(failure, settled),
    }
}

/// Of an execution that has ended, with its outputs.
pub fn executed(id: &AutomationExecutionId, status: Status, outputs: &Map<String, Value>) -> Outcome {
    let list: Vec<Value> = outputs.values().map(|value| json!(text(value))).collect();
    let mut shown = Map::from_iter([
        ("ExecutionId".to_owned(), json!(id.as_str())),
        ("Status".to_owned(), json!(status.as_str())),
        ("Output".to_owned(), Value::Array(list)),
    ]);
    // By their names as well, so that a step may name the one that it wants.
    shown.extend(outputs.iter().map(|(name, value)| (name.clone(), value.clone())));
    let settled = Settled { outputs: shown, ..Settled::default() };
    let failure = Failure::of_action(format!("the execution {id} ended {status}"));
    match status {
        Status::Success => Outcome::Success(settled),
        Status::TimedOut => Outcome::TimedOut(failure, settled),
        _ => Outcome::Failed(failure, settled),
    }
}
