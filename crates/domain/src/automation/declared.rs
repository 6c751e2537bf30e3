//! What a runbook declares: its variables, and the parameters with the types that only runbooks have.
//! Source: spec systems-manager 2.2 and 7.1.

use std::collections::BTreeMap;

use api::ssm;
use serde_json::{Map, Value};

use crate::document::{DocumentError, object, text_of, unexpected};

const VARIABLE_TYPES: [&str; 6] = ["String", "Integer", "Boolean", "StringList", "StringMap", "MapList"];

#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    pub kind: String,
    pub default: Value,
}

pub(super) fn variables(root: &Map<String, Value>) -> Result<BTreeMap<String, Variable>, DocumentError> {
    let Some(declared) = root.get("variables").filter(|value| !value.is_null()) else {
        return Ok(BTreeMap::new());
    };
    let read = |(name, value): (&String, &Value)| {
        let path = format!("variables.{name}");
        let declaration = object(value, &path)?;
        let kind = text_of(declaration, "type").unwrap_or_default();
        if !VARIABLE_TYPES.contains(&kind) {
            let expected = "String, Integer, Boolean, StringList, StringMap or MapList";
            return Err(unexpected(&format!("{path}.type"), expected));
        }
        let default = declaration.get("default").cloned().unwrap_or(Value::Null);
        if !default.is_null() && !is_of(kind, &default) {
            return Err(unexpected(&format!("{path}.default"), "a value of its type"));
        }
        Ok((name.clone(), Variable { kind: kind.to_owned(), default }))
    };
    object(declared, "variables")?.iter().map(read).collect()
}

/// Nothing is converted.
pub(super) fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "String" => value.is_string(),
        "Integer" => value.is_i64() || value.is_u64(),
        "Boolean" => value.is_boolean(),
        "StringMap" => value.is_object(),
        "StringList" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        "MapList" => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
        _ => false,
    }
}

/// `AWS::EC2::Instance::Id` is a text and `List<AWS::EC2::Instance::Id>` a list of them.
fn plain_type(kind: &str) -> Option<&'static str> {
    match kind.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')) {
        Some(element) => element.starts_with("AWS::").then_some("StringList"),
        None => kind.starts_with("AWS::").then_some("String"),
    }
}

/// The declarations with types that all documents know.
pub(super) fn plain_types(root: &Map<String, Value>) -> Map<String, Value> {
    let mut parameters = root.get("parameters").cloned().unwrap_or_default();
    for declaration in parameters.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        let plain = declaration.get("type").and_then(Value::as_str).and_then(plain_type);
        if let (Some(plain), Some(declaration)) = (plain, declaration.as_object_mut()) {
            declaration.insert("type".to_owned(), plain.into());
        }
    }
    Map::from_iter([("parameters".to_owned(), parameters)])
}

/// The model knows two types only.
pub(super) fn described(root: &Map<String, Value>) -> Result<Vec<ssm::DocumentParameter>, DocumentError> {
    let Some(declared) = root.get("parameters").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let describe = |(name, value): (&String, &Value)| {
        let declaration = object(value, &format!("parameters.{name}"))?;
        let kind = text_of(declaration, "type").unwrap_or_default();
        let is_list = plain_type(kind).unwrap_or(kind) == "StringList";
        let default = declaration.get("default").filter(|value| !value.is_null());
        Ok(ssm::DocumentParameter {
            name: Some(name.clone()),
            r#type: Some(if is_list { "StringList".into() } else { "String".into() }),
            description: text_of(declaration, "description").map(str::to_owned),
            default_value: default
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        })
    };
    object(declared, "parameters")?.iter().map(describe).collect()
}
