//! References of documents to parameters: `{{ssm:name}}`, `{{ssm:name:version}}` and `{{ssm-secure:name}}`.
//! Finding them is for the server, which checks them, and for agents, which fill them in.
//! Source: systems-manager.md 1.2; agent-protocol.md 9.1.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*(ssm|ssm-secure):([/a-zA-Z0-9_.-]+(?::[/a-zA-Z0-9_.-]+)?)\s*\}\}")
        .expect("a constant pattern, used by tests")
});

/// What one refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// A name, or a name and a version: as GetParameters is asked.
    pub name: String,
    /// `ssm-secure`: for the plugins that take secrets, decrypted. No other is filled in.
    pub is_secure: bool,
}

/// A parameter's value, for those who may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub value: String,
    /// A StringList.
    pub is_list: bool,
}

/// Everything that a value refers to, wherever in it.
pub fn references(value: &Value, found: &mut BTreeSet<Reference>) {
    match value {
        Value::String(text) => references_in_text(text, found),
        Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
        Value::Object(map) => map.values().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The same of a text, which may be JSON.
pub fn references_in_text(text: &str, found: &mut BTreeSet<Reference>) {
    found.extend(REFERENCE.captures_iter(text).map(|captures| reference(&captures)));
}

fn reference(captures: &Captures<'_>) -> Reference {
    Reference { name: captures[2].to_owned(), is_secure: &captures[1] == "ssm-secure" }
}

/// Puts values in the place of plain references; a name that is not in `stored` stays as it is. A list that stands alone as an
/// element of a list is spread out there. One pass: what a value contains is not looked at.
pub fn substitute(value: &Value, stored: &BTreeMap<String, Stored>) -> Value {
    match value {
        Value::String(text) => Value::String(substitute_text(text, stored)),
        Value::Array(elements) => {
            Value::Array(elements.iter().flat_map(|element| substitute_element(element, stored)).collect())
        }
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| (key.clone(), substitute(value, stored));
            Value::Object(map.iter().map(entry).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Puts secrets in the place of `ssm-secure` references of one text; a name that is not in `secrets` stays as it is. One pass.
pub fn substitute_secrets(text: &str, secrets: &BTreeMap<String, String>) -> String {
    let replaced = REFERENCE.replace_all(text, |captures: &Captures<'_>| {
        let reference = reference(captures);
        let secret = secrets.get(&reference.name).filter(|_| reference.is_secure);
        secret.cloned().unwrap_or_else(|| captures[0].to_owned())
    });
    replaced.into_owned()
}

fn substitute_element(element: &Value, stored: &BTreeMap<String, Stored>) -> Vec<Value> {
    let whole = element.as_str().and_then(|text| {
        let captures = REFERENCE.captures(text)?;
        (captures[0].len() == text.trim().len()).then(|| reference(&captures))
    });
    let list =
        whole.filter(|reference| !reference.is_secure).and_then(|reference| stored.get(&reference.name));
    match list.filter(|stored| stored.is_list) {
        Some(stored) => stored.value.split(',').map(|part| Value::String(part.to_owned())).collect(),
        None => vec![substitute(element, stored)],
    }
}

fn substitute_text(text: &str, stored: &BTreeMap<String, Stored>) -> String {
    let replaced = REFERENCE.replace_all(text, |captures: &Captures<'_>| {
        let reference = reference(captures);
        match stored.get(&reference.name).filter(|_| !reference.is_secure) {
            Some(stored) => stored.value.clone(),
            None => captures[0].to_owned(),
        }
    });
    replaced.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_found() {
        let check = |value: Value, expected: &[&str]| {
            let mut found = BTreeSet::new();
            references(&value, &mut found);
            let shown: Vec<String> =
                found.iter().map(|r| format!("{}{}", if r.is_secure { "!" } else { "" }, r.name)).collect();
            assert_eq!(shown, expected, "{value}");
        };
        check(json!("echo {{ssm:/a/b:3}} {{ ssm:x }}"), &["/a/b:3", "x"]);
        check(json!({"k": ["{{ ssm-secure:key }}", {"l": "{{ssm:x}}{{ssm:x}}"}]}), &["!key", "x"]);
        check(json!("{{ssm:{{ssm:x}}"), &["x"]);
        check(json!("{{ssm:}} {{ssm:a b}} {{ ssm-secure: key }} ssm:x {{commands}} {{ssm:a:1:2}}"), &[]);
        check(json!([1, true, null]), &[]);
        let mut found = BTreeSet::new();
        references_in_text(&json!({"q": "say \"{{ssm:x}}\""}).to_string(), &mut found);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn secrets_take_the_place_of_their_references_alone() {
        let secrets = BTreeMap::from([("/k".to_owned(), "a\"{{ssm-secure:/k}}$1".to_owned())]);
        let check = |text: &str, expected: &str| assert_eq!(substitute_secrets(text, &secrets), expected);
        check("u:{{ ssm-secure:/k }}", "u:a\"{{ssm-secure:/k}}$1");
        check(
            "{{ssm:/k}} {{ssm-secure:k}} {{ssm-secure:/k:2}}",
            "{{ssm:/k}} {{ssm-secure:k}} {{ssm-secure:/k:2}}",
        );
    }

    #[test]
    fn values_take_the_place_of_references() {
        let stored = |value: &str, is_list| Stored { value: value.into(), is_list };
        let stored = BTreeMap::from([
            ("x".to_owned(), stored("one $1", false)),
            ("/l".to_owned(), stored("a,b", true)),
            ("x:2".to_owned(), stored("two", false)),
        ]);
        let rows = [
            (json!("echo {{ssm:x}}, {{ ssm:x:2 }}"), json!("echo one $1, two")),
            (json!(["{{ssm:x}}", " {{ssm:/l}} ", "z"]), json!(["one $1", "a", "b", "z"])),
            (json!(["<{{ssm:/l}}>"]), json!(["<a,b>"])),
            (json!("{{ssm:/l}}"), json!("a,b")),
            (json!({"k": {"l": ["{{ssm:/l}}"]}}), json!({"k": {"l": ["a", "b"]}})),
            (json!("{{ssm:gone}} {{ssm-secure:x}} {{x}}"), json!("{{ssm:gone}} {{ssm-secure:x}} {{x}}")),
            (json!(["{{ssm-secure:/l}}", 1, null]), json!(["{{ssm-secure:/l}}", 1, null])),
        ];
        for (value, expected) in rows {
            assert_eq!(substitute(&value, &stored), expected, "{value}");
        }
    }
}
