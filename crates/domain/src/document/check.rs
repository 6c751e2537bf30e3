//! What a text must be to be stored as a document of its type. Agents are more patient with what they are sent; whoever
//! stores a document tells its author what is wrong while he is there.
//! Source: spec systems-manager 2.1 to 2.3 and 7.1.

use api::ssm::{self, DocumentFormat, DocumentType};
use serde_json::{Map, Value};

use super::package::Manifest;
use super::precondition::check_operands;
use super::{Document, DocumentError, Platform, SchemaVersion, object, text_of, yaml};
use crate::automation::Runbook;

/// Of a document's text.
pub const MAX_BYTES: usize = 64 * 1024;

/// What is known of a document that may be stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Empty where the type has none.
    pub schema_version: String,
    pub description: String,
    pub parameters: Vec<ssm::DocumentParameter>,
    pub platforms: Vec<Platform>,
}

const ROOT_MEMBERS: [&str; 7] =
    ["$schema", "schemaVersion", "description", "parameters", "mainSteps", "runtimeConfig", "files"];
const PARAMETER_MEMBERS: [&str; 11] = [
    "type",
    "description",
    "default",
    "allowedValues",
    "allowedPattern",
    "displayType",
    "minItems",
    "maxItems",
    "minChars",
    "maxChars",
    "interpolationType",
];
const STEP_MEMBERS: [&str; 11] = [
    "action",
    "name",
    "inputs",
    "precondition",
    "onFailure",
    "onSuccess",
    "finallyStep",
    "timeoutSeconds",
    "isEnd",
    "maxAttempts",
    "description",
];
const PLUGINS: [&str; 16] = [
    "aws:runShellScript",
    "aws:runPowerShellScript",
    "aws:runDocument",
    "aws:downloadContent",
    "aws:configurePackage",
    "aws:softwareInventory",
    "aws:refreshAssociation",
    "aws:updateSsmAgent",
    "aws:updateAgent",
    "aws:applications",
    "aws:psModule",
    "aws:domainJoin",
    "aws:configureDocker",
    "aws:runDockerAction",
    "aws:cloudWatch",
    "aws:configureDaemon",
];
const SESSION_TYPES: [&str; 4] = ["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"];

/// The value of a text in its format; `None` for plain text.
pub fn value_of(text: &str, format: &DocumentFormat) -> Result<Option<Value>, DocumentError> {
    let mut value = match format {
        DocumentFormat::Yaml => yaml::parse(text).map_err(DocumentError::NotYaml)?,
        DocumentFormat::Text => return Ok(None),
        _ => serde_json::from_str(text).map_err(|error| DocumentError::NotJson(error.to_string()))?,
    };
    // Without quotes, which YAML does not ask for, a version is a number.
    if let Some(version) = value.get_mut("schemaVersion").filter(|version| version.is_number()) {
        *version = Value::String(version.to_string());
    }
    Ok(Some(value))
}

/// Refuses what is no document of this type, naming the path at which it is not.
pub fn check(kind: &DocumentType, format: &DocumentFormat, text: &str) -> Result<Checked, DocumentError> {
    if text.contains('\0') {
        return Err(DocumentError::NotText);
    }
    let Some(value) = value_of(text, format)? else { return check_text(kind, text) };
    let root = object(&value, "the document")?;
    let version = || text_of(root, "schemaVersion").unwrap_or_default().to_owned();
    let every_platform = || Platform::ALL.to_vec();
    let common = || Checked {
        schema_version: version(),
        description: text_of(root, "description").unwrap_or_default().to_owned(),
        ..Checked::default()
    };
    match kind {
        DocumentType::Command | DocumentType::Policy => check_command(kind, value.clone()),
        DocumentType::Automation | DocumentType::AutomationChangeTemplate => {
            expect_version(kind, &version(), &["0.3"])?;
            let parameters = Runbook::read(root)?.described_parameters().to_vec();
            Ok(Checked { parameters, platforms: every_platform(), ..common() })
        }
        DocumentType::Session => {
            expect_version(kind, &version(), &["1.0"])?;
            check_session(root)?;
            Ok(Checked { parameters: declared(root)?, platforms: every_platform(), ..common() })
        }
        DocumentType::Package => {
            expect_version(kind, &version(), &["2.0"])?;
            let manifest = Manifest::from_json(&value)?;
            Ok(Checked { platforms: manifest.platforms(), ..common() })
        }
        DocumentType::ChangeCalendar => Err(unexpected("the document", "format TEXT for a calendar")),
        _ => Ok(common()),
    }
}

fn check_text(kind: &DocumentType, text: &str) -> Result<Checked, DocumentError> {
    use DocumentType as Kind;
    match kind {
        Kind::ChangeCalendar if !text.trim_start().starts_with("BEGIN:VCALENDAR") => {
            Err(unexpected("the document", "an iCalendar text, which begins with BEGIN:VCALENDAR"))
        }
        Kind::Command | Kind::Policy | Kind::Automation | Kind::AutomationChangeTemplate => {
            Err(unexpected("the document", "JSON or YAML for its type"))
        }
        Kind::Session | Kind::Package => Err(unexpected("the document", "JSON or YAML for its type")),
        _ => Ok(Checked::default()),
    }
}

fn expect_version(kind: &DocumentType, found: &str, expected: &[&str]) -> Result<(), DocumentError> {
    match expected.contains(&found) {
        true => Ok(()),
        false => Err(DocumentError::VersionOfType {
            found: found.to_owned(),
            kind: kind.as_str().to_owned(),
            expected: expected.join(", "),
        }),
    }
}

fn check_command(kind: &DocumentType, value: Value) -> Result<Checked, DocumentError> {
    let document = Document::from_json(value)?;
    let root = object(document.content(), "the document")?;
    if *kind == DocumentType::Policy && document.schema_version == SchemaVersion::V1_2 {
        expect_version(kind, "1.2", &["2.0", "2.2"])?;
    }
    only(root, &ROOT_MEMBERS, "")?;
    declared(root)?;
    document.check_defaults()?;
    for (index, step) in document.steps.iter().enumerate() {
        let (path, action) = match document.schema_version {
            SchemaVersion::V1_2 => ("runtimeConfig".to_owned(), step.action.clone()),
            _ => (format!("mainSteps[{index}].action"), step.action.clone()),
        };
        if !PLUGINS.contains(&step.action.as_str()) {
            return Err(DocumentError::UnknownPlugin { path, action });
        }
    }
    if document.schema_version != SchemaVersion::V1_2 {
        check_main_steps(&document, root)?;
    }
    document.check_placeholders()?;
    Ok(Checked {
        schema_version: text_of(root, "schemaVersion").unwrap_or_default().to_owned(),
        description: document.description.clone(),
        parameters: document.to_described_parameters(),
        platforms: document.platforms(),
    })
}

/// What reading steps passes over: members that mean nothing, conditions that can never be decided.
fn check_main_steps(document: &Document, root: &Map<String, Value>) -> Result<(), DocumentError> {
    let written = root.get("mainSteps").and_then(Value::as_array);
    for (index, value) in written.into_iter().flatten().enumerate() {
        let path = format!("mainSteps[{index}]");
        only(object(value, &path)?, &STEP_MEMBERS, &path)?;
    }
    let last = document.steps.len().saturating_sub(1);
    for (index, step) in document.steps.iter().enumerate() {
        let path = format!("mainSteps[{index}]");
        if step.is_finally() && index != last {
            return Err(unexpected(&format!("{path}.finallyStep"), "only the last step to be the final one"));
        }
        let Some(precondition) = &step.precondition else { continue };
        let path = format!("{path}.precondition");
        if document.schema_version != SchemaVersion::V2_2 {
            return Err(unexpected(&path, "schema version 2.2, where there are preconditions"));
        }
        check_operands(precondition).map_err(|reason| DocumentError::Precondition { path, reason })?;
    }
    Ok(())
}

fn check_session(root: &Map<String, Value>) -> Result<(), DocumentError> {
    let kind = text_of(root, "sessionType").unwrap_or_default();
    if !SESSION_TYPES.contains(&kind) {
        let expected = "Standard_Stream, InteractiveCommands, NonInteractiveCommands or Port";
        return Err(unexpected("sessionType", expected));
    }
    if let Some(inputs) = root.get("inputs") {
        object(inputs, "inputs")?;
    }
    Ok(())
}

/// Declarations with members that mean something.
fn declared(root: &Map<String, Value>) -> Result<Vec<ssm::DocumentParameter>, DocumentError> {
    let parameters = super::parameters::declarations(root)?;
    let written = root.get("parameters").and_then(Value::as_object);
    for (name, value) in written.into_iter().flatten() {
        let path = format!("parameters.{name}");
        only(object(value, &path)?, &PARAMETER_MEMBERS, &path)?;
    }
    Ok(parameters.iter().map(super::Parameter::to_described).collect())
}

pub(crate) fn only(members: &Map<String, Value>, allowed: &[&str], path: &str) -> Result<(), DocumentError> {
    match members.keys().find(|name| !allowed.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let separator = if path.is_empty() { "" } else { "." };
            Err(DocumentError::UnknownMember(format!("{path}{separator}{name}")))
        }
    }
}

pub(crate) fn unexpected(path: &str, expected: &'static str) -> DocumentError {
    DocumentError::Unexpected { path: path.to_owned(), expected }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
