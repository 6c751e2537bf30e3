//! Steps of aws:executeScript: what can be said of one before it runs, and what it asks to be run. Running it is the
//! server's. Source: spec systems-manager 7.2; AWS's page of the action.

use serde_json::{Map, Value};

use super::choice::text;
use crate::document::{DocumentError, text_of, unexpected};

/// One interpreter is behind all of them.
const RUNTIMES: [&str; 6] = ["python3.6", "python3.7", "python3.8", "python3.9", "python3.10", "python3.11"];
/// Of what a script is called with, as JSON.
const MOST_EVENTS_BYTES: usize = 256 * 1024;
/// A module that a script must name to call an operation.
const CLIENTS: &str = "boto3";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Text(String),
    /// By its name among the document's.
    Attachment(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ScriptCall {
    /// The function.
    pub handler: String,
    pub source: Source,
    pub events: Value,
}

/// How a script's process ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    Returned(Value),
    /// By its own fault.
    Failed(String),
    /// By ours.
    Broken(String),
    TimedOut(String),
}

impl ScriptCall {
    /// The reason, where these are no inputs to run.
    pub(super) fn of(inputs: &Map<String, Value>) -> Result<Self, String> {
        check(inputs, "inputs").map_err(|error| error.to_string())?;
        let given = |name: &str| inputs.get(name).filter(|value| !value.is_null());
        let handler = given("Handler").map(text).unwrap_or_default();
        let source = match (given("Script").and_then(script_of), given("Attachment")) {
            (Some(script), _) => Source::Text(script),
            (None, Some(name)) => Source::Attachment(text(name)),
            (None, None) => return Err("neither Script nor Attachment is given".to_owned()),
        };
        let events = match given("InputPayload") {
            None => Value::Object(Map::new()),
            // As a parameter of type String may hold it.
            Some(Value::String(json)) => serde_json::from_str(json).unwrap_or_default(),
            Some(events) => events.clone(),
        };
        if !events.is_object() {
            return Err("InputPayload is not a map".to_owned());
        }
        let size = events.to_string().len();
        if size > MOST_EVENTS_BYTES {
            return Err(format!("InputPayload has {size} bytes; at most {MOST_EVENTS_BYTES} are allowed"));
        }
        let handler = handler.rsplit_once('.').map_or(handler.as_str(), |(_, function)| function);
        Ok(Self { handler: handler.to_owned(), source, events })
    }

    /// Without clients a script reaches nothing: run twice, it has run once. Of a file's text nothing is known here.
    pub fn changes_nothing(&self) -> bool {
        matches!(&self.source, Source::Text(script) if !script.contains(CLIENTS))
    }
}

/// The text of `Script`: older runbooks have a list of lines.
pub fn script_of(value: &Value) -> Option<String> {
    match value {
        Value::String(script) => Some(script.clone()),
        Value::Array(lines) => {
            let lines: Option<Vec<&str>> = lines.iter().map(Value::as_str).collect();
            Some(lines?.join("\n"))
        }
        _ => None,
    }
}

/// What can be said of inputs, filled or not.
pub(super) fn check(inputs: &Map<String, Value>, path: &str) -> Result<(), DocumentError> {
    let given = |name: &str| inputs.get(name).filter(|value| !value.is_null());
    let literal = |name: &str| text_of(inputs, name).filter(|text| !text.contains("{{"));
    let at = |name: &str, expected| Err(unexpected(&format!("{path}.{name}"), expected));
    if let Some(runtime) = literal("Runtime")
        && !RUNTIMES.contains(&runtime)
    {
        return match runtime.to_ascii_lowercase() {
            name if name.starts_with("powershell") || name.starts_with("dotnet") => at(
                "Runtime",
                "python3.6 to python3.11: this server runs no PowerShell; aws:runCommand does, on a node",
            ),
            _ => at("Runtime", "python3.6, python3.7, python3.8, python3.9, python3.10 or python3.11"),
        };
    }
    match (given("Script"), given("Attachment")) {
        (Some(script), None) if script_of(script).is_none() => at("Script", "a text"),
        (None, Some(name))
            if !name.as_str().is_some_and(|name| name.ends_with(".py") || name.contains("{{")) =>
        {
            at("Attachment", "the name of a .py file: archives are not opened here")
        }
        (Some(_), None) | (None, Some(_)) => check_handler(inputs, path),
        _ => Err(unexpected(path, "either Script or Attachment")),
    }
}

/// A function, or `file.function` for that of an attachment.
fn check_handler(inputs: &Map<String, Value>, path: &str) -> Result<(), DocumentError> {
    let Some(handler) = text_of(inputs, "Handler") else {
        return Err(unexpected(&format!("{path}.Handler"), "the name of a function"));
    };
    if handler.contains("{{") {
        return Ok(());
    }
    let attachment = text_of(inputs, "Attachment").and_then(|name| name.strip_suffix(".py"));
    let function = match (handler.rsplit_once('.'), attachment) {
        (Some((file, function)), Some(name)) if file == name => function,
        (Some(_), _) => {
            let expected =
                "the name of a function, after the name of the attached file and a point if there is one";
            return Err(unexpected(&format!("{path}.Handler"), expected));
        }
        (None, _) => handler,
    };
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    match function.starts_with(is_start) && function.chars().all(|c| is_start(c) || c.is_ascii_digit()) {
        true => Ok(()),
        false => Err(unexpected(&format!("{path}.Handler"), "the name of a function")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(inputs: Value) -> Result<ScriptCall, String> {
        ScriptCall::of(inputs.as_object().unwrap())
    }

    #[test]
    fn a_script_is_made_of_inputs() {
        let script = "def f(e, c): pass";
        let base = json!({"Runtime": "python3.11", "Handler": "f", "Script": script});
        let with = |more: Value| {
            let mut inputs = base.clone();
            inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            inputs
        };
        let made = call(with(json!({"InputPayload": {"a": [1]}}))).unwrap();
        assert_eq!((made.handler.as_str(), &made.events), ("f", &json!({"a": [1]})));
        assert!(made.changes_nothing());
        assert_eq!(call(base.clone()).unwrap().events, json!({}));
        assert_eq!(call(with(json!({"InputPayload": "{\"a\": 1}"}))).unwrap().events, json!({"a": 1}));
        let lines = call(with(json!({"Script": ["import boto3", script]}))).unwrap();
        assert_eq!(lines.source, Source::Text(format!("import boto3\n{script}")));
        assert!(!lines.changes_nothing());
        let file = json!({"Runtime": "python3.8", "Handler": "tool.f", "Attachment": "tool.py"});
        let file = call(file).unwrap();
        assert_eq!(
            (file.handler.as_str(), file.source.clone()),
            ("f", Source::Attachment("tool.py".to_owned()))
        );
        assert!(!file.changes_nothing());

        let big = "x".repeat(MOST_EVENTS_BYTES);
        let rows = [
            (
                with(json!({"Runtime": "PowerShell 7.0"})),
                "Runtime: expected python3.6 to python3.11: this server runs no",
            ),
            (with(json!({"Runtime": "dotnetcore2.1"})), "runs no PowerShell"),
            (with(json!({"Runtime": "python2.7"})), "Runtime: expected python3.6, "),
            (with(json!({"Attachment": "x.py"})), "either Script or Attachment"),
            (json!({"Runtime": "python3.6", "Handler": "f"}), "either Script or Attachment"),
            (
                json!({"Runtime": "python3.6", "Handler": "f", "Attachment": "x.zip"}),
                "archives are not opened here",
            ),
            (json!({"Runtime": "python3.6", "Handler": "y.f", "Attachment": "x.py"}), "Handler: expected"),
            (with(json!({"Handler": "f()"})), "Handler: expected the name of a function"),
            (with(json!({"Handler": "1f"})), "Handler: expected the name of a function"),
            (with(json!({"Handler": 1})), "Handler: expected the name of a function"),
            (with(json!({"Script": 1})), "Script: expected a text"),
            (with(json!({"InputPayload": [1]})), "InputPayload is not a map"),
            (with(json!({"InputPayload": "nothing"})), "InputPayload is not a map"),
            (with(json!({"InputPayload": {"a": big}})), "InputPayload has 262152 bytes"),
        ];
        for (inputs, expected) in rows {
            let error = call(inputs).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
