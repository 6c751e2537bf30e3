//! Reading a runbook: a document of schema 0.3, refused with the path of what is wrong.
//! Source: spec systems-manager 7.1 and 7.2.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm;
use serde_json::{Map, Value};

use super::action::{self, Action, SERVICES};
use super::choice::Condition;
use super::declared::{Variable, described, plain_types, variables};
use super::fill::{GLOBALS, placeholders};
use super::output::Output;
use super::script;
use crate::document::parameters::{self, Parameter, ParameterError};
use crate::document::{DocumentError, object, only, text_of, unexpected};
use crate::parameter::Stored;

const ROOT_MEMBERS: [&str; 9] = [
    "$schema",
    "schemaVersion",
    "description",
    "assumeRole",
    "parameters",
    "variables",
    "mainSteps",
    "outputs",
    "files",
];
const STEP_MEMBERS: [&str; 12] = [
    "name",
    "action",
    "description",
    "inputs",
    "outputs",
    "maxAttempts",
    "timeoutSeconds",
    "onFailure",
    "onCancel",
    "isEnd",
    "nextStep",
    "isCritical",
];
/// Of a step: a second look at a service that is down should not take days.
const MOST_ATTEMPTS: u32 = 100;
/// Of a loop.
pub(super) const MOST_ITERATIONS: usize = 100;

#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    pub description: String,
    pub parameters: Vec<Parameter>,
    /// The names of variables with what they are at first.
    pub variables: BTreeMap<String, Variable>,
    pub steps: Vec<Step>,
    /// `step.output`, in their order.
    pub outputs: Vec<String>,
    /// For the model's list, which names types in its own way.
    declared: Vec<ssm::DocumentParameter>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: String,
    pub action: Action,
    /// With placeholders.
    pub inputs: Map<String, Value>,
    pub outputs: Vec<Output>,
    pub max_attempts: u32,
    pub timeout_seconds: Option<i64>,
    pub on_failure: OnFailure,
    /// Where an execution goes that is cancelled while this runs.
    pub on_cancel: Option<String>,
    pub is_end: bool,
    pub next_step: Option<String>,
    pub is_critical: bool,
    /// What a loop repeats.
    pub steps: Vec<Step>,
}

impl Step {
    /// How many seconds an attempt may take.
    pub fn timeout(&self) -> Option<i64> {
        let seconds = self.timeout_seconds.or_else(|| self.action.default_timeout_seconds())?;
        Some(seconds.min(self.action.longest_timeout_seconds()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnFailure {
    Abort,
    Continue,
    Step(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outside,
    InLoop,
}

impl Runbook {
    pub fn read(root: &Map<String, Value>) -> Result<Self, DocumentError> {
        only(root, &ROOT_MEMBERS, "")?;
        let steps = list(root, "mainSteps", "mainSteps")?;
        let declared = described(root)?;
        let parameters = parameters::declarations(&plain_types(root))?;
        parameters::check_defaults(&parameters)?;
        let runbook = Self {
            description: text_of(root, "description").unwrap_or_default().to_owned(),
            parameters,
            variables: variables(root)?,
            steps: read_steps(steps, "mainSteps", Nesting::Outside)?,
            outputs: outputs(root)?,
            declared,
        };
        runbook.check_placeholders(root)?;
        Ok(runbook)
    }

    /// As DescribeDocument lists them.
    pub fn described_parameters(&self) -> &[ssm::DocumentParameter] {
        &self.declared
    }

    /// Checks what a caller gave against the declarations, puts it into its types and adds defaults.
    pub fn resolve_parameters(
        &self,
        given: &BTreeMap<String, Vec<String>>,
    ) -> Result<Map<String, Value>, ParameterError> {
        parameters::resolve(&self.parameters, given)
    }

    /// The same, with values of Parameter Store in the place of references to them.
    pub fn resolve_stored(
        &self,
        given: &BTreeMap<String, Vec<String>>,
        stored: &BTreeMap<String, Stored>,
    ) -> Result<Map<String, Value>, ParameterError> {
        parameters::resolve(&self.parameters, &parameters::filled(&self.parameters, given, stored))
    }

    /// Also within loops: names are unique in the whole runbook.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.all_steps().find(|step| step.name == name)
    }

    /// Those of loops among them.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().flat_map(|step| std::iter::once(step).chain(&step.steps))
    }

    /// The steps among which a step stands: all, or those of its loop.
    pub(super) fn beside(&self, name: &str) -> &[Step] {
        let holds = |steps: &[Step]| steps.iter().any(|step| step.name == name);
        let inner = self.steps.iter().map(|step| step.steps.as_slice()).find(|steps| holds(steps));
        inner.unwrap_or(&self.steps)
    }

    fn check_placeholders(&self, root: &Map<String, Value>) -> Result<(), DocumentError> {
        let mut used = BTreeSet::new();
        root.get("mainSteps").into_iter().for_each(|steps| placeholders(steps, &mut used));
        root.get("assumeRole").into_iter().for_each(|role| placeholders(role, &mut used));
        used.extend(self.outputs.iter().cloned());
        match used.into_iter().find(|name| !self.knows(name)) {
            Some(name) => Err(DocumentError::Undeclared(name)),
            None => Ok(()),
        }
    }

    fn knows(&self, name: &str) -> bool {
        if let Some(name) = name.strip_prefix("variable:") {
            return self.variables.contains_key(name);
        }
        if let Some(name) = name.strip_prefix("global:") {
            return GLOBALS.contains(&name);
        }
        if let Some(name) = name.strip_prefix("automation:") {
            return name == "EXECUTION_ID";
        }
        match name.split_once('.') {
            Some((step, output)) => !output.is_empty() && self.step(step).is_some(),
            None => self.parameters.iter().any(|parameter| parameter.name == name),
        }
    }
}

fn list<'v>(map: &'v Map<String, Value>, key: &str, path: &str) -> Result<&'v [Value], DocumentError> {
    let found = map.get(key).and_then(Value::as_array).filter(|steps| !steps.is_empty());
    found.map(Vec::as_slice).ok_or_else(|| unexpected(path, "a list of steps"))
}

fn read_steps(written: &[Value], path: &str, nesting: Nesting) -> Result<Vec<Step>, DocumentError> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, value) in written.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let step = object(value, &path)?;
        let name = step_name(step, &path)?;
        let is_known =
            |known: &Step| known.name == name || known.steps.iter().any(|inner| inner.name == name);
        if steps.iter().any(is_known) {
            return Err(DocumentError::DuplicateStep { path, name });
        }
        steps.push(read_step(step, name, &path, nesting)?);
    }
    for (step, value) in steps.iter().zip(written) {
        let index = steps.iter().position(|other| other.name == step.name).unwrap_or_default();
        check_targets(step, value, &steps, &format!("{path}[{index}]"))?;
    }
    Ok(steps)
}

fn step_name(step: &Map<String, Value>, path: &str) -> Result<String, DocumentError> {
    let name = text_of(step, "name").unwrap_or_default();
    let is_name =
        (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match is_name {
        true => Ok(name.to_owned()),
        false => Err(DocumentError::StepName { path: path.to_owned(), name: name.to_owned() }),
    }
}

fn read_step(
    step: &Map<String, Value>,
    name: String,
    path: &str,
    nesting: Nesting,
) -> Result<Step, DocumentError> {
    only(step, &STEP_MEMBERS, path)?;
    let action = read_action(step, &name, path)?;
    if action == Action::Loop && nesting == Nesting::InLoop {
        return Err(unexpected(path, "no loop within a loop"));
    }
    let inputs = match step.get("inputs") {
        None | Some(Value::Null) => Map::new(),
        Some(inputs) => object(inputs, &format!("{path}.inputs"))?.clone(),
    };
    check_inputs(action, &inputs, &format!("{path}.inputs"))?;
    let steps = match action {
        Action::Loop => {
            let path = format!("{path}.inputs.Steps");
            read_steps(list(&inputs, "Steps", &path)?, &path, Nesting::InLoop)?
        }
        _ => Vec::new(),
    };
    if steps.iter().any(|inner| inner.name == name) {
        return Err(DocumentError::DuplicateStep { path: path.to_owned(), name });
    }
    let on_failure = on_failure(step, path)?;
    let is_critical = flag(step, "isCritical", path)?.unwrap_or(on_failure != OnFailure::Continue);
    let attempts = number(step, "maxAttempts", path)?.unwrap_or(1);
    let max_attempts = u32::try_from(attempts).ok().filter(|count| (1..=MOST_ATTEMPTS).contains(count));
    let timeout_seconds = number(step, "timeoutSeconds", path)?;
    if timeout_seconds.is_some_and(|seconds| !(1..=2_592_000).contains(&seconds)) {
        return Err(unexpected(&format!("{path}.timeoutSeconds"), "1 to 2592000"));
    }
    Ok(Step {
        action,
        outputs: read_outputs(step, path)?,
        max_attempts: max_attempts
            .ok_or_else(|| unexpected(&format!("{path}.maxAttempts"), "a number from 1 to 100"))?,
        timeout_seconds,
        on_cancel: on_cancel(step, action, path)?,
        is_end: flag(step, "isEnd", path)?.unwrap_or(false),
        next_step: text_of(step, "nextStep").map(str::to_owned),
        on_failure,
        is_critical,
        inputs,
        steps,
        name,
    })
}

fn read_action(step: &Map<String, Value>, name: &str, path: &str) -> Result<Action, DocumentError> {
    let text = text_of(step, "action").unwrap_or_default();
    if let Some(action) = Action::parse(text) {
        return Ok(action);
    }
    let (path, action) = (format!("{path}.action"), text.to_owned());
    Err(match Action::not_run(text) {
        Some(reason) => DocumentError::ActionNotRun { path, step: name.to_owned(), action, reason },
        None => DocumentError::UnknownPlugin { path, action },
    })
}

/// What can be said of inputs before their placeholders are filled.
fn check_inputs(action: Action, inputs: &Map<String, Value>, path: &str) -> Result<(), DocumentError> {
    let expected = action.inputs();
    if let Some(missing) = expected.required.iter().find(|name| !inputs.contains_key(**name)) {
        return Err(unexpected(&format!("{path}.{missing}"), "a value: it is required"));
    }
    if let Some(optional) = expected.optional {
        only(inputs, &[expected.required, optional].concat(), path)?;
    }
    let literal = |name| text_of(inputs, name).filter(|text| !text.contains("{{"));
    match action {
        Action::Sleep if inputs.contains_key("Duration") == inputs.contains_key("Timestamp") => {
            Err(unexpected(path, "either Duration or Timestamp"))
        }
        Action::Approve if literal("NotificationArn").is_some_and(|arn| !arn.is_empty()) => {
            let expected = "no topic: this server does not send notifications";
            Err(unexpected(&format!("{path}.NotificationArn"), expected))
        }
        Action::ExecuteApi | Action::AssertProperty | Action::WaitForProperty => {
            let (Some(service), Some(api)) = (literal("Service"), literal("Api")) else { return Ok(()) };
            if !SERVICES.contains(&service) {
                return Err(unexpected(
                    &format!("{path}.Service"),
                    "ssm or fettle, which this server answers",
                ));
            }
            match action::operation(service, api) {
                Some(_) => Ok(()),
                None => Err(unexpected(&format!("{path}.Api"), "an operation that this server has")),
            }
        }
        Action::ExecuteScript => script::check(inputs, path),
        Action::Branch => check_choices(inputs, path),
        Action::Loop => check_loop(inputs, path),
        _ => Ok(()),
    }
}

fn check_choices(inputs: &Map<String, Value>, path: &str) -> Result<(), DocumentError> {
    let path = format!("{path}.Choices");
    for (index, choice) in list(inputs, "Choices", &path)?.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if choice.get("NextStep").and_then(Value::as_str).is_none() {
            return Err(unexpected(&format!("{path}.NextStep"), "the name of a step"));
        }
        Condition::read(choice, &path)?;
    }
    Ok(())
}

fn check_loop(inputs: &Map<String, Value>, path: &str) -> Result<(), DocumentError> {
    match (inputs.get("Iterators"), inputs.get("LoopCondition")) {
        (Some(iterators), None) => {
            let count = iterators.as_array().map(Vec::len);
            match count.is_some_and(|count| count > MOST_ITERATIONS) {
                true => Err(unexpected(&format!("{path}.Iterators"), "at most 100 values")),
                false => Ok(()),
            }
        }
        (None, Some(condition)) => Condition::read(condition, &format!("{path}.LoopCondition")).map(drop),
        _ => Err(unexpected(path, "either Iterators or LoopCondition")),
    }
}

/// That the steps it names are beside it.
fn check_targets(step: &Step, written: &Value, beside: &[Step], path: &str) -> Result<(), DocumentError> {
    let mut targets: Vec<(String, &str)> = Vec::new();
    targets.extend(step.next_step.iter().map(|name| ("nextStep".to_owned(), name.as_str())));
    if let OnFailure::Step(name) = &step.on_failure {
        targets.push(("onFailure".to_owned(), name));
    }
    if let Some(name) = &step.on_cancel {
        targets.push(("onCancel".to_owned(), name));
    }
    let choices = written.get("inputs").and_then(|inputs| inputs.get("Choices")).and_then(Value::as_array);
    for (index, choice) in choices.into_iter().flatten().enumerate() {
        let next = choice.get("NextStep").and_then(Value::as_str);
        targets.extend(next.map(|next| (format!("inputs.Choices[{index}].NextStep"), next)));
    }
    if step.action == Action::Branch {
        let default = text_of(&step.inputs, "Default");
        targets.extend(default.map(|name| ("inputs.Default".to_owned(), name)));
    }
    for (place, name) in targets {
        let path = format!("{path}.{place}");
        let Some(target) = beside.iter().find(|step| step.name == name) else {
            return Err(DocumentError::UnknownStep { path, name: name.to_owned() });
        };
        if place == "onCancel" && !target.action.may_handle_cancel() {
            return Err(unexpected(&path, "a step that does not wait and sets no tags"));
        }
    }
    Ok(())
}

fn on_failure(step: &Map<String, Value>, path: &str) -> Result<OnFailure, DocumentError> {
    match text_of(step, "onFailure") {
        None if step.get("onFailure").is_none_or(Value::is_null) => Ok(OnFailure::Abort),
        Some("Abort") => Ok(OnFailure::Abort),
        Some("Continue") => Ok(OnFailure::Continue),
        Some(text) if text.starts_with("step:") => {
            Ok(OnFailure::Step(text["step:".len()..].trim().to_owned()))
        }
        _ => Err(unexpected(&format!("{path}.onFailure"), "Abort, Continue or step:NAME")),
    }
}

fn on_cancel(step: &Map<String, Value>, action: Action, path: &str) -> Result<Option<String>, DocumentError> {
    let path = format!("{path}.onCancel");
    match text_of(step, "onCancel") {
        None | Some("Abort") => Ok(None),
        Some(_) if matches!(action, Action::Loop | Action::UpdateVariable) => {
            Err(unexpected(&path, "nothing: steps of this kind have none"))
        }
        Some(text) => match text.strip_prefix("step:") {
            Some(name) => Ok(Some(name.trim().to_owned())),
            None => Err(unexpected(&path, "Abort or step:NAME")),
        },
    }
}

/// A boolean, or a text that reads as one.
fn flag(step: &Map<String, Value>, name: &str, path: &str) -> Result<Option<bool>, DocumentError> {
    let value = match step.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Bool(value)) => Some(*value),
        Some(Value::String(text)) => text.to_ascii_lowercase().parse().ok(),
        Some(_) => None,
    };
    value.map(Some).ok_or_else(|| unexpected(&format!("{path}.{name}"), "true or false"))
}

/// A number, or a text that reads as one.
fn number(step: &Map<String, Value>, name: &str, path: &str) -> Result<Option<i64>, DocumentError> {
    let value = match step.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    value.map(Some).ok_or_else(|| unexpected(&format!("{path}.{name}"), "a whole number"))
}

fn read_outputs(step: &Map<String, Value>, path: &str) -> Result<Vec<Output>, DocumentError> {
    let path = format!("{path}.outputs");
    let written = match step.get("outputs") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(|| unexpected(&path, "a list of outputs"))?,
    };
    let read = |(index, output): (usize, &Value)| Output::read(output, &format!("{path}[{index}]"));
    written.iter().enumerate().map(read).collect()
}

/// `step.output`, with or without braces.
fn outputs(root: &Map<String, Value>) -> Result<Vec<String>, DocumentError> {
    let written = match root.get("outputs") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(|| unexpected("outputs", "a list of names"))?,
    };
    let name = |(index, value): (usize, &Value)| {
        let text = value.as_str().ok_or_else(|| unexpected(&format!("outputs[{index}]"), "STEP.OUTPUT"))?;
        let bare = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
        Ok(bare.to_owned())
    };
    written.iter().enumerate().map(name).collect()
}
