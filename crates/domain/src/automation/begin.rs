//! Beginning a step: its inputs are filled in, and whatever needs nobody is done at once.
//! Source: spec systems-manager 7.1 and 7.2.

use api::Timestamp;
use serde_json::{Map, Value};

use super::action::Action;
use super::advance::Run;
use super::choice::{Condition, text};
use super::declared::is_of;
use super::fill::fill;
use super::progress::{Cursor, Failure, FailureType, Outcome, Parent, Settled, Stage, Status, StepRun, Work};
use super::requests::{self, whole_number};
use super::runbook::{MOST_ITERATIONS, Step};

/// Of aws:sleep.
const LONGEST_SLEEP_SECONDS: i64 = 604_799;

impl Run<'_> {
    /// The place of the new run of the step; `None` when the execution must end here.
    pub(super) fn begin(&mut self, name: &str, parent: Option<Parent>) -> Option<usize> {
        let Some(step) = self.by.book.step(name) else {
            return self.give_up(format!("{name}: the runbook has no such step"));
        };
        if !self.has_room() {
            return self.give_up(format!("{name}: more steps were run than an execution may have"));
        }
        // The first run of a step stands in the list from the beginning.
        let listed = |run: &StepRun| parent.is_none() && run.name == name && run.status == Status::Pending;
        let place = match self.steps.iter().position(listed) {
            Some(place) => place,
            None => {
                self.steps.push(StepRun { parent, ..StepRun::pending(name, step.action.as_str()) });
                self.steps.len() - 1
            }
        };
        self.progress.released = None;
        self.steps[place].started_at = Some(self.by.now);
        self.attempt(place);
        Some(place)
    }

    fn give_up(&mut self, message: String) -> Option<usize> {
        self.progress.verdict = Some(Status::Failed);
        self.progress.failure = Some(message);
        self.progress.cursor = Cursor::Over;
        if let Some(stopped) = self.progress.running(self.steps) {
            self.end(stopped, Status::Failed);
        }
        None
    }

    pub(super) fn attempt(&mut self, place: usize) {
        let book = self.by.book;
        let run = &mut self.steps[place];
        run.status = Status::InProgress;
        run.attempts += 1;
        run.attempt_at = Some(self.by.now);
        run.work = Work::Nothing;
        let Some(step) = book.step(&run.name) else { return };
        let inputs = match self.inputs(step) {
            Ok(inputs) => inputs,
            Err(reason) => return self.fail_inputs(place, reason),
        };
        self.steps[place].inputs = inputs.clone();
        if let Err(reason) = self.act(place, step, &inputs) {
            self.fail_inputs(place, reason);
        }
    }

    fn fail_inputs(&mut self, place: usize, reason: String) {
        self.settle(place, Outcome::Failed(Failure::of_inputs(reason), Settled::default()));
    }

    /// Those of what a loop repeats are filled when it is their turn, and so is the condition of the loop.
    fn inputs(&self, step: &Step) -> Result<Map<String, Value>, String> {
        let later = |name: &str| step.action == Action::Loop && matches!(name, "Steps" | "LoopCondition");
        let inputs = step.inputs.iter().filter(|(name, _)| !later(name));
        inputs.map(|(name, value)| Ok((name.clone(), self.fill(value)?))).collect()
    }

    pub(super) fn fill(&self, value: &Value) -> Result<Value, String> {
        fill(value, &|name| self.lookup(name)).map_err(|name| format!("`{{{{ {name} }}}}` has no value"))
    }

    /// What a name stands for at this moment.
    pub(super) fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(name) = name.strip_prefix("variable:") {
            return self.progress.variables.get(name).filter(|value| !value.is_null()).cloned();
        }
        if let Some(value) = self.by.names.lookup(name, self.by.now) {
            return Some(value);
        }
        let Some((step, output)) = name.split_once('.') else {
            return self.progress.parameters.get(name).cloned();
        };
        // Of a step that ran more than once, the newest run.
        let run = self.steps.iter().rev().find(|run| run.name == step && run.status != Status::Pending)?;
        if let Work::Loop { values, pass, .. } = &run.work {
            let at = usize::try_from(pass.saturating_sub(1)).unwrap_or(usize::MAX);
            match output {
                "CurrentIteration" => return Some(Value::from(*pass)),
                "CurrentIteratorValue" => return values.as_ref()?.get(at).cloned(),
                _ => {}
            }
        }
        match output {
            "OutputPayload" => run.payload.clone(),
            output => run.outputs.get(output).cloned(),
        }
    }

    /// Does what needs nobody; of the rest, notes what it waits for.
    fn act(&mut self, place: usize, step: &Step, inputs: &Map<String, Value>) -> Result<(), String> {
        let now = self.by.now;
        let work = match step.action {
            Action::Sleep => Work::Until(sleep_end(inputs, now)?),
            Action::Pause => Work::Signal,
            Action::Approve => {
                if inputs.get("NotificationArn").and_then(Value::as_str).is_some_and(|arn| !arn.is_empty()) {
                    return Err("this server does not send notifications: leave out NotificationArn".into());
                }
                super::signal::approvers(inputs)?;
                super::signal::approvals_needed(inputs)?;
                Work::Approval(Vec::new())
            }
            Action::Branch => {
                self.steps[place].goes_to = chosen(inputs)?;
                self.settle(place, Outcome::Success(Settled::default()));
                return Ok(());
            }
            Action::UpdateVariable => {
                self.update_variable(inputs)?;
                self.settle(place, Outcome::Success(Settled::default()));
                return Ok(());
            }
            Action::Loop => {
                let values = inputs.get("Iterators").map(|values| iterators(values, inputs)).transpose()?;
                Work::Loop { values, pass: 0, at: Cursor::Over }
            }
            Action::RunCommand => requests::command(inputs).map(|_| Work::ToStart)?,
            Action::ExecuteAutomation => requests::automation(inputs).map(|_| Work::ToStart)?,
            _ => {
                requests::invocation(step.action, inputs)?;
                Work::Call { due_at: now, is_claimed: false, looks: 0 }
            }
        };
        let waits = matches!(work, Work::Signal | Work::Approval(_));
        let run = &mut self.steps[place];
        run.work = work;
        run.status = if waits { Status::Waiting } else { Status::InProgress };
        Ok(())
    }

    fn update_variable(&mut self, inputs: &Map<String, Value>) -> Result<(), String> {
        let name = inputs.get("Name").and_then(Value::as_str).unwrap_or_default();
        let name = name.strip_prefix("variable:").unwrap_or(name);
        let value = inputs.get("Value").cloned().unwrap_or_default();
        let variable = self.by.book.variables.get(name);
        let variable = variable.ok_or_else(|| format!("the runbook declares no variable `{name}`"))?;
        if !is_of(&variable.kind, &value) {
            return Err(format!("`{}` is no {}, which variable:{name} is", text(&value), variable.kind));
        }
        self.progress.variables.insert(name.to_owned(), value);
        Ok(())
    }
}

/// The first choice that holds, or the default.
fn chosen(inputs: &Map<String, Value>) -> Result<Option<String>, String> {
    let choices = inputs.get("Choices").and_then(Value::as_array);
    for (index, choice) in choices.into_iter().flatten().enumerate() {
        let path = format!("Choices[{index}]");
        let condition = Condition::read(choice, &path).map_err(|error| error.to_string())?;
        if condition.holds().map_err(|reason| format!("{path}: {reason}"))? {
            return Ok(choice.get("NextStep").map(text));
        }
    }
    Ok(inputs.get("Default").map(text))
}

fn iterators(values: &Value, inputs: &Map<String, Value>) -> Result<Vec<Value>, String> {
    let values = values.as_array().ok_or("Iterators is not a list")?;
    if values.len() > MOST_ITERATIONS {
        return Err(format!("Iterators has {} values; at most {MOST_ITERATIONS} are allowed", values.len()));
    }
    let kind = inputs.get("IteratorDataType").and_then(Value::as_str).unwrap_or("String");
    let typed = |value: &Value| match kind {
        "Integer" => whole_number(value).map(Value::from),
        "Boolean" => super::choice::boolean(value).ok().map(Value::from),
        "StringMap" => Some(value.clone()).filter(Value::is_object),
        _ => Some(Value::String(text(value))),
    };
    let no = |value: &Value| format!("Iterators: `{}` is no {kind}", text(value));
    values.iter().map(|value| typed(value).ok_or_else(|| no(value))).collect()
}

/// What is past is over at once.
fn sleep_end(inputs: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, String> {
    let given = |name: &str| inputs.get(name).and_then(Value::as_str);
    let end = match (given("Duration"), given("Timestamp")) {
        (Some(duration), _) => now.plus_seconds(seconds_of(duration)?),
        (None, Some(at)) => {
            Timestamp::parse(at).ok_or_else(|| format!("Timestamp: `{at}` is not an ISO 8601 date"))?
        }
        (None, None) => return Err("Duration or Timestamp is not a text".to_owned()),
    };
    if end > now.plus_seconds(LONGEST_SLEEP_SECONDS) {
        return Err(format!("it would sleep for more than {LONGEST_SLEEP_SECONDS} seconds"));
    }
    Ok(end)
}

/// `PT10M`; days have 24 hours here.
fn seconds_of(duration: &str) -> Result<i64, String> {
    let invalid = || format!("Duration: `{duration}` is not an ISO 8601 duration such as PT10M");
    let span: jiff::Span = duration.parse().map_err(|_| invalid())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(invalid());
    }
    let days = i64::from(span.get_days()) + 7 * i64::from(span.get_weeks());
    let parts = [
        days.checked_mul(86_400),
        i64::from(span.get_hours()).checked_mul(3600),
        span.get_minutes().checked_mul(60),
        Some(span.get_seconds()),
    ];
    let total = parts.into_iter().try_fold(0_i64, |sum, part| sum.checked_add(part?));
    total.filter(|seconds| *seconds >= 0).ok_or_else(invalid)
}

impl Failure {
    /// A refusal by an operation.
    pub fn of_refusal(code: &str, message: &str) -> Self {
        let kind = match code {
            "AccessDeniedException" => FailureType::Permission,
            code if code.contains("Throttl") => FailureType::Throttling,
            _ => FailureType::Action,
        };
        Self::new(Stage::Invocation, kind, format!("{code}: {message}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let rows = [
            ("PT10M", Ok(600)),
            ("PT1H30S", Ok(3630)),
            ("P1D", Ok(86_400)),
            ("P1W", Ok(604_800)),
            ("PT0S", Ok(0)),
            ("P1M", Err(())),
            ("-PT1S", Err(())),
            ("10 minutes please", Err(())),
            ("", Err(())),
        ];
        for (text, expected) in rows {
            assert_eq!(seconds_of(text).map_err(drop), expected, "{text}");
        }
    }
}
