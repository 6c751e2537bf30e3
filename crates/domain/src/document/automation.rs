//! Automation documents: that their steps exist, are of a known kind and lead to one another. Nothing here runs them.
//! Source: spec systems-manager 7.1 and 7.2.

use std::collections::BTreeSet;

use api::ssm;
use serde_json::{Map, Value};

use super::check::{only, unexpected};
use super::{DocumentError, object, text_of};

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
const ACTIONS: [&str; 26] = [
    "aws:approve",
    "aws:assertAwsResourceProperty",
    "aws:waitForAwsResourceProperty",
    "aws:branch",
    "aws:loop",
    "aws:sleep",
    "aws:pause",
    "aws:runCommand",
    "aws:executeAutomation",
    "aws:executeAwsApi",
    "aws:executeScript",
    "aws:executeStateMachine",
    "aws:invokeLambdaFunction",
    "aws:invokeWebhook",
    "aws:changeInstanceState",
    "aws:createImage",
    "aws:copyImage",
    "aws:deleteImage",
    "aws:runInstances",
    "aws:createStack",
    "aws:deleteStack",
    "aws:createTags",
    "aws:updateVariable",
    "aws:assertAWSResourceProperty",
    "aws:executeAWSApi",
    "aws:runInstance",
];
const PARAMETER_TYPES: [&str; 6] = ["String", "StringList", "Boolean", "Integer", "MapList", "StringMap"];

/// What the document's parameters are.
pub(super) fn check(root: &Map<String, Value>) -> Result<Vec<ssm::DocumentParameter>, DocumentError> {
    only(root, &ROOT_MEMBERS, "")?;
    let steps = root.get("mainSteps").and_then(Value::as_array).filter(|steps| !steps.is_empty());
    let steps = steps.ok_or_else(|| unexpected("mainSteps", "a list of steps"))?;
    check_steps(steps, "mainSteps", Nesting::Outside)?;
    parameters(root)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outside,
    InLoop,
}

fn check_steps(steps: &[Value], path: &str, nesting: Nesting) -> Result<(), DocumentError> {
    let mut names = BTreeSet::new();
    for (index, value) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let step = object(value, &path)?;
        let name = text_of(step, "name").unwrap_or_default();
        let is_name =
            (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err(DocumentError::StepName { path, name: name.to_owned() });
        }
        if !names.insert(name) {
            return Err(DocumentError::DuplicateStep { path, name: name.to_owned() });
        }
    }
    for (index, value) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let step = object(value, &path)?;
        check_action(step, &path, nesting)?;
        for (place, target) in targets(step) {
            if !names.contains(target) {
                let path = format!("{path}.{place}");
                return Err(DocumentError::UnknownStep { path, name: target.to_owned() });
            }
        }
    }
    Ok(())
}

fn check_action(step: &Map<String, Value>, path: &str, nesting: Nesting) -> Result<(), DocumentError> {
    let action = text_of(step, "action").unwrap_or_default();
    if !ACTIONS.contains(&action) {
        return Err(DocumentError::UnknownPlugin {
            path: format!("{path}.action"),
            action: action.to_owned(),
        });
    }
    if action != "aws:loop" {
        return Ok(());
    }
    if nesting == Nesting::InLoop {
        return Err(unexpected(path, "no loop within a loop"));
    }
    let path = format!("{path}.inputs.Steps");
    let steps = step.get("inputs").and_then(|inputs| inputs.get("Steps")).and_then(Value::as_array);
    let steps = steps.ok_or_else(|| unexpected(&path, "a list of steps"))?;
    check_steps(steps, &path, Nesting::InLoop)
}

/// The steps that a step names, with the place where it does.
fn targets(step: &Map<String, Value>) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    if let Some(next) = text_of(step, "nextStep") {
        found.push(("nextStep".to_owned(), next));
    }
    for place in ["onFailure", "onCancel"] {
        if let Some(target) = text_of(step, place).and_then(|text| text.strip_prefix("step:")) {
            found.push((place.to_owned(), target));
        }
    }
    let inputs = step.get("inputs").and_then(Value::as_object);
    let is_branch = text_of(step, "action") == Some("aws:branch");
    let Some(inputs) = inputs.filter(|_| is_branch) else { return found };
    let choices = inputs.get("Choices").and_then(Value::as_array);
    for (index, choice) in choices.into_iter().flatten().enumerate() {
        if let Some(next) = choice.get("NextStep").and_then(Value::as_str) {
            found.push((format!("inputs.Choices[{index}].NextStep"), next));
        }
    }
    if let Some(default) = inputs.get("Default").and_then(Value::as_str) {
        found.push(("inputs.Default".to_owned(), default));
    }
    found
}

/// Of these types, of resources such as `AWS::EC2::Instance::Id`, and of lists of those.
fn parameters(root: &Map<String, Value>) -> Result<Vec<ssm::DocumentParameter>, DocumentError> {
    let Some(declared) = root.get("parameters").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let described = object(declared, "parameters")?.iter().map(|(name, value)| {
        let path = format!("parameters.{name}");
        let declaration = object(value, &path)?;
        let kind = text_of(declaration, "type").unwrap_or_default();
        let element = kind.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>'));
        let is_resource = element.unwrap_or(kind).starts_with("AWS::");
        if !is_resource && !PARAMETER_TYPES.contains(&kind) {
            let expected = "String, StringList, Boolean, Integer, MapList, StringMap or a type of resource";
            return Err(unexpected(&format!("{path}.type"), expected));
        }
        let default = declaration.get("default").filter(|value| !value.is_null());
        Ok(ssm::DocumentParameter {
            name: Some(name.clone()),
            // The model knows two types only.
            r#type: Some(if element.is_some() || kind == "StringList" {
                "StringList".into()
            } else {
                "String".into()
            }),
            description: text_of(declaration, "description").map(str::to_owned),
            default_value: default
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        })
    });
    described.collect()
}
