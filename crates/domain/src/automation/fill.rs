//! Placeholders of runbooks: `{{ name }}`, `{{ step.output }}`, `{{ global:REGION }}` and their like, one pass.
//! Source: spec systems-manager 7.1.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use api::Timestamp;
use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::choice::text;

pub(super) const GLOBALS: [&str; 5] = ["ACCOUNT_ID", "DATE", "DATE_TIME", "AWS_PARTITION", "REGION"];

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*([A-Za-z0-9_.:\-]+)\s*\}\}").expect("a constant pattern, used by tests")
});

/// Of an execution, for whoever asks by name.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub execution_id: &'a str,
}

impl Names<'_> {
    /// What every step may ask for, by name.
    pub fn all(&self, now: Timestamp) -> Map<String, Value> {
        let globals = GLOBALS.iter().map(|name| format!("global:{name}"));
        let names = globals.chain(std::iter::once("automation:EXECUTION_ID".to_owned()));
        names.filter_map(|name| self.lookup(&name, now).map(|value| (name, value))).collect()
    }

    pub(super) fn lookup(&self, name: &str, now: Timestamp) -> Option<Value> {
        let text = match name {
            "automation:EXECUTION_ID" => self.execution_id.to_owned(),
            "global:ACCOUNT_ID" => self.account.to_owned(),
            "global:REGION" => self.region.to_owned(),
            "global:AWS_PARTITION" => "aws".to_owned(),
            "global:DATE" => now.to_iso_seconds().chars().take(10).collect(),
            "global:DATE_TIME" => {
                let iso = now.to_iso_seconds();
                iso.trim_end_matches('Z').replace('T', "_").replace(':', ".")
            }
            _ => return None,
        };
        Some(Value::String(text))
    }
}

/// A text that is only a placeholder becomes the value with its type; a list in the place of a list's element is spread
/// out; within longer text values are written as text. The first name that stands for nothing is the error.
pub(super) fn fill(value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Value, String> {
    match value {
        Value::String(text) => fill_text(text, lookup),
        Value::Array(elements) => {
            let mut filled = Vec::new();
            for element in elements {
                match (element, fill(element, lookup)?) {
                    (Value::String(_), Value::Array(spread)) => filled.extend(spread),
                    (_, value) => filled.push(value),
                }
            }
            Ok(Value::Array(filled))
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| Ok((key.clone(), fill(value, lookup)?)));
            Ok(Value::Object(entries.collect::<Result<_, String>>()?))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

fn fill_text(content: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Value, String> {
    let found = |name: &str| lookup(name).ok_or_else(|| name.to_owned());
    if let Some(captures) = PLACEHOLDER.captures(content)
        && captures[0].len() == content.trim().len()
    {
        return found(&captures[1]);
    }
    let mut missing = None;
    let filled = PLACEHOLDER.replace_all(content, |captures: &Captures<'_>| {
        found(&captures[1]).map(|value| text(&value)).unwrap_or_else(|name| {
            missing.get_or_insert(name);
            String::new()
        })
    });
    let filled = filled.into_owned();
    match missing {
        Some(name) => Err(name),
        None => Ok(Value::String(filled)),
    }
}

/// The names of all placeholders in a value.
pub(super) fn placeholders(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.extend(PLACEHOLDER.captures_iter(text).map(|captures| captures[1].to_owned()));
        }
        Value::Array(elements) => elements.iter().for_each(|element| placeholders(element, found)),
        Value::Object(map) => map.values().for_each(|value| placeholders(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_are_filled_with_their_types() {
        let lookup = |name: &str| match name {
            "s" => Some(json!("text")),
            "l" => Some(json!(["a", "b"])),
            "step.N" => Some(json!(3)),
            "variable:m" => Some(json!({"k": true})),
            "nested" => Some(json!("{{ s }}")),
            _ => None,
        };
        let rows = [
            (json!("{{ s }}"), Ok(json!("text"))),
            (json!(" {{step.N}} "), Ok(json!(3))),
            (json!("{{ variable:m }}"), Ok(json!({"k": true}))),
            (json!("n={{ step.N }} {{ l }} {{variable:m}}"), Ok(json!("n=3 [\"a\",\"b\"] {\"k\":true}"))),
            (json!(["x", "{{ l }}", ["{{ s }}"]]), Ok(json!(["x", "a", "b", ["text"]]))),
            (json!({"k": ["{{ s }}", 1, null]}), Ok(json!({"k": ["text", 1, null]}))),
            (json!("{{ nested }}"), Ok(json!("{{ s }}"))), // one pass
            (json!("a {{ gone }}"), Err("gone".to_owned())),
            (json!({"k": "{{ gone.x }}"}), Err("gone.x".to_owned())),
        ];
        for (value, expected) in rows {
            assert_eq!(fill(&value, &lookup), expected, "{value}");
        }
    }

    #[test]
    fn an_execution_knows_its_names() {
        let names = Names { account: "123456789012", region: "eu-central-1", execution_id: "e" };
        let now = Timestamp::parse("2026-03-01T12:34:56Z").unwrap();
        let rows = [
            ("global:DATE", Some("2026-03-01")),
            ("global:DATE_TIME", Some("2026-03-01_12.34.56")),
            ("global:ACCOUNT_ID", Some("123456789012")),
            ("global:REGION", Some("eu-central-1")),
            ("global:AWS_PARTITION", Some("aws")),
            ("automation:EXECUTION_ID", Some("e")),
            ("global:MOON", None),
        ];
        for (name, expected) in rows {
            assert_eq!(names.lookup(name, now), expected.map(|text| json!(text)), "{name}");
        }
    }
}
