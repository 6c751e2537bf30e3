//! Documents that steps of a document fetch by themselves: `aws:runDocument`, and `aws:downloadContent` of a document that
//! `aws:runDocument` then runs from its file. Fetching them is for agents; what they refer to, for the server.
//! Source: spec agent-protocol 7.5.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A document may run one that runs one that runs one.
pub const MAX_DEPTH: u8 = 3;

const RUN: &str = "aws:runDocument";
const DOWNLOAD: &str = "aws:downloadContent";

/// Texts by the name of a parameter.
pub type Given = BTreeMap<String, Vec<String>>;

/// A document that a step names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// A name, or the ARN of one.
    pub name: String,
    pub version: Option<String>,
    /// What it may be run with: one, or where it comes as a file, those of each step that runs a file.
    pub given: Vec<Given>,
}

/// Which documents steps name, in their order: each step with its inputs, in which parameters have their values. A step that says
/// too little names none.
pub fn fetched_by<'a>(
    steps: impl Iterator<Item = (&'a str, &'a Map<String, Value>)> + Clone,
) -> Vec<Fetched> {
    let runs = steps.clone().filter(|(action, _)| *action == RUN).map(|(_, inputs)| inputs);
    let of_files = runs.filter(|inputs| text(inputs, "documentType") == "LocalPath");
    let of_files: Vec<Given> =
        of_files.filter_map(|inputs| given(inputs.get("documentParameters")).ok()).collect();
    let one = |(action, inputs): (&str, &Map<String, Value>)| match action {
        RUN if text(inputs, "documentType") == "SSMDocument" => {
            let given = given(inputs.get("documentParameters")).ok();
            fetched(text(inputs, "documentPath"), given.into_iter().collect())
        }
        DOWNLOAD if text(inputs, "sourceType") == "SSMDocument" => {
            let info = object(inputs.get("sourceInfo"))?;
            fetched(text(&info, "name"), of_files.clone())
        }
        _ => None,
    };
    steps.filter_map(one).collect()
}

fn fetched(path: &str, given: Vec<Given>) -> Option<Fetched> {
    let (name, version) = name_and_version(path)?;
    Some(Fetched { name: name.to_owned(), version: version.map(str::to_owned), given })
}

fn text<'a>(inputs: &'a Map<String, Value>, name: &str) -> &'a str {
    inputs.get(name).and_then(Value::as_str).unwrap_or_default().trim()
}

/// An object, or the JSON text of one.
fn object(value: Option<&Value>) -> Option<Map<String, Value>> {
    match value? {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Object(map) => Some(map.clone()),
        _ => None,
    }
}

/// Of a name, or of an ARN, which says whose the document is; either may end in a version.
pub fn name_and_version(path: &str) -> Option<(&str, Option<&str>)> {
    let name_at = path.find("document/").map_or(0, |at| at + "document/".len());
    let (name, version) = match path[name_at..].rsplit_once(':') {
        Some((name, version)) => (name, Some(version).filter(|version| !version.is_empty())),
        None => (&path[name_at..], None),
    };
    (!name.is_empty()).then_some((&path[..name_at + name.len()], version))
}

/// `documentParameters`: an object, or the JSON text of one; each value a text or a list of texts.
pub fn given(parameters: Option<&Value>) -> Result<Given, String> {
    let wrong = || "documentParameters is neither an object nor the JSON text of one".to_owned();
    let map = match parameters {
        None => return Ok(Given::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Given::new()),
        parameters => object(parameters).ok_or_else(wrong)?,
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values = |value: &Value| match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => vec![text(one)],
    };
    Ok(map.iter().map(|(name, value)| (name.clone(), values(value))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_name_and_version() {
        let check = |path: &str, expected: Option<(&str, Option<&str>)>| {
            assert_eq!(name_and_version(path), expected, "{path}");
        };
        check("AWS-Noop", Some(("AWS-Noop", None)));
        check("mine:3", Some(("mine", Some("3"))));
        let arn = "arn:aws:ssm:eu-central-1:111122223333:document/mine";
        check(arn, Some((arn, None)));
        check("arn:aws:ssm:eu-central-1:111122223333:document/mine:2", Some((arn, Some("2"))));
        check("", None);
    }

    #[test]
    fn reads_parameters() {
        let expected = BTreeMap::from([
            ("a".to_owned(), vec!["x".to_owned()]),
            ("b".to_owned(), vec!["1".to_owned(), "y".to_owned()]),
        ]);
        let object = json!({"a": "x", "b": [1, "y"]});
        assert_eq!(given(Some(&object)), Ok(expected.clone()));
        assert_eq!(given(Some(&json!(object.to_string()))), Ok(expected));
        assert_eq!(given(Some(&json!(""))), Ok(BTreeMap::new()));
        assert!(given(Some(&json!("- yaml"))).is_err());
        assert!(given(Some(&json!([1]))).is_err());
    }

    #[test]
    fn steps_name_documents() {
        let steps = [
            (DOWNLOAD, json!({"sourceType": "SSMDocument", "sourceInfo": "{\"name\":\"brought:2\"}"})),
            (DOWNLOAD, json!({"sourceType": "HTTP", "sourceInfo": {"url": "https://x"}})),
            (DOWNLOAD, json!({"sourceType": "SSMDocument", "sourceInfo": "{"})),
            (
                RUN,
                json!({"documentType": "SSMDocument", "documentPath": "inner", "documentParameters": {"a": 1}}),
            ),
            (
                RUN,
                json!({"documentType": "LocalPath", "documentPath": "brought.json", "documentParameters": "{\"b\":\"x\"}"}),
            ),
            (RUN, json!({"documentType": "LocalPath", "documentPath": "y", "documentParameters": "no JSON"})),
            (RUN, json!({"documentType": "SSMDocument"})),
            ("aws:runShellScript", json!({"documentType": "SSMDocument", "documentPath": "no"})),
        ];
        let steps = steps.iter().map(|(action, inputs)| (*action, inputs.as_object().unwrap()));
        let given = |name: &str, value: &str| vec![Given::from([(name.to_owned(), vec![value.to_owned()])])];
        let expected = [
            Fetched { name: "brought".to_owned(), version: Some("2".to_owned()), given: given("b", "x") },
            Fetched { name: "inner".to_owned(), version: None, given: given("a", "1") },
        ];
        assert_eq!(fetched_by(steps), expected);
    }
}
