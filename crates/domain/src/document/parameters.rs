//! Parameter declarations: checking what a caller gave, typing it for delivery.
//! Source: spec systems-manager 1.2 and 2.2, agent-protocol 3.5.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm;
use regex::Regex;
use serde_json::{Map, Value};

use super::{Document, DocumentError, object, text_of};
use crate::parameter::{Stored, references_in_text, substitute};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    String,
    StringList,
    Boolean,
    Integer,
    StringMap,
    MapList,
}

impl ParameterType {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "String" => Some(Self::String),
            "StringList" => Some(Self::StringList),
            "Boolean" => Some(Self::Boolean),
            "Integer" => Some(Self::Integer),
            "StringMap" => Some(Self::StringMap),
            "MapList" => Some(Self::MapList),
            _ => None,
        }
    }
}

/// One declaration. Its pattern compiled when the document was read.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    pub kind: ParameterType,
    pub description: String,
    pub default: Option<Value>,
    pub allowed_values: Vec<String>,
    pub allowed_pattern: Option<Regex>,
    pub min_items: Option<usize>,
    pub max_items: Option<usize>,
    pub min_chars: Option<usize>,
    pub max_chars: Option<usize>,
    /// Handed to scripts as `SSM_<name>` instead of being pasted into them.
    pub is_environment_variable: bool,
}

impl PartialEq for Parameter {
    fn eq(&self, other: &Self) -> bool {
        let key = |p: &Self| (p.name.clone(), p.kind, p.default.clone(), p.allowed_values.clone());
        let pattern = |p: &Self| p.allowed_pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
        let limits = |p: &Self| (p.min_items, p.max_items, p.min_chars, p.max_chars);
        key(self) == key(other)
            && pattern(self) == pattern(other)
            && limits(self) == limits(other)
            && self.is_environment_variable == other.is_environment_variable
            && self.description == other.description
    }
}

/// Checked and typed values, defaults included: what a send-command payload carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    pub values: Map<String, Value>,
    pub(super) environment: Vec<String>,
}

impl Parameters {
    /// As an agent receives them.
    pub fn from_payload(document: &Document, values: Map<String, Value>) -> Self {
        let environment = document.parameters.iter().filter(|p| p.is_environment_variable);
        Self { values, environment: environment.map(|p| p.name.clone()).collect() }
    }

    /// What `{{ name }}` stands for; `None` leaves it as it is.
    pub fn pasted(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|_| !self.environment.iter().any(|held_back| held_back == name))
    }

    /// `SSM_<name>` and value of the parameters that are not pasted.
    pub fn environment(&self) -> Vec<(String, String)> {
        let value = |name: &String| self.values.get(name).map(super::interpolate::as_text);
        let pairs = self.environment.iter().filter_map(|name| Some((format!("SSM_{name}"), value(name)?)));
        pairs.collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("the document has no parameter `{0}`")]
    Unknown(String),
    #[error("the parameter `{0}` is required")]
    Required(String),
    #[error("the parameter `{name}` takes one value, got {count}")]
    OneValue { name: String, count: usize },
    #[error("the parameter `{name}`: `{value}` is not {expected}")]
    Value { name: String, value: String, expected: String },
    #[error("the parameter `{name}` has {count} items; expected {expected}")]
    Items { name: String, count: usize, expected: String },
    #[error("the parameter `{name}` has a value of {count} characters; expected {expected}")]
    Chars { name: String, count: usize, expected: String },
}

pub(crate) fn declarations(root: &Map<String, Value>) -> Result<Vec<Parameter>, DocumentError> {
    match root.get("parameters") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(parameters) => {
            let parameters = object(parameters, "parameters")?;
            parameters.iter().map(|(name, value)| declaration(name, value)).collect()
        }
    }
}

fn declaration(name: &str, value: &Value) -> Result<Parameter, DocumentError> {
    let path = format!("parameters.{name}");
    let map = object(value, &path)?;
    let kind = text_of(map, "type").and_then(ParameterType::parse);
    let kind = kind.ok_or_else(|| DocumentError::Unexpected {
        path: format!("{path}.type"),
        expected: "String, StringList, Boolean, Integer, StringMap or MapList",
    })?;
    let pattern = |pattern: &str| {
        // A full match is needed, whether or not the author wrote anchors.
        Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| DocumentError::Pattern { name: name.to_owned(), reason: error.to_string() })
    };
    let allowed = map.get("allowedValues").and_then(Value::as_array);
    let limit = |key| map.get(key).and_then(as_count);
    Ok(Parameter {
        name: name.to_owned(),
        kind,
        description: text_of(map, "description").unwrap_or_default().to_owned(),
        default: map.get("default").filter(|value| !value.is_null()).cloned(),
        allowed_values: allowed.into_iter().flatten().map(super::interpolate::as_text).collect(),
        allowed_pattern: text_of(map, "allowedPattern")
            .filter(|text| !text.is_empty())
            .map(pattern)
            .transpose()?,
        min_items: limit("minItems"),
        max_items: limit("maxItems"),
        min_chars: limit("minChars"),
        max_chars: limit("maxChars"),
        is_environment_variable: text_of(map, "interpolationType") == Some("ENV_VAR"),
    })
}

/// Numbers are written as numbers or as text.
fn as_count(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

impl Document {
    /// Checks what a caller gave against the declarations and adds defaults.
    pub fn resolve_parameters(
        &self,
        given: &BTreeMap<String, Vec<String>>,
    ) -> Result<Parameters, ParameterError> {
        let values = resolve(&self.parameters, given)?;
        Ok(Parameters::from_payload(self, values))
    }

    /// What [`Self::resolve_parameters`] would make of them if the values of Parameter Store stood in the place of references to
    /// them, defaults among them: as an agent will see them.
    pub fn resolve_stored(
        &self,
        given: &BTreeMap<String, Vec<String>>,
        stored: &BTreeMap<String, Stored>,
    ) -> Result<Parameters, ParameterError> {
        let values = resolve(&self.parameters, &filled(&self.parameters, given, stored))?;
        Ok(Parameters::from_payload(self, values))
    }

    /// That values in which references were filled in are still what the declarations allow.
    pub fn check_values(&self, values: &Map<String, Value>) -> Result<(), ParameterError> {
        let declared = self.parameters.iter();
        let mut given = declared.filter_map(|parameter| Some((parameter, values.get(&parameter.name)?)));
        given.try_for_each(|(parameter, value)| parameter.check_default(value))
    }

    /// As DescribeDocument lists them.
    pub fn to_described_parameters(&self) -> Vec<ssm::DocumentParameter> {
        self.parameters.iter().map(Parameter::to_described).collect()
    }

    /// That every default is a value the declaration allows.
    pub(super) fn check_defaults(&self) -> Result<(), ParameterErrorInDefault> {
        check_defaults(&self.parameters)
    }
}

pub(crate) fn check_defaults(declared: &[Parameter]) -> Result<(), ParameterErrorInDefault> {
    for parameter in declared {
        let Some(default) = &parameter.default else { continue };
        parameter.check_default(default).map_err(|error| ParameterErrorInDefault {
            name: parameter.name.clone(),
            error: Box::new(error),
        })?;
    }
    Ok(())
}

/// What a caller gave, checked and typed, with the defaults of the rest.
pub(crate) fn resolve(
    declared: &[Parameter],
    given: &BTreeMap<String, Vec<String>>,
) -> Result<Map<String, Value>, ParameterError> {
    if let Some(unknown) = given.keys().find(|name| !declared.iter().any(|p| p.name == **name)) {
        return Err(ParameterError::Unknown(unknown.clone()));
    }
    let mut values = Map::new();
    for parameter in declared {
        let value = match (given.get(&parameter.name), &parameter.default) {
            (Some(texts), _) => parameter.check(texts)?,
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(ParameterError::Required(parameter.name.clone())),
        };
        values.insert(parameter.name.clone(), value);
    }
    Ok(values)
}

/// What was given and every default that refers to Parameter Store, with values in the place of the references.
pub(crate) fn filled(
    declared: &[Parameter],
    given: &BTreeMap<String, Vec<String>>,
    stored: &BTreeMap<String, Stored>,
) -> BTreeMap<String, Vec<String>> {
    let mut filled = given.clone();
    for parameter in declared {
        if let (false, Some(default)) = (given.contains_key(&parameter.name), &parameter.default)
            && refers(&default.to_string())
        {
            filled.insert(parameter.name.clone(), parameter.texts_of(default));
        }
        let Some(texts) = filled.get_mut(&parameter.name) else { continue };
        *texts = match parameter.kind {
            ParameterType::StringList => {
                let list = Value::Array(texts.drain(..).map(Value::String).collect());
                parameter.texts_of(&substitute(&list, stored))
            }
            // A list is one text here.
            _ => texts.iter().map(|text| in_text(text, stored)).collect(),
        };
    }
    filled
}

fn in_text(text: &str, stored: &BTreeMap<String, Stored>) -> String {
    super::interpolate::as_text(&substitute(&Value::String(text.to_owned()), stored))
}

fn refers(text: &str) -> bool {
    let mut found = BTreeSet::new();
    references_in_text(text, &mut found);
    !found.is_empty()
}

/// A default that its own declaration refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}.default: {error}")]
pub struct ParameterErrorInDefault {
    name: String,
    error: Box<ParameterError>,
}

impl Parameter {
    pub(super) fn to_described(&self) -> ssm::DocumentParameter {
        ssm::DocumentParameter {
            name: Some(self.name.clone()),
            // The model knows two types only.
            r#type: Some(match self.kind {
                ParameterType::StringList => "StringList".into(),
                _ => "String".into(),
            }),
            description: Some(self.description.clone()).filter(|text| !text.is_empty()),
            default_value: self.default.as_ref().map(super::interpolate::as_text),
        }
    }

    /// A default is written as a value of its type; a text that reads as one will do.
    fn check_default(&self, default: &Value) -> Result<(), ParameterError> {
        if self.kind == ParameterType::StringList && !default.is_array() {
            return Err(self.refused(&default.to_string(), "a list of texts".to_owned()));
        }
        self.check(&self.texts_of(default)).map(drop)
    }

    /// A value as a caller would give it.
    fn texts_of(&self, value: &Value) -> Vec<String> {
        match (self.kind, value) {
            (ParameterType::StringList, Value::Array(elements)) => {
                elements.iter().map(super::interpolate::as_text).collect()
            }
            (_, value) => vec![super::interpolate::as_text(value)],
        }
    }

    fn check(&self, texts: &[String]) -> Result<Value, ParameterError> {
        if self.kind == ParameterType::StringList {
            self.check_range(texts.len(), self.min_items, self.max_items, |name, count, expected| {
                ParameterError::Items { name, count, expected }
            })?;
            texts.iter().try_for_each(|text| self.check_text(text))?;
            return Ok(texts.iter().cloned().map(Value::String).collect());
        }
        // Maps are given one by one, or as one list.
        let is_map = |text: &String| text.trim_start().starts_with('{');
        let are_maps = self.kind == ParameterType::MapList && !texts.is_empty() && texts.iter().all(is_map);
        let joined = are_maps.then(|| vec![format!("[{}]", texts.join(","))]);
        let texts = joined.as_deref().unwrap_or(texts);
        let [text] = texts else {
            return Err(ParameterError::OneValue { name: self.name.clone(), count: texts.len() });
        };
        self.check_text(text)?;
        self.typed(text)
    }

    fn check_text(&self, text: &str) -> Result<(), ParameterError> {
        // What refers to a stored parameter is checked once its value is known.
        if refers(text) {
            return Ok(());
        }
        if !self.allowed_values.is_empty() && !self.allowed_values.iter().any(|allowed| allowed == text) {
            return Err(self.refused(text, format!("one of {}", self.allowed_values.join(", "))));
        }
        if let Some(pattern) = self.allowed_pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            return Err(self.refused(text, format!("text matching {}", pattern.as_str())));
        }
        let count = text.chars().count();
        self.check_range(count, self.min_chars, self.max_chars, |name, count, expected| {
            ParameterError::Chars { name, count, expected }
        })
    }

    fn typed(&self, text: &str) -> Result<Value, ParameterError> {
        let value = match self.kind {
            ParameterType::String | ParameterType::StringList => Some(Value::String(text.to_owned())),
            ParameterType::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            ParameterType::Integer => text.trim().parse::<i64>().ok().map(Value::from),
            ParameterType::StringMap => serde_json::from_str(text).ok().filter(Value::is_object),
            ParameterType::MapList => serde_json::from_str(text).ok().filter(Value::is_array),
        };
        value.ok_or_else(|| self.refused(text, format!("a {:?}", self.kind)))
    }

    fn check_range(
        &self,
        count: usize,
        min: Option<usize>,
        max: Option<usize>,
        error: impl Fn(String, usize, String) -> ParameterError,
    ) -> Result<(), ParameterError> {
        if let Some(min) = min.filter(|min| count < *min) {
            return Err(error(self.name.clone(), count, format!("at least {min}")));
        }
        match max.filter(|max| count > *max) {
            Some(max) => Err(error(self.name.clone(), count, format!("at most {max}"))),
            None => Ok(()),
        }
    }

    fn refused(&self, value: &str, expected: String) -> ParameterError {
        let value = value.chars().take(200).collect();
        ParameterError::Value { name: self.name.clone(), value, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resolve(declaration: Value, given: Option<&[&str]>) -> Result<Value, String> {
        let document = Document::from_json(json!({"schemaVersion":"2.2","parameters":{"p":declaration},
            "mainSteps":[{"action":"aws:runShellScript","name":"s"}]}))
        .unwrap();
        let given = given.map(|texts| ("p".to_owned(), texts.iter().map(|t| (*t).to_owned()).collect()));
        let resolved = document.resolve_parameters(&given.into_iter().collect());
        resolved.map(|parameters| parameters.values["p"].clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_typed_and_checked() {
        let allowed = json!({"type":"String","allowedValues":["Scan","Install"]});
        let pattern = json!({"type":"String","allowedPattern":"[a-z]+"});
        let list = json!({"type":"StringList","minItems":1,"maxItems":2,"maxChars":3});
        let one = |kind: &str| json!({"type": kind});
        let rows = [
            (allowed.clone(), Some(&["Scan"][..]), Ok(json!("Scan"))),
            (allowed.clone(), Some(&["scan"]), Err("`scan` is not one of Scan, Install")),
            (allowed.clone(), None, Err("`p` is required")),
            (allowed.clone(), Some(&[]), Err("takes one value, got 0")),
            (allowed, Some(&["Scan", "Scan"]), Err("takes one value, got 2")),
            (pattern.clone(), Some(&["abc"]), Ok(json!("abc"))),
            (pattern.clone(), Some(&["abc1"]), Err("is not text matching")), // a full match
            (pattern.clone(), Some(&["{{ssm:/a/b}}"]), Ok(json!("{{ssm:/a/b}}"))),
            (pattern, Some(&["{{ssm: }} x"]), Err("is not text matching")), // no reference
            (list.clone(), Some(&["a", "b"]), Ok(json!(["a", "b"]))),
            (list.clone(), Some(&[]), Err("has 0 items; expected at least 1")),
            (list.clone(), Some(&["a", "b", "c"]), Err("has 3 items; expected at most 2")),
            (list, Some(&["abcd"]), Err("4 characters; expected at most 3")),
            (one("Boolean"), Some(&["True"]), Ok(json!(true))),
            (one("Boolean"), Some(&["yes"]), Err("is not a Boolean")),
            (one("Integer"), Some(&["42"]), Ok(json!(42))),
            (one("Integer"), Some(&["4x"]), Err("is not a Integer")),
            (one("StringMap"), Some(&[r#"{"a":1}"#]), Ok(json!({"a":1}))),
            (one("StringMap"), Some(&["[]"]), Err("is not a StringMap")),
            (one("MapList"), Some(&["[]"]), Ok(json!([]))),
            (json!({"type":"String","default":"x"}), None, Ok(json!("x"))),
            (json!({"type":"StringList","default":["x"]}), None, Ok(json!(["x"]))),
        ];
        for (declaration, given, expected) in rows {
            match (resolve(declaration.clone(), given), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value, expected),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
                (result, _) => panic!("{declaration} {given:?}: {result:?}"),
            }
        }
    }

    #[test]
    fn declarations_hold_of_the_values_behind_references() {
        let document = Document::from_json(json!({"schemaVersion":"2.2","parameters":{
            "word":{"type":"String","allowedPattern":"[a-z,]+","default":"{{ssm:w}}"},
            "lines":{"type":"StringList","maxItems":2,"default":["{{ssm:l}}"]}},
            "mainSteps":[{"action":"x","name":"s"}]}))
        .unwrap();
        let resolve = |word: &str, list: &str, given: &[(&str, &str)]| {
            let stored = |value: &str, is_list| Stored { value: value.to_owned(), is_list };
            let stored =
                BTreeMap::from([("w".to_owned(), stored(word, false)), ("l".to_owned(), stored(list, true))]);
            let given =
                given.iter().map(|(name, text)| ((*name).to_owned(), vec![(*text).to_owned()])).collect();
            let resolved = document.resolve_stored(&given, &stored).map_err(|error| error.to_string())?;
            document.check_values(&resolved.values).unwrap();
            Ok::<_, String>(Value::Object(resolved.values))
        };
        assert_eq!(resolve("x", "a,b", &[]), Ok(json!({"word": "x", "lines": ["a", "b"]})));
        assert!(resolve("X", "a,b", &[]).unwrap_err().contains("`X` is not text matching"));
        assert!(resolve("x", "a,b,c", &[]).unwrap_err().contains("has 3 items"));
        let given = [("word", "a{{ssm:l}}"), ("lines", "one")];
        assert_eq!(resolve("X", "b,c", &given), Ok(json!({"word": "ab,c", "lines": ["one"]})));
        let values = json!({"word": "NO"}).as_object().unwrap().clone();
        assert!(document.check_values(&values).is_err());
    }

    #[test]
    fn unknown_names_are_refused() {
        let document = shipped_shell();
        let given = BTreeMap::from([("comands".to_owned(), vec!["id".to_owned()])]);
        assert_eq!(document.resolve_parameters(&given), Err(ParameterError::Unknown("comands".to_owned())));
    }

    fn shipped_shell() -> Document {
        super::super::shipped::find("AWS-RunShellScript").unwrap().document()
    }

    #[test]
    fn environment_parameters_are_not_pasted() {
        let document = Document::from_json(json!({"schemaVersion":"2.2","parameters":{
            "m":{"type":"String","interpolationType":"ENV_VAR"},"n":{"type":"String"}},
            "mainSteps":[{"action":"aws:runShellScript","name":"s","inputs":{"runCommand":["echo {{m}} {{n}}"]}}]}))
        .unwrap();
        let text = |text: &str| vec![text.to_owned()];
        let given = BTreeMap::from([("m".to_owned(), text("$(id)")), ("n".to_owned(), text("1"))]);
        let parameters = document.resolve_parameters(&given).unwrap();
        assert_eq!(document.steps[0].resolved_inputs(&parameters)["runCommand"], json!(["echo {{m}} 1"]));
        assert_eq!(parameters.environment(), [("SSM_m".to_owned(), "$(id)".to_owned())]);
    }

    #[test]
    fn descriptions_of_lists_are_json() {
        let document = Document::from_json(json!({"schemaVersion":"2.2","parameters":{
            "l":{"type":"StringList","default":["a","b"]}},"mainSteps":[{"action":"x","name":"s"}]}))
        .unwrap();
        let described = document.to_described_parameters();
        assert_eq!(described[0].default_value.as_deref(), Some(r#"["a","b"]"#));
        assert_eq!(shipped_shell().to_described_parameters().len(), 3);
    }
}
