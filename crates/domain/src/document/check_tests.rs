//! Documents that may be stored, and the reasons of those that may not.

use serde_json::json;

use super::*;

fn command(text: &str) -> Result<Checked, String> {
    check(&DocumentType::Command, &DocumentFormat::Json, text).map_err(|error| error.to_string())
}

fn steps(steps: Value) -> String {
    json!({"schemaVersion": "2.2", "parameters": {"a": {"type": "String"}}, "mainSteps": steps}).to_string()
}

fn step(extra: Value) -> Value {
    let mut step = json!({"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["id"]}});
    if let (Some(step), Some(extra)) = (step.as_object_mut(), extra.as_object()) {
        step.extend(extra.clone());
    }
    step
}

#[test]
fn refusals_name_the_path() {
    let rows = [
        ("{".to_owned(), "the content is not valid JSON"),
        (json!({"schemaVersion": "0.3"}).to_string(), "schemaVersion: `0.3` is not a version of Command"),
        (json!({"schemaVersion": "2.2", "mainSteps": [], "colour": 1}).to_string(), "mainSteps: expected"),
        (steps(json!([step(json!({"colour": "red"}))])), "mainSteps[0].colour: there is no such member"),
        (
            steps(json!([step(json!({"action": "aws:teleport"}))])),
            "mainSteps[0].action: `aws:teleport` is not",
        ),
        (steps(json!([step(json!({})), step(json!({}))])), "mainSteps[1]: the step name `s` is used twice"),
        (
            steps(json!([step(json!({"inputs": {"runCommand": ["{{ b }}"]}}))])),
            "the parameter `b` is used but",
        ),
        (
            steps(json!([step(json!({"precondition": {"StringLike": ["platformType", "Linux"]}}))])),
            "mainSteps[0].precondition: the only operator",
        ),
        (
            steps(json!([step(json!({"precondition": {"StringEquals": ["platformType", "Amiga"]}}))])),
            "mainSteps[0].precondition: platformType is compared with",
        ),
        (
            steps(json!([step(json!({"precondition": {"StringEquals": ["a", "b"]}}))])),
            "mainSteps[0].precondition: one argument must be",
        ),
        (
            steps(json!([step(json!({"finallyStep": true})), step(json!({"name": "t"}))])),
            "mainSteps[0].finallyStep: expected only the last",
        ),
        (
            json!({"schemaVersion": "2.2", "mainSteps": [step(json!({}))], "colour": "red"}).to_string(),
            "colour: there is no such member",
        ),
        (
            json!({"schemaVersion": "2.2", "mainSteps": [step(json!({}))],
                "parameters": {"p": {"type": "String", "allowedValue": ["a"]}}})
            .to_string(),
            "parameters.p.allowedValue: there is no such member",
        ),
        (
            json!({"schemaVersion": "2.2", "mainSteps": [step(json!({}))],
                "parameters": {"p": {"type": "String", "allowedValues": ["a"], "default": "b"}}})
            .to_string(),
            "parameters.p.default: the parameter `p`: `b` is not one of a",
        ),
        (
            json!({"schemaVersion": "2.2", "mainSteps": [step(json!({}))],
                "parameters": {"p": {"type": "StringList", "default": "b"}}})
            .to_string(),
            "parameters.p.default: the parameter `p`: `\"b\"` is not a list",
        ),
        (
            json!({"schemaVersion": "2.0", "mainSteps":
                [step(json!({"precondition": {"StringEquals": ["platformType", "Linux"]}}))]})
            .to_string(),
            "mainSteps[0].precondition: expected schema version 2.2",
        ),
        (
            json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:teleport": {"properties": [{}]}}})
                .to_string(),
            "runtimeConfig: `aws:teleport` is not a known action",
        ),
    ];
    for (text, expected) in rows {
        let error = command(&text).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_is_known_of_a_command_document() {
    let text = "schemaVersion: 2.2\ndescription: says hello\nparameters:\n  who: {type: String, default: world}\nmainSteps:\n\
                - action: aws:runShellScript\n  name: hello\n  onFailure: exit\n  precondition:\n    StringEquals: \
                [platformType, Linux]\n  inputs:\n    runCommand: ['echo {{ who }}']\n";
    let checked = check(&DocumentType::Command, &DocumentFormat::Yaml, text).unwrap();
    assert_eq!((checked.schema_version.as_str(), checked.description.as_str()), ("2.2", "says hello"));
    assert_eq!(checked.platforms, [Platform::Linux]);
    assert_eq!(checked.parameters[0].default_value.as_deref(), Some("world"));
    let value = value_of(text, &DocumentFormat::Yaml).unwrap().unwrap();
    // Beside the inputs means the same as among them.
    assert_eq!(Document::from_json(value).unwrap().steps[0].inputs["onFailure"], "exit");
    let not_yaml = check(&DocumentType::Command, &DocumentFormat::Yaml, "a: [").unwrap_err();
    assert!(not_yaml.to_string().contains("not valid YAML"), "{not_yaml}");
}

#[test]
fn other_types_have_rules_of_their_own() {
    use DocumentFormat::{Json, Text};
    use DocumentType as Kind;
    let automation = |steps: Value| json!({"schemaVersion": "0.3", "mainSteps": steps}).to_string();
    let sleep = |name: &str, next: &str| json!({"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "nextStep": next});
    let branch = json!({"name": "b", "action": "aws:branch",
        "inputs": {"Choices": [{"NextStep": "nowhere", "Variable": "x", "StringEquals": "y"}]}});
    let looped = json!({"name": "l", "action": "aws:loop", "inputs": {"Iterators": [1], "Steps": [sleep("a", "gone")]}});
    let package = |file: &str| {
        let files = json!({"a.zip": {"checksums": {"sha256": "0".repeat(64)}}});
        let packages = json!({"_any": {"_any": {"_any": {"file": file}}}});
        json!({"schemaVersion": "2.0", "version": "1", "packages": packages, "files": files}).to_string()
    };
    let session = |kind: &str| json!({"schemaVersion": "1.0", "sessionType": kind}).to_string();
    let ok = "";
    let rows = [
        (Kind::Automation, Json, automation(json!([sleep("a", "b"), sleep("b", "a")])), ok),
        (
            Kind::Automation,
            Json,
            automation(json!([sleep("a", "c")])),
            "mainSteps[0].nextStep: there is no step `c`",
        ),
        (
            Kind::Automation,
            Json,
            automation(json!([{"name": "a", "action": "aws:fly"}])),
            "`aws:fly` is not a known",
        ),
        (
            Kind::Automation,
            Json,
            automation(json!([{"name": "a", "action": "aws:runInstances"}])),
            "mainSteps[0].action: the step `a` cannot be run here: `aws:runInstances`: it acts on EC2",
        ),
        (Kind::Automation, Json, automation(json!([sleep("a", "a"), sleep("a", "a")])), "`a` is used twice"),
        (Kind::Automation, Json, automation(json!([branch])), "inputs.Choices[0].NextStep: there is no step"),
        (Kind::Automation, Json, automation(json!([looped])), "mainSteps[0].inputs.Steps[0].nextStep"),
        (
            Kind::Automation,
            Json,
            automation(json!([{"name": "a", "action": "aws:pause", "onFailure": "step:x"}])),
            "onFailure",
        ),
        (Kind::Automation, Json, steps(json!([step(json!({}))])), "`2.2` is not a version of Automation"),
        (Kind::Session, Json, session("Port"), ok),
        (Kind::Session, Json, session("Telepathy"), "sessionType: expected"),
        (Kind::Package, Json, package("a.zip"), ok),
        (Kind::Package, Json, package("b.zip"), "packages._any._any._any.file: expected"),
        (Kind::Package, Json, json!({"schemaVersion": "2.0"}).to_string(), "expected a manifest"),
        (Kind::ChangeCalendar, Text, "BEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned(), ok),
        (Kind::ChangeCalendar, Text, "hello".to_owned(), "iCalendar"),
        (Kind::ChangeCalendar, Json, "{}".to_owned(), "format TEXT"),
        (Kind::Command, Text, "id".to_owned(), "JSON or YAML"),
        (
            Kind::Policy,
            Json,
            json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{}]}}})
                .to_string(),
            "`1.2` is not a version of Policy",
        ),
        (Kind::CloudFormation, Json, json!({"anything": [1]}).to_string(), ok),
        (Kind::CloudFormation, Text, "a\u{0}b".to_owned(), "U+0000"),
    ];
    for (kind, format, text, expected) in rows {
        match check(&kind, &format, &text) {
            Ok(_) => assert_eq!(expected, ok, "{kind:?} {text}"),
            Err(error) => {
                let error = error.to_string();
                assert!(!expected.is_empty() && error.contains(expected), "{kind:?} {text}: {error}");
            }
        }
    }
}
