//! Outputs that a step takes from an answer: selected by JSONPath (RFC 9535), then put into their type.
//! Source: spec systems-manager 7.1.

use serde_json::{Value, json};
use serde_json_path::JsonPath;

use super::choice::{boolean, text};
use crate::document::{DocumentError, object, only, text_of, unexpected};

#[derive(Clone, Debug)]
pub struct Output {
    pub name: String,
    selector: JsonPath,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    String,
    Integer,
    Boolean,
    StringList,
    IntegerList,
    StringMap,
    MapList,
}

const KINDS: [(&str, Kind); 7] = [
    ("String", Kind::String),
    ("Integer", Kind::Integer),
    ("Boolean", Kind::Boolean),
    ("StringList", Kind::StringList),
    ("IntegerList", Kind::IntegerList),
    ("StringMap", Kind::StringMap),
    ("MapList", Kind::MapList),
];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    #[error("the selector `{0}` found nothing")]
    Nothing(String),
    #[error("the selector `{selector}` found {count} values where one is expected")]
    Several { selector: String, count: usize },
    #[error("the selector `{selector}` found `{found}`, which is no {expected}")]
    Kind { selector: String, found: String, expected: &'static str },
}

impl PartialEq for Output {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.selector == other.selector
    }
}

impl Output {
    pub(super) fn read(value: &Value, path: &str) -> Result<Self, DocumentError> {
        let map = object(value, path)?;
        only(map, &["Name", "Selector", "Type"], path)?;
        let name = text_of(map, "Name").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| unexpected(&format!("{path}.Name"), "a name"))?;
        let kind = text_of(map, "Type").unwrap_or("String");
        let kind = KINDS.iter().find(|(known, _)| *known == kind).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| {
            let expected = "String, Integer, Boolean, StringList, IntegerList, StringMap or MapList";
            unexpected(&format!("{path}.Type"), expected)
        })?;
        let selector = text_of(map, "Selector").unwrap_or("$");
        let selector = parse(selector)
            .map_err(|reason| DocumentError::Selector { path: format!("{path}.Selector"), reason })?;
        Ok(Self { name: name.to_owned(), selector, kind })
    }

    /// What it stands for in this answer.
    pub fn of(&self, answer: &Value) -> Result<Value, OutputError> {
        let nodes = self.selector.query(answer).all();
        let selector = || self.selector.to_string();
        // A list that is meant may be one value, or what a selector of many found.
        if matches!(self.kind, Kind::StringList | Kind::IntegerList | Kind::MapList) {
            let elements: Vec<&Value> = match nodes.as_slice() {
                [] => return Err(OutputError::Nothing(selector())),
                [Value::Array(elements)] => elements.iter().collect(),
                nodes => nodes.to_vec(),
            };
            return elements.into_iter().map(|element| self.element(element)).collect();
        }
        match nodes.as_slice() {
            [] => Err(OutputError::Nothing(selector())),
            [value] => self.single(value),
            nodes => Err(OutputError::Several { selector: selector(), count: nodes.len() }),
        }
    }

    fn single(&self, value: &Value) -> Result<Value, OutputError> {
        match self.kind {
            Kind::String => Ok(text(value).into()),
            Kind::Integer => self.integer(value),
            Kind::Boolean => boolean(value).map(Value::from).map_err(|_| self.no(value, "boolean")),
            _ if value.is_object() => Ok(value.clone()),
            _ => Err(self.no(value, "map")),
        }
    }

    fn element(&self, value: &Value) -> Result<Value, OutputError> {
        match self.kind {
            Kind::StringList => Ok(text(value).into()),
            Kind::IntegerList => self.integer(value),
            _ if value.is_object() => Ok(value.clone()),
            _ => Err(self.no(value, "map")),
        }
    }

    fn integer(&self, value: &Value) -> Result<Value, OutputError> {
        let whole = value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        whole.map(Value::from).ok_or_else(|| self.no(value, "whole number"))
    }

    fn no(&self, value: &Value, expected: &'static str) -> OutputError {
        let found = text(value).chars().take(200).collect();
        OutputError::Kind { selector: self.selector.to_string(), found, expected }
    }
}

pub(super) fn parse(selector: &str) -> Result<JsonPath, String> {
    JsonPath::parse(selector).map_err(|error| format!("`{selector}` is not a JSONPath: {error}"))
}

/// Whether what a selector finds in an answer is among the desired values, with what was found. Booleans are compared
/// without regard to letter case, numbers by what they are written as.
pub fn property_matches(answer: &Value, selector: &str, desired: &Value) -> Result<(bool, Value), String> {
    let nodes = parse(selector)?.query(answer).all();
    let wanted: Vec<&Value> = match desired {
        Value::Array(values) => values.iter().collect(),
        value => vec![value],
    };
    let equals = |found: &Value| {
        let found_text = text(found);
        let is_equal = |wanted: &&Value| {
            let wanted = text(wanted);
            if found.is_boolean() { wanted.eq_ignore_ascii_case(&found_text) } else { wanted == found_text }
        };
        wanted.iter().any(is_equal)
    };
    let found = match nodes.as_slice() {
        [one] => (*one).clone(),
        nodes => json!(nodes),
    };
    Ok((nodes.iter().any(|node| equals(node)), found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_selected_and_typed() {
        let answer = json!({"A": [{"Id": "x", "N": 1, "On": true}, {"Id": "y", "N": 2, "On": false}], "M": {"k": 1},
            "Names": ["p", "q"]});
        let rows = [
            ("$.A[0].Id", "String", Ok(json!("x"))),
            ("$.A[0].N", "Integer", Ok(json!(1))),
            ("$.A[0].N", "String", Ok(json!("1"))),
            ("$.A[0].On", "Boolean", Ok(json!(true))),
            ("$.A[*].Id", "StringList", Ok(json!(["x", "y"]))),
            ("$..N", "IntegerList", Ok(json!([1, 2]))),
            ("$.A[?(@.Id=='y')].N", "Integer", Ok(json!(2))),
            ("$.A[0:1].Id", "StringList", Ok(json!(["x"]))),
            ("$.Names", "StringList", Ok(json!(["p", "q"]))),
            ("$.M", "StringMap", Ok(json!({"k": 1}))),
            ("$.A", "MapList", Ok(answer["A"].clone())),
            ("$.M", "String", Ok(json!("{\"k\":1}"))),
            ("$.B", "String", Err("found nothing")),
            ("$..N", "Integer", Err("found 2 values")),
            ("$.A[0].Id", "Integer", Err("which is no whole number")),
            ("$.A[0].Id", "StringMap", Err("which is no map")),
        ];
        for (selector, kind, expected) in rows {
            let output = json!({"Name": "o", "Selector": selector, "Type": kind});
            let found = Output::read(&output, "o").unwrap().of(&answer);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{selector}"),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, expected) => panic!("{selector}: {found:?}, not {expected:?}"),
            }
        }
        let bad = json!({"Name": "o", "Selector": "Id[", "Type": "String"});
        let error = Output::read(&bad, "outputs[0]").unwrap_err().to_string();
        assert!(error.starts_with("outputs[0].Selector: `Id[` is not a JSONPath"), "{error}");
    }

    #[test]
    fn properties_are_compared_as_text() {
        let answer = json!({"A": [{"S": "Online", "On": true, "N": 3}]});
        let rows = [
            ("$.A[0].S", json!(["Online"]), true),
            ("$.A[0].S", json!(["online"]), false),
            ("$.A[0].S", json!("Online"), true),
            ("$.A[0].On", json!(["True"]), true),
            ("$.A[0].N", json!(["3", "4"]), true),
            ("$.A[0].Gone", json!(["x"]), false),
        ];
        for (selector, desired, expected) in rows {
            assert_eq!(property_matches(&answer, selector, &desired).unwrap().0, expected, "{selector}");
        }
    }
}
