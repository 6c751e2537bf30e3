//! Putting parameters into steps: `{{ name }}`, one pass, typed where the value stands alone.
//! References such as `{{ssm:name}}` are left to whoever can look them up.
//! Source: spec agent-protocol 7.6.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::Parameters;

static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{\s*([a-zA-Z0-9]+)\s*\}\}").expect("a constant pattern, used by tests"));

/// A value that is only a placeholder becomes the typed parameter; a list in the place of a list's
/// element is spread out. Within longer text the value is written as text.
pub fn interpolate(value: &Value, parameters: &Parameters) -> Value {
    match value {
        Value::String(text) => interpolate_text(text, parameters),
        Value::Array(elements) => Value::Array(
            elements.iter().flat_map(|element| interpolate_element(element, parameters)).collect(),
        ),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| (key.clone(), interpolate(value, parameters));
            Value::Object(map.iter().map(entry).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The names of all placeholders in a value.
pub fn placeholders(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.extend(PLACEHOLDER.captures_iter(text).map(|captures| captures[1].to_owned()));
        }
        Value::Array(elements) => elements.iter().for_each(|element| placeholders(element, found)),
        Value::Object(map) => map.values().for_each(|value| placeholders(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Texts as they are, the rest as compact JSON.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn interpolate_element(element: &Value, parameters: &Parameters) -> Vec<Value> {
    match (element, interpolate(element, parameters)) {
        (Value::String(_), Value::Array(spread)) => spread,
        (_, value) => vec![value],
    }
}

fn interpolate_text(text: &str, parameters: &Parameters) -> Value {
    let whole = PLACEHOLDER.captures(text).filter(|captures| captures[0].len() == text.trim().len());
    if let Some(value) = whole.and_then(|captures| parameters.pasted(&captures[1]).cloned()) {
        return value;
    }
    let replaced = PLACEHOLDER.replace_all(text, |captures: &Captures<'_>| {
        match parameters.pasted(&captures[1]) {
            // Stock agents halve doubled dollar signs here; documents are written with that in mind.
            Some(value) => as_text(value).replace("$$", "$"),
            None => captures[0].to_owned(),
        }
    });
    Value::String(replaced.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn placeholders_are_filled() {
        let values: Map<String, Value> = json!({
            "s": "text", "l": ["a", "b"], "n": 60, "b": false, "m": {"k": "v"}, "d": "a$$b", "nested": "{{ s }}"
        })
        .as_object()
        .unwrap()
        .clone();
        let parameters = Parameters { values, ..Parameters::default() };
        let rows = [
            (json!("{{ s }}"), json!("text")),
            (json!("{{s}}"), json!("text")),
            (json!(" {{ n }} "), json!(60)),
            (json!("{{ l }}"), json!(["a", "b"])),
            (json!(["x", "{{ l }}", "y"]), json!(["x", "a", "b", "y"])),
            (json!("{{ m }}"), json!({"k": "v"})),
            (json!("t={{ n }} {{ b }} {{m}} {{l}}"), json!("t=60 false {\"k\":\"v\"} [\"a\",\"b\"]")),
            (json!("<{{ d }}>"), json!("<a$b>")),
            (json!("{{ d }}"), json!("a$$b")),
            (json!("{{ nested }}"), json!("{{ s }}")), // one pass
            (json!("{{ unknown }} {{ssm:x}} {{a-b}}"), json!("{{ unknown }} {{ssm:x}} {{a-b}}")),
            (json!({"k": ["{{ s }}", 1, null]}), json!({"k": ["text", 1, null]})),
        ];
        for (value, expected) in rows {
            assert_eq!(interpolate(&value, &parameters), expected, "{value}");
        }
    }
}
