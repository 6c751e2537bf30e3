//! What people say to an execution: approvals, going on, starting and stopping steps.
//! Source: spec systems-manager 7.3; API reference, SendAutomationSignal.

use serde_json::{Map, Value, json};

use super::advance::Run;
use super::choice::text;
use super::progress::{
    Cursor, Decision, Failure, FailureType, Mode, Outcome, Progress, Settled, Stage, Status, StepRun, Work,
};
use super::requests::whole_number;

/// Of one step.
const MOST_APPROVERS: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// By whom: an ARN.
    Approve {
        by: String,
        comment: String,
    },
    Reject {
        by: String,
        comment: String,
    },
    Resume {
        step: Option<String>,
    },
    StartStep {
        step: Option<String>,
    },
    /// The id of a run of a step.
    StopStep {
        id: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    #[error("the execution does not wait for {0}")]
    NotAwaited(&'static str),
    #[error("`{0}` is not among the approvers")]
    NoApprover(String),
    #[error("there is no step `{0}`")]
    UnknownStep(String),
    #[error("the step `{0}` is not running")]
    NotRunning(String),
}

impl Decision<'_> {
    pub fn signal(
        &self,
        progress: &mut Progress,
        steps: &mut Vec<StepRun>,
        signal: Signal,
    ) -> Result<(), SignalError> {
        let mut run = Run { by: self, progress, steps };
        match signal {
            Signal::Approve { by, comment } => run.decide(&by, &comment, "Approve"),
            Signal::Reject { by, comment } => run.decide(&by, &comment, "Reject"),
            Signal::Resume { step } => run.resume(step.as_deref()),
            Signal::StartStep { step } => run.start_step(step.as_deref()),
            Signal::StopStep { id } => run.stop_step(&id),
        }
    }
}

impl Run<'_> {
    fn decide(&mut self, by: &str, comment: &str, decision: &str) -> Result<(), SignalError> {
        let awaited = SignalError::NotAwaited("an approval");
        let place = self.progress.running(self.steps).ok_or_else(|| awaited.clone())?;
        let run = &mut self.steps[place];
        let Work::Approval(decisions) = &mut run.work else { return Err(awaited) };
        if run.status != Status::Waiting {
            return Err(awaited);
        }
        let approvers = approvers(&run.inputs).unwrap_or_default();
        if !approvers.iter().any(|approver| is_named(approver, by)) {
            return Err(SignalError::NoApprover(by.to_owned()));
        }
        // Who decides twice has changed their mind, and counts once.
        decisions.retain(|made| made.get("approver").and_then(Value::as_str) != Some(by));
        decisions.push(json!({"approver": by, "decision": decision, "comment": comment,
            "time": self.by.now.to_iso_seconds()}));
        let count = decisions.iter().filter(|made| made.get("decision") == Some(&json!("Approve"))).count();
        let status = if decision == "Reject" { "Rejected" } else { "Approved" };
        let needed = approvals_needed(&run.inputs).unwrap_or(usize::MAX);
        let settled = Settled {
            outputs: Map::from_iter([
                ("ApprovalStatus".to_owned(), json!(status)),
                ("ApproverDecisions".to_owned(), json!(decisions)),
            ]),
            ..Settled::default()
        };
        if decision == "Reject" {
            run.outputs.extend(settled.outputs);
            let message = format!("{by} rejected it: {comment}");
            run.failure = Some(Failure::new(Stage::Invocation, FailureType::Action, message));
            // Asking again would not change the answer.
            self.end(place, Status::Failed);
        } else if count >= needed {
            self.settle(place, Outcome::Success(settled));
        }
        Ok(())
    }

    fn resume(&mut self, step: Option<&str>) -> Result<(), SignalError> {
        self.check_name(step)?;
        let awaited = SignalError::NotAwaited("Resume");
        if let Some(place) = self.progress.running(self.steps) {
            let run = &self.steps[place];
            let is_meant = step.is_none_or(|name| name == run.name);
            if run.work != Work::Signal || run.status != Status::Waiting || !is_meant {
                return Err(awaited);
            }
            self.settle(place, Outcome::Success(Settled::default()));
            return Ok(());
        }
        if self.progress.mode != Mode::Interactive || self.progress.status.is_terminal() {
            return Err(awaited);
        }
        self.progress.mode = Mode::Auto;
        Ok(())
    }

    fn start_step(&mut self, step: Option<&str>) -> Result<(), SignalError> {
        self.check_name(step)?;
        match &self.progress.cursor {
            Cursor::Step(next)
                if self.progress.mode == Mode::Interactive && step.is_none_or(|name| name == next) =>
            {
                self.progress.released = Some(next.clone());
                Ok(())
            }
            _ => Err(SignalError::NotAwaited("StartStep of this step")),
        }
    }

    fn stop_step(&mut self, id: &str) -> Result<(), SignalError> {
        let has_id = |run: &StepRun| run.id.as_ref().is_some_and(|own| own.as_str() == id);
        let place = self.steps.iter().position(has_id);
        let place = place.ok_or_else(|| SignalError::UnknownStep(id.to_owned()))?;
        if self.progress.rollout.is_none() && self.progress.running(self.steps) != Some(place) {
            return Err(SignalError::NotRunning(self.steps[place].name.clone()));
        }
        self.cancel(place);
        Ok(())
    }

    fn check_name(&self, step: Option<&str>) -> Result<(), SignalError> {
        match step.filter(|name| self.by.book.step(name).is_none()) {
            None => Ok(()),
            Some(name) => Err(SignalError::UnknownStep(name.to_owned())),
        }
    }
}

pub(super) fn approvers(inputs: &Map<String, Value>) -> Result<Vec<String>, String> {
    let given: Vec<String> = match inputs.get("Approvers") {
        Some(Value::Array(list)) => list.iter().map(text).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    match given.len() {
        1..=MOST_APPROVERS => Ok(given),
        count => Err(format!("Approvers: 1 to {MOST_APPROVERS} are expected, not {count}")),
    }
}

pub(super) fn approvals_needed(inputs: &Map<String, Value>) -> Result<usize, String> {
    let Some(given) = inputs.get("MinRequiredApprovals").filter(|value| !value.is_null()) else {
        return Ok(1);
    };
    let count = whole_number(given).and_then(|count| usize::try_from(count).ok());
    let most = approvers(inputs)?.len();
    count.filter(|count| (1..=most).contains(count)).ok_or_else(|| {
        format!("MinRequiredApprovals: expected 1 to {most}, the number of approvers, not {}", text(given))
    })
}

/// An approver is named by ARN, by the user's name, or by the ARN of the role that is assumed.
fn is_named(approver: &str, caller: &str) -> bool {
    let resource = caller.rsplit_once(':').map_or(caller, |(_, resource)| resource);
    if approver == caller || resource == approver {
        return true;
    }
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["user", .., name] => *name == approver,
        ["assumed-role", role, _] => {
            approver.rsplit_once(":role/").is_some_and(|(_, path)| path.rsplit('/').next() == Some(role))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approvers_are_known_by_several_names() {
        let role = "arn:aws:sts::123456789012:assumed-role/ops/anna";
        let rows = [
            ("arn:aws:iam::123456789012:user/anna", "arn:aws:iam::123456789012:user/anna", true),
            ("anna", "arn:aws:iam::123456789012:user/team/anna", true),
            ("root", "arn:aws:iam::123456789012:root", true),
            ("arn:aws:iam::123456789012:role/team/ops", role, true),
            ("anna", role, false),
            ("ann", "arn:aws:iam::123456789012:user/anna", false),
            ("", "arn:aws:iam::123456789012:user/anna", false),
        ];
        for (approver, caller, expected) in rows {
            assert_eq!(is_named(approver, caller), expected, "{approver} {caller}");
        }
    }
}
