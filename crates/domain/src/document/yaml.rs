//! Documents that are written in YAML: read into the values that JSON has, and written from them. The order of keys stays.
//! What a document means is the files' beside this one.
//! Source: YAML 1.2's core schema; spec systems-manager 2.3.

use serde_json::{Map, Number, Value};
use yaml_rust2::Yaml;
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::TScalarStyle;

/// Deeper nesting is no document of this service, but a way to exhaust a stack.
const MAX_DEPTH: usize = 64;

/// Reads one YAML document. The reason of a failure names the line.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    // The parser hands out events one by one and does not nest; the builder keeps its own stack.
    loop {
        let (event, marker) = parser.next_token().map_err(|error| error.to_string())?;
        let at = |reason: &str| format!("{reason} at line {}", marker.line());
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart if builder.root.is_some() => return Err(at("a second document begins")),
            Event::Alias(_) => return Err(at("aliases are not supported")),
            Event::Scalar(text, style, _, _) => builder.scalar(text, style).map_err(|reason| at(&reason))?,
            Event::SequenceStart(..) => builder.open(Open::List(Vec::new())).map_err(|reason| at(&reason))?,
            Event::MappingStart(..) => {
                builder.open(Open::Map(Map::new(), None)).map_err(|reason| at(&reason))?;
            }
            Event::SequenceEnd | Event::MappingEnd => builder.close().map_err(|reason| at(&reason))?,
            Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => {}
        }
    }
    builder.root.ok_or_else(|| "there is nothing in it".to_owned())
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Value>,
}

enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Map(Map<String, Value>, Option<String>),
}

impl Builder {
    fn open(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} levels are nested"));
        }
        if let Some(Open::Map(_, None)) = self.open.last() {
            return Err("a key is not a text".to_owned());
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(Open::List(elements)) => self.value(Value::Array(elements)),
            Some(Open::Map(members, _)) => self.value(Value::Object(members)),
            None => Err("something ends that did not begin".to_owned()),
        }
    }

    fn scalar(&mut self, text: String, style: TScalarStyle) -> Result<(), String> {
        if let Some(Open::Map(members, key @ None)) = self.open.last_mut() {
            if members.contains_key(&text) {
                return Err(format!("the key `{text}` is given twice"));
            }
            *key = Some(text);
            return Ok(());
        }
        self.value(if style == TScalarStyle::Plain { plain(text) } else { Value::String(text) })
    }

    fn value(&mut self, value: Value) -> Result<(), String> {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(elements)) => elements.push(value),
            Some(Open::Map(members, key)) => {
                let key = key.take().ok_or("a key is not a text")?;
                members.insert(key, value);
            }
        }
        Ok(())
    }
}

/// What a text without quotes stands for.
fn plain(text: String) -> Value {
    match Yaml::from_str(&text) {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => Value::Bool(value),
        Yaml::Integer(value) => Value::from(value),
        Yaml::Real(_) => match text.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => Value::String(text),
        },
        _ => Value::String(text),
    }
}

/// As YAML, ending with a line feed. Scripts are written as blocks of lines, as people write them.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Array(_) | Value::Object(_) => write_nested(&mut text, value, 0),
        scalar => text.push_str(&quoted(scalar)),
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Lists and objects: their elements, each on lines of its own. The text ends where the first element may stand.
fn write_nested(text: &mut String, value: &Value, indent: usize) {
    let pad = |text: &mut String, is_first: bool| {
        if !is_first {
            text.push_str(&" ".repeat(indent));
        }
    };
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            for (index, element) in elements.iter().enumerate() {
                pad(text, index == 0);
                text.push_str("- ");
                write_element(text, element, indent + 2);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (index, (key, member)) in members.iter().enumerate() {
                pad(text, index == 0);
                text.push_str(&quoted(&Value::String(key.clone())));
                text.push(':');
                if is_open(member) {
                    text.push('\n');
                    text.push_str(&" ".repeat(indent + 2));
                    write_nested(text, member, indent + 2);
                } else {
                    text.push(' ');
                    write_element(text, member, indent + 2);
                }
            }
        }
        empty => {
            text.push_str(&empty.to_string());
            text.push('\n');
        }
    }
}

/// Whether it takes lines of its own.
fn is_open(value: &Value) -> bool {
    match value {
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    }
}

fn write_element(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Array(_) | Value::Object(_) => write_nested(text, value, indent),
        Value::String(lines) if is_block(lines) => {
            text.push_str(if lines.ends_with('\n') { "|\n" } else { "|-\n" });
            for line in lines.lines() {
                if !line.is_empty() {
                    text.push_str(&" ".repeat(indent));
                    text.push_str(line);
                }
                text.push('\n');
            }
        }
        scalar => {
            text.push_str(&quoted(scalar));
            text.push('\n');
        }
    }
}

/// Several lines that a block keeps as they are: the first one shows the indentation, one line feed at most ends them.
fn is_block(text: &str) -> bool {
    let is_kept =
        |line: &str| line.is_empty() || (!line.trim().is_empty() && !line.contains(char::is_control));
    let first = text.lines().next().unwrap_or_default();
    let starts = !first.is_empty() && !first.starts_with(char::is_whitespace);
    text.contains('\n')
        && starts
        && !text.ends_with("\n\n")
        && !text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'])
        && text.split('\n').all(is_kept)
}

/// What readers of YAML 1.1 take for a truth value.
const TRUTHS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];

/// Without quotes where nothing else can be meant, else as JSON writes it, which YAML reads as well.
fn quoted(scalar: &Value) -> String {
    let Value::String(text) = scalar else { return scalar.to_string() };
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " _-./:".contains(c))
        && !text.contains(": ")
        && TRUTHS.iter().all(|truth| !text.eq_ignore_ascii_case(truth))
        && plain(text.clone()).is_string();
    if is_plain { text.clone() } else { scalar.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_documents_are_written_in() {
        let text = "---\nschemaVersion: \"2.2\"\nparameters:\n  Count: {type: String, default: '3'}\nmainSteps:\n- action: \
                    aws:runShellScript\n  name: one\n  inputs:\n    timeoutSeconds: 60\n    onFailure: exit\n    \
                    finallyStep: true\n    runCommand:\n    - |\n      echo {{ Count }}\n      exit 0\n    - >-\n      \
                    a\n      b\n  empty:\n";
        let expected = json!({"schemaVersion": "2.2", "parameters": {"Count": {"type": "String", "default": "3"}},
            "mainSteps": [{"action": "aws:runShellScript", "name": "one", "inputs": {"timeoutSeconds": 60,
                "onFailure": "exit", "finallyStep": true, "runCommand": ["echo {{ Count }}\nexit 0\n", "a b"]},
                "empty": null}]});
        let read = parse(text).unwrap();
        assert_eq!(read, expected);
        let keys: Vec<&String> = read.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["schemaVersion", "parameters", "mainSteps"]);
    }

    #[test]
    fn refusals_say_where() {
        let (deep, deeper) = ("[".repeat(MAX_DEPTH + 1), "[".repeat(100_000));
        for (text, expected) in [
            ("a: [", "line 2"),
            ("a: 1\na: 2\n", "`a` is given twice at line 2"),
            ("a: &x 1\nb: *x\n", "aliases are not supported at line 2"),
            ("--- 1\n--- 2\n", "a second document"),
            ("? [a]\n: b\n", "a key is not a text"),
            ("", "nothing in it"),
            (&deep, "levels are nested"),
            (&deeper, "recursion limit"),
        ] {
            let reason = parse(text).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            "[ -~äöü\n]{0,20}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec(("[a-zA-Z :#-]{1,8}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in values()) {
            let text = write(&value);
            prop_assert_eq!(parse(&text), Ok(value), "{}", text);
        }

        #[test]
        fn nothing_panics(text in "[\\[\\]{}:,&*!|>'\"%@`# \na-c0-9-]{0,60}") {
            let _ = parse(&text);
        }
    }
}
