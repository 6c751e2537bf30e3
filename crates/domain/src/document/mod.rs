//! Command documents: what their text says, before anything runs. Running a step is the agent's
//! plugins' work; keeping versions is the store's.
//! Source: spec systems-manager 2, agent-protocol 7.

use std::collections::BTreeSet;
use std::fmt;

use api::Timestamp;
use serde_json::{Map, Value};

mod check;
pub mod fetched;
mod interpolate;
pub mod package;
pub(crate) mod parameters;
mod precondition;
mod restart_at;
pub mod shipped;
mod yaml;

pub use check::{Checked, MAX_BYTES, check, value_of};
pub(crate) use check::{only, unexpected};
pub use interpolate::{interpolate, placeholders};
pub use parameters::{Parameter, ParameterError, ParameterErrorInDefault, ParameterType, Parameters};
pub use precondition::{Gate, Platform};
pub use restart_at::{InvalidRestartAt, RestartAt};
pub use yaml::write as to_yaml;

/// When a step declares nothing, or nothing usable.
pub const DEFAULT_STEP_TIMEOUT_SECONDS: u64 = 3600;
const STEP_TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 5..=172_800;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SchemaVersion {
    V1_2,
    V2_0,
    V2_2,
}

impl SchemaVersion {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "1.0" | "1.2" => Some(Self::V1_2),
            "2.0" | "2.0.1" | "2.0.2" | "2.0.3" => Some(Self::V2_0),
            "2.2" => Some(Self::V2_2),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V2_0 => "2.0",
            Self::V2_2 => "2.2",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub schema_version: SchemaVersion,
    pub description: String,
    /// In the order of the text.
    pub parameters: Vec<Parameter>,
    pub steps: Vec<Step>,
    content: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The key of the step's result: its name in 2.x, the plugin in 1.2.
    pub name: String,
    pub action: String,
    /// `inputs` in 2.x; one element of `properties` in 1.2. Parameters not yet put in.
    pub inputs: Map<String, Value>,
    pub precondition: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("the content is not valid JSON: {0}")]
    NotJson(String),
    #[error("the content is not valid YAML: {0}")]
    NotYaml(String),
    #[error("the content holds the character U+0000")]
    NotText,
    #[error("{path}: expected {expected}")]
    Unexpected { path: String, expected: &'static str },
    #[error("schemaVersion: `{0}` is not a version of Command documents; expected 1.2, 2.0 or 2.2")]
    SchemaVersion(String),
    #[error("{path}: the step name `{name}` is used twice")]
    DuplicateStep { path: String, name: String },
    #[error("{path}: `{name}` is not a step name; expected 1 to 64 of letters, digits, `_` and `-`")]
    StepName { path: String, name: String },
    #[error("parameters.{name}.allowedPattern: {reason}")]
    Pattern { name: String, reason: String },
    #[error("the parameter `{0}` is used but not declared")]
    Undeclared(String),
    #[error("schemaVersion: `{found}` is not a version of {kind} documents; expected {expected}")]
    VersionOfType { found: String, kind: String, expected: String },
    #[error("{0}: there is no such member")]
    UnknownMember(String),
    #[error("{path}: `{action}` is not a known action")]
    UnknownPlugin { path: String, action: String },
    #[error("{path}: the step `{step}` cannot be run here: `{action}`: {reason}")]
    ActionNotRun { path: String, step: String, action: String, reason: &'static str },
    #[error("{path}: {reason}")]
    Selector { path: String, reason: String },
    #[error("{path}: there is no step `{name}`")]
    UnknownStep { path: String, name: String },
    #[error("{path}: {reason}")]
    Precondition { path: String, reason: &'static str },
    #[error("parameters.{0}")]
    Default(#[from] ParameterErrorInDefault),
}

impl Document {
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let content =
            serde_json::from_str(text).map_err(|error| DocumentError::NotJson(error.to_string()))?;
        Self::from_json(content)
    }

    pub fn from_json(content: Value) -> Result<Self, DocumentError> {
        let root = object(&content, "the document")?;
        let version = text_of(root, "schemaVersion").unwrap_or_default();
        let schema_version =
            SchemaVersion::parse(version).ok_or_else(|| DocumentError::SchemaVersion(version.to_owned()))?;
        let steps = match schema_version {
            SchemaVersion::V1_2 => steps_of_runtime_config(root)?,
            SchemaVersion::V2_0 | SchemaVersion::V2_2 => main_steps(root)?,
        };
        Ok(Self {
            schema_version,
            description: text_of(root, "description").unwrap_or_default().to_owned(),
            parameters: parameters::declarations(root)?,
            steps,
            content,
        })
    }

    /// As it was given.
    pub fn content(&self) -> &Value {
        &self.content
    }

    /// Refuses placeholders that name no declared parameter. Agents run such documents all the
    /// same and leave the placeholder as it is; whoever stores a document checks it.
    pub fn check_placeholders(&self) -> Result<(), DocumentError> {
        let declared: BTreeSet<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
        let mut used = BTreeSet::new();
        for step in &self.steps {
            for value in step.inputs.values().chain(&step.precondition) {
                placeholders(value, &mut used);
            }
        }
        match used.iter().find(|name| !declared.contains(name.as_str())) {
            Some(name) => Err(DocumentError::Undeclared(name.clone())),
            None => Ok(()),
        }
    }

    /// How long all steps together may take with these parameters.
    pub fn execution_timeout_seconds(&self, parameters: &Parameters) -> u64 {
        self.steps.iter().map(|step| step.timeout_seconds(parameters)).sum()
    }

    /// How long steps may wait besides for a restart that they ask for, at most. Refuses a time that is none.
    pub fn restart_wait_seconds(
        &self,
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<i64, InvalidRestartAt> {
        let mut longest = 0;
        for step in &self.steps {
            let declared = step.inputs.get("restartAt").map(|value| interpolate(value, parameters));
            let Some(text) = declared.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty()) else {
                continue;
            };
            let at = text.parse::<RestartAt>()?.within_reach(now)?;
            longest = longest.max(at.most_seconds_from(now));
        }
        Ok(longest)
    }

    /// Where at least one step can run.
    pub fn platforms(&self) -> Vec<Platform> {
        let runs_on = |platform: &Platform| self.steps.iter().any(|step| step.may_run_on(*platform));
        Platform::ALL.into_iter().filter(runs_on).collect()
    }
}

impl Step {
    /// The inputs with parameters put in.
    pub fn resolved_inputs(&self, parameters: &Parameters) -> Map<String, Value> {
        self.inputs.iter().map(|(key, value)| (key.clone(), interpolate(value, parameters))).collect()
    }

    /// Whether it runs whatever came before: text or boolean.
    fn is_finally(&self) -> bool {
        match self.inputs.get("finallyStep") {
            Some(Value::Bool(finally)) => *finally,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// What is out of range or no number counts as the default, as agents take it.
    pub fn timeout_seconds(&self, parameters: &Parameters) -> u64 {
        let declared = match self.inputs.get("timeoutSeconds").map(|value| interpolate(value, parameters)) {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        declared
            .filter(|seconds| STEP_TIMEOUT_SECONDS.contains(seconds))
            .unwrap_or(DEFAULT_STEP_TIMEOUT_SECONDS)
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(crate) fn object<'v>(value: &'v Value, path: &str) -> Result<&'v Map<String, Value>, DocumentError> {
    let unexpected = || DocumentError::Unexpected { path: path.to_owned(), expected: "an object" };
    value.as_object().ok_or_else(unexpected)
}

pub(crate) fn text_of<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    map.get(key).and_then(Value::as_str)
}

fn main_steps(root: &Map<String, Value>) -> Result<Vec<Step>, DocumentError> {
    let unexpected =
        || DocumentError::Unexpected { path: "mainSteps".to_owned(), expected: "a list of steps" };
    let list = root.get("mainSteps").and_then(Value::as_array).ok_or_else(unexpected)?;
    if list.is_empty() {
        return Err(unexpected());
    }
    let mut steps: Vec<Step> = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let path = format!("mainSteps[{index}]");
        let step = main_step(value, &path)?;
        if steps.iter().any(|earlier| earlier.name == step.name) {
            return Err(DocumentError::DuplicateStep { path, name: step.name });
        }
        steps.push(step);
    }
    Ok(steps)
}

fn main_step(value: &Value, path: &str) -> Result<Step, DocumentError> {
    let step = object(value, path)?;
    let required = |key: &'static str, expected| {
        text_of(step, key)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| DocumentError::Unexpected { path: format!("{path}.{key}"), expected })
    };
    let action = required("action", "the name of a plugin")?.to_owned();
    let name = required("name", "a step name")?.to_owned();
    let is_name = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !is_name {
        return Err(DocumentError::StepName { path: path.to_owned(), name });
    }
    let mut inputs = match step.get("inputs") {
        None | Some(Value::Null) => Map::new(),
        Some(inputs) => object(inputs, &format!("{path}.inputs"))?.clone(),
    };
    // People write these beside the inputs as well; agents read them there.
    for modifier in ["onFailure", "onSuccess", "finallyStep", "timeoutSeconds"] {
        if let (Some(value), false) = (step.get(modifier), inputs.contains_key(modifier)) {
            inputs.insert(modifier.to_owned(), value.clone());
        }
    }
    Ok(Step { name, action, inputs, precondition: step.get("precondition").cloned() })
}

/// Every element of a plugin's `properties` is a step; they share the plugin's name as key.
fn steps_of_runtime_config(root: &Map<String, Value>) -> Result<Vec<Step>, DocumentError> {
    let unexpected = |path: String, expected| DocumentError::Unexpected { path, expected };
    let config = root.get("runtimeConfig").and_then(Value::as_object).filter(|config| !config.is_empty());
    let config = config.ok_or_else(|| unexpected("runtimeConfig".to_owned(), "an object of plugins"))?;
    let mut steps = Vec::new();
    for (plugin, settings) in config {
        let path = format!("runtimeConfig.{plugin}.properties");
        let properties = settings.get("properties");
        let elements = match properties {
            Some(Value::Array(elements)) => elements.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => return Err(unexpected(path, "an object or a list of objects")),
        };
        for element in elements {
            let inputs = object(element, &path)?.clone();
            let (name, action) = (plugin.clone(), plugin.clone());
            steps.push(Step { name, action, inputs, precondition: None });
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_layouts_are_read() {
        let new = Document::parse(
            r#"{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"one",
            "inputs":{"runCommand":["id"]}},{"action":"aws:runPowerShellScript","name":"two"}]}"#,
        )
        .unwrap();
        assert_eq!(new.steps.len(), 2);
        assert_eq!((new.steps[1].name.as_str(), new.steps[1].inputs.len()), ("two", 0));
        let old = Document::parse(
            r#"{"schemaVersion":"1.2","runtimeConfig":{"aws:runShellScript":{"properties":
            [{"id":"0.aws:runShellScript","runCommand":["id"]}]}}}"#,
        )
        .unwrap();
        assert_eq!(old.steps[0].name, "aws:runShellScript");
        assert_eq!(old.steps[0].inputs["runCommand"], json!(["id"]));
    }

    #[test]
    fn refusals_name_the_path() {
        let rows = [
            ("{", "not valid JSON"),
            ("[]", "the document: expected an object"),
            (r#"{"schemaVersion":"0.3"}"#, "schemaVersion: `0.3`"),
            (r#"{"schemaVersion":"2.2"}"#, "mainSteps: expected a list"),
            (r#"{"schemaVersion":"2.2","mainSteps":[1]}"#, "mainSteps[0]: expected an object"),
            (r#"{"schemaVersion":"2.2","mainSteps":[{"name":"a"}]}"#, "mainSteps[0].action: expected"),
            (
                r#"{"schemaVersion":"2.2","mainSteps":[{"action":"x","name":"a"},{"action":"x","name":"a"}]}"#,
                "mainSteps[1]: the step name `a` is used twice",
            ),
            (
                r#"{"schemaVersion":"2.2","mainSteps":[{"action":"x","name":"a b"}]}"#,
                "`a b` is not a step name",
            ),
            (r#"{"schemaVersion":"1.2","runtimeConfig":{"p":{}}}"#, "runtimeConfig.p.properties: expected"),
            (
                r#"{"schemaVersion":"2.2","parameters":{"a":{"type":"String","allowedPattern":"("}},
                "mainSteps":[{"action":"x","name":"a"}]}"#,
                "parameters.a.allowedPattern",
            ),
            (
                r#"{"schemaVersion":"2.2","parameters":{"a":{"type":"Text"}},"mainSteps":[{"action":"x","name":"a"}]}"#,
                "parameters.a.type: expected",
            ),
        ];
        for (text, expected) in rows {
            let error = Document::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn undeclared_placeholders_are_found() {
        let text = r#"{"schemaVersion":"2.2","parameters":{"a":{"type":"String"}},"mainSteps":[{"action":"x",
            "name":"s","inputs":{"runCommand":["echo {{ a }} {{b}} {{ssm:c}}"]}}]}"#;
        let document = Document::parse(text).unwrap();
        assert_eq!(document.check_placeholders(), Err(DocumentError::Undeclared("b".to_owned())));
        let document = Document::parse(&text.replace("{{b}}", "")).unwrap();
        assert_eq!(document.check_placeholders(), Ok(()));
    }

    #[test]
    fn timeouts_come_from_inputs_and_parameters() {
        let rows = [
            (json!(60), 60),
            (json!("120"), 120),
            (json!("{{ t }}"), 900),
            (json!("3"), 3600), // below the range
            (json!("172801"), 3600),
            (json!("soon"), 3600),
            (json!(null), 3600),
        ];
        for (declared, expected) in rows {
            let content = json!({"schemaVersion":"2.2","parameters":{"t":{"type":"String","default":"900"}},
                "mainSteps":[{"action":"aws:runShellScript","name":"s","inputs":{"timeoutSeconds":declared}}]});
            let document = Document::from_json(content).unwrap();
            let parameters = document.resolve_parameters(&Default::default()).unwrap();
            assert_eq!(document.execution_timeout_seconds(&parameters), expected);
        }
    }
}
