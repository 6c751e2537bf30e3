//! Conditions of aws:branch and aws:loop. Source: spec systems-manager 7.2.

use serde_json::{Map, Value};

use crate::document::{DocumentError, object, unexpected};

/// And, Or and Not within one another.
const MOST_LEVELS: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Test { variable: Value, operator: Operator, operand: Value },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    StringEquals,
    EqualsIgnoreCase,
    StartsWith,
    EndsWith,
    Contains,
    NumericEquals,
    NumericGreater,
    NumericLesser,
    NumericGreaterOrEquals,
    NumericLesserOrEquals,
    BooleanEquals,
}

const OPERATORS: [(&str, Operator); 11] = [
    ("StringEquals", Operator::StringEquals),
    ("EqualsIgnoreCase", Operator::EqualsIgnoreCase),
    ("StartsWith", Operator::StartsWith),
    ("EndsWith", Operator::EndsWith),
    ("Contains", Operator::Contains),
    ("NumericEquals", Operator::NumericEquals),
    ("NumericGreater", Operator::NumericGreater),
    ("NumericLesser", Operator::NumericLesser),
    ("NumericGreaterOrEquals", Operator::NumericGreaterOrEquals),
    ("NumericLesserOrEquals", Operator::NumericLesserOrEquals),
    ("BooleanEquals", Operator::BooleanEquals),
];

impl Condition {
    /// Reads an object that may say beside it where to go.
    pub fn read(value: &Value, path: &str) -> Result<Self, DocumentError> {
        read(value, path, 0)
    }

    /// With placeholders filled. A number or a boolean that is asked for and not there is an error.
    pub fn holds(&self) -> Result<bool, String> {
        match self {
            Self::Test { variable, operator, operand } => operator.holds(variable, operand),
            Self::All(parts) => parts.iter().try_fold(true, |all, part| Ok(all && part.holds()?)),
            Self::Any(parts) => parts.iter().try_fold(false, |any, part| Ok(any || part.holds()?)),
            Self::Not(part) => Ok(!part.holds()?),
        }
    }
}

fn read(value: &Value, path: &str, level: usize) -> Result<Condition, DocumentError> {
    let map = object(value, path)?;
    if level > MOST_LEVELS {
        return Err(unexpected(path, "fewer conditions within conditions"));
    }
    let parts = |name: &str| -> Result<Vec<Condition>, DocumentError> {
        let path = format!("{path}.{name}");
        let list = map.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| unexpected(&path, "a list of conditions"))?.iter().enumerate();
        list.map(|(index, part)| read(part, &format!("{path}[{index}]"), level + 1)).collect()
    };
    let named = ["And", "Or", "Not", "Variable"].into_iter().filter(|name| map.contains_key(*name));
    match named.collect::<Vec<_>>().as_slice() {
        ["And"] => Ok(Condition::All(parts("And")?)),
        ["Or"] => Ok(Condition::Any(parts("Or")?)),
        ["Not"] => {
            let part = map.get("Not").unwrap_or(&Value::Null);
            Ok(Condition::Not(Box::new(read(part, &format!("{path}.Not"), level + 1)?)))
        }
        ["Variable"] => test(map, path),
        _ => Err(unexpected(path, "Variable with an operator, or one of And, Or and Not")),
    }
}

fn test(map: &Map<String, Value>, path: &str) -> Result<Condition, DocumentError> {
    let variable = map.get("Variable").cloned().unwrap_or_default();
    let mut operators = OPERATORS.iter().filter_map(|(name, operator)| Some((*operator, map.get(*name)?)));
    match (operators.next(), operators.next()) {
        (Some((operator, operand)), None) => {
            Ok(Condition::Test { variable, operator, operand: operand.clone() })
        }
        _ => Err(unexpected(path, "one operator, such as StringEquals")),
    }
}

impl Operator {
    fn holds(self, variable: &Value, operand: &Value) -> Result<bool, String> {
        let (left, right) = (text(variable), text(operand));
        let numbers = || Ok::<_, String>((number(variable)?, number(operand)?));
        Ok(match self {
            Self::StringEquals => left == right,
            Self::EqualsIgnoreCase => left.to_lowercase() == right.to_lowercase(),
            Self::StartsWith => left.starts_with(&right),
            Self::EndsWith => left.ends_with(&right),
            Self::Contains => match variable {
                Value::Array(elements) => elements.iter().any(|element| text(element) == right),
                _ => left.contains(&right),
            },
            Self::NumericEquals => numbers().map(|(left, right)| left == right)?,
            Self::NumericGreater => numbers().map(|(left, right)| left > right)?,
            Self::NumericLesser => numbers().map(|(left, right)| left < right)?,
            Self::NumericGreaterOrEquals => numbers().map(|(left, right)| left >= right)?,
            Self::NumericLesserOrEquals => numbers().map(|(left, right)| left <= right)?,
            Self::BooleanEquals => boolean(variable)? == boolean(operand)?,
        })
    }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn number(value: &Value) -> Result<f64, String> {
    let found = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| format!("`{}` is not a number", text(value)))
}

pub(super) fn boolean(value: &Value) -> Result<bool, String> {
    let found = match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| format!("`{}` is not a boolean", text(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_are_decided() {
        let rows = [
            (json!({"Variable": "a", "StringEquals": "a"}), Ok(true)),
            (json!({"Variable": "a", "StringEquals": "A"}), Ok(false)),
            (json!({"Variable": "ab", "EqualsIgnoreCase": "AB"}), Ok(true)),
            (json!({"Variable": "ab", "StartsWith": "a"}), Ok(true)),
            (json!({"Variable": "ab", "EndsWith": "a"}), Ok(false)),
            (json!({"Variable": "abc", "Contains": "b"}), Ok(true)),
            (json!({"Variable": ["ab", "c"], "Contains": "b"}), Ok(false)),
            (json!({"Variable": ["ab", "c"], "Contains": "c"}), Ok(true)),
            (json!({"Variable": 3, "NumericEquals": "3"}), Ok(true)),
            (json!({"Variable": "3.5", "NumericGreater": 3}), Ok(true)),
            (json!({"Variable": 3, "NumericLesser": 3}), Ok(false)),
            (json!({"Variable": 3, "NumericGreaterOrEquals": 3}), Ok(true)),
            (json!({"Variable": 4, "NumericLesserOrEquals": 3}), Ok(false)),
            (json!({"Variable": "True", "BooleanEquals": true}), Ok(true)),
            (json!({"Variable": "x", "NumericEquals": 1}), Err("`x` is not a number")),
            (json!({"Variable": 1, "BooleanEquals": true}), Err("`1` is not a boolean")),
            (json!({"Not": {"Variable": "a", "StringEquals": "a"}}), Ok(false)),
            (
                json!({"And": [{"Variable": 1, "NumericEquals": 1}, {"Variable": 2, "NumericEquals": 1}]}),
                Ok(false),
            ),
            (
                json!({"Or": [{"Variable": 1, "NumericEquals": 1}, {"Variable": "x", "NumericEquals": 1}]}),
                Ok(true),
            ),
            (json!({"NextStep": "n", "Variable": "a", "StringEquals": "a"}), Ok(true)),
        ];
        for (value, expected) in rows {
            let found = Condition::read(&value, "c").unwrap().holds();
            assert_eq!(found, expected.map_err(str::to_owned), "{value}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused_with_its_place() {
        let rows = [
            (json!("x"), "c: expected an object"),
            (json!({}), "c: expected Variable"),
            (json!({"Variable": 1}), "c: expected one operator"),
            (json!({"Variable": 1, "StringEquals": 1, "Contains": 1}), "c: expected one operator"),
            (json!({"And": []}), "c.And: expected a list"),
            (json!({"Or": [{"Not": {"Variable": 1}}]}), "c.Or[0].Not: expected one operator"),
            (json!({"And": [{}], "Or": [{}]}), "c: expected Variable"),
        ];
        for (value, expected) in rows {
            let error = Condition::read(&value, "c").unwrap_err().to_string();
            assert!(error.contains(expected), "{value}: {error}");
        }
    }
}
