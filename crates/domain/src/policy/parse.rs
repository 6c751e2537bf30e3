//! Reads a policy document. What is not understood is refused with its place: a condition that nobody evaluates would
//! forbid nothing.

use serde_json::{Map, Value};

use super::condition::{Condition, Key, OPERATORS, Operator};
use super::wildcard::Pattern;
use super::{Effect, Policy, Scope, Statement};

const VERSION: &str = "2012-10-17";
/// Of a statement.
const MEMBERS: [&str; 7] = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// What of a document is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct PolicyError {
    /// `Statement[0].Action[2]`; `$` for the whole.
    pub path: String,
    pub reason: String,
}

fn wrong(path: impl Into<String>, reason: impl Into<String>) -> PolicyError {
    PolicyError { path: path.into(), reason: reason.into() }
}

pub fn policy(text: &str) -> Result<Policy, PolicyError> {
    if text.len() > Policy::MAX_BYTES {
        return Err(wrong("$", format!("the document is longer than {} bytes", Policy::MAX_BYTES)));
    }
    let document: Value = serde_json::from_str(text)
        .map_err(|error| wrong("$", format!("the document is not JSON: {error}")))?;
    let document = object(&document, "$")?;
    known(document, "$", &["Version", "Id", "Statement"])?;
    match document.get("Version").and_then(Value::as_str) {
        Some(VERSION) => {}
        _ => return Err(wrong("Version", format!("expected \"{VERSION}\""))),
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => {
            let numbered = list.iter().enumerate();
            numbered.map(|(at, one)| statement(one, &format!("Statement[{at}]"))).collect::<Result<_, _>>()?
        }
        Some(one @ Value::Object(_)) => vec![statement(one, "Statement")?],
        _ => return Err(wrong("Statement", "expected a statement, or a list of them")),
    };
    Ok(Policy { statements })
}

fn statement(value: &Value, path: &str) -> Result<Statement, PolicyError> {
    let members = object(value, path)?;
    known(members, path, &MEMBERS)?;
    let effect = match members.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(wrong(format!("{path}.Effect"), "expected \"Allow\" or \"Deny\"")),
    };
    Ok(Statement {
        effect,
        actions: scope(members, path, "Action", is_action, "`*`, or `SERVICE:OPERATION` such as `ssm:Get*`")?,
        resources: scope(members, path, "Resource", is_resource, "`*`, or an ARN of six parts")?,
        conditions: match members.get("Condition") {
            Some(block) => conditions(block, &format!("{path}.Condition"))?,
            None => vec![],
        },
    })
}

/// `NAME` or `NotNAME`.
fn scope(
    members: &Map<String, Value>,
    path: &str,
    name: &str,
    is_valid: fn(&str) -> bool,
    expected: &str,
) -> Result<Scope, PolicyError> {
    let not = format!("Not{name}");
    let (value, name, make): (_, _, fn(Vec<Pattern>) -> Scope) =
        match (members.get(name), members.get(not.as_str())) {
            (Some(value), None) => (value, name, Scope::AnyOf),
            (None, Some(value)) => (value, not.as_str(), Scope::NoneOf),
            _ => return Err(wrong(path, format!("expected either {name} or {not}"))),
        };
    let path = format!("{path}.{name}");
    let check = |text: &str, path: &str| match is_valid(text) {
        true => pattern(text, path),
        false => Err(wrong(path, format!("`{}` is none: expected {expected}", shown(text)))),
    };
    Ok(make(texts(value, &path, check)?))
}

fn is_action(text: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?_".contains(&b))
    };
    text == "*" || text.split_once(':').is_some_and(|(service, name)| is_plain(service) && is_plain(name))
}

fn is_resource(text: &str) -> bool {
    text == "*" || (text.starts_with("arn:") && text.splitn(6, ':').count() == 6)
}

fn conditions(block: &Value, path: &str) -> Result<Vec<Condition>, PolicyError> {
    let mut found = vec![];
    for (name, keys) in object(block, path)? {
        let path = format!("{path}.{}", shown(name));
        let (plain, if_exists) = match name.strip_suffix("IfExists") {
            Some(plain) => (plain, true),
            None => (name.as_str(), false),
        };
        let operator = OPERATORS.iter().find(|(known, _)| *known == plain).map(|(_, operator)| *operator);
        let operator = operator.filter(|operator| !(if_exists && *operator == Operator::Null));
        let Some(operator) = operator else {
            let known: Vec<&str> = OPERATORS.iter().map(|(known, _)| *known).collect();
            return Err(wrong(path, format!("not evaluated here: expected one of {}", known.join(", "))));
        };
        for (key, values) in object(keys, &path)? {
            let path = format!("{path}.{}", shown(key));
            let Some(key) = Key::parse(key) else {
                let expected = "aws:ResourceTag/KEY, ssm:resourceTag/KEY or aws:username";
                return Err(wrong(path, format!("not known here: expected {expected}")));
            };
            let values = texts(values, &path, pattern)?;
            found.push(Condition { operator, if_exists, key, values });
        }
    }
    Ok(found)
}

/// A text, or a list of them that is not empty.
fn texts(
    value: &Value,
    path: &str,
    read: impl Fn(&str, &str) -> Result<Pattern, PolicyError>,
) -> Result<Vec<Pattern>, PolicyError> {
    let one = |value: &Value, path: &str| match value {
        Value::String(text) => read(text, path),
        Value::Bool(flag) => read(&flag.to_string(), path),
        _ => Err(wrong(path, "expected a text")),
    };
    match value {
        Value::Array(list) if list.is_empty() => Err(wrong(path, "expected at least one text")),
        Value::Array(list) => {
            let numbered = list.iter().enumerate();
            numbered.map(|(at, value)| one(value, &format!("{path}[{at}]"))).collect()
        }
        value => Ok(vec![one(value, path)?]),
    }
}

fn pattern(text: &str, path: &str) -> Result<Pattern, PolicyError> {
    Pattern::parse(text).map_err(|variable| {
        wrong(
            path,
            format!("the variable `{}` is not known here: expected ${{aws:username}}", shown(&variable)),
        )
    })
}

fn object<'v>(value: &'v Value, path: &str) -> Result<&'v Map<String, Value>, PolicyError> {
    value.as_object().ok_or_else(|| wrong(path, "expected an object"))
}

fn known(members: &Map<String, Value>, path: &str, names: &[&str]) -> Result<(), PolicyError> {
    match members.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => {
            let path = if path == "$" { shown(name) } else { format!("{path}.{}", shown(name)) };
            Err(wrong(path, format!("not a member of this: expected one of {}", names.join(", "))))
        }
        None => Ok(()),
    }
}

/// Of what a client wrote, as much as a message bears.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
