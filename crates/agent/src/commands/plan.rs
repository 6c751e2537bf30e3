//! From a send-command payload to steps that are ready to run.
//! Reading documents, typing parameters and preconditions are `domain::document`'s, values of Parameter Store
//! `plugins::stored_parameters`'.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use api::agent::SendCommandPayload;
use domain::document::{self, Document, Parameters, Platform};
use domain::parameter::{Stored, references, substitute};
use serde_json::Value;

use crate::plugins::engine::{Gate, Step};
use crate::plugins::stored_parameters;

/// What a document comes to on this node.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Parameters that scripts get as variables.
    pub environment: Vec<(String, String)>,
    /// What the steps still refer to.
    unresolved: Option<Box<Unresolved>>,
}

/// References to Parameter Store, and what to make the steps of once their values are known.
#[derive(Debug, PartialEq)]
struct Unresolved {
    document: Document,
    parameters: Parameters,
    platform: Platform,
    names: BTreeSet<String>,
}

impl Plan {
    /// Of a document whose parameters are known.
    pub fn of(document: Document, parameters: Parameters, platform: Platform) -> Self {
        let steps = steps(&document, &parameters, platform);
        let environment = parameters.environment();
        let mut found = BTreeSet::new();
        let runs = steps.iter().filter(|step| step.gate == Gate::Run);
        runs.flat_map(|step| &step.inputs).for_each(|inputs| references(inputs, &mut found));
        for (_, value) in &environment {
            references(&Value::String(value.clone()), &mut found);
        }
        // The plugins that take secrets ask for them.
        let names: BTreeSet<String> =
            found.into_iter().filter(|found| !found.is_secure).map(|found| found.name).collect();
        let unresolved =
            (!names.is_empty()).then(|| Box::new(Unresolved { document, parameters, platform, names }));
        Self { steps, environment, unresolved }
    }

    /// With the values of Parameter Store in the place of references to them.
    pub async fn resolved(mut self, data_dir: &Path) -> Result<Self, String> {
        let Some(unresolved) = self.unresolved.take() else { return Ok(self) };
        let stored = stored_parameters::fetch(data_dir, unresolved.names.clone()).await?;
        unresolved.fill(&stored)
    }

    /// The same; where that fails, each step that would run fails with the reason.
    pub async fn resolved_or_failing(self, data_dir: &Path) -> Self {
        let mut failing = Self { steps: self.steps.clone(), environment: Vec::new(), unresolved: None };
        match self.resolved(data_dir).await {
            Ok(plan) => plan,
            Err(reason) => {
                let runs = failing.steps.iter_mut().filter(|step| step.gate == Gate::Run);
                runs.for_each(|step| step.gate = Gate::Fail(reason.clone()));
                failing
            }
        }
    }
}

impl Unresolved {
    /// Parameters first, which are held against their declarations again; then what the steps themselves refer to.
    fn fill(self, stored: &BTreeMap<String, Stored>) -> Result<Plan, String> {
        let Self { document, parameters, platform, .. } = self;
        let values = parameters.values.iter();
        let values = values.map(|(name, value)| (name.clone(), substitute(value, stored))).collect();
        document.check_values(&values).map_err(|error| error.to_string())?;
        let parameters = Parameters::from_payload(&document, values);
        let mut steps = steps(&document, &parameters, platform);
        for inputs in steps.iter_mut().flat_map(|step| &mut step.inputs) {
            *inputs = substitute(inputs, stored);
        }
        Ok(Plan { steps, environment: parameters.environment(), unresolved: None })
    }
}

/// Fails with the reason when the document cannot be read.
pub fn plan(payload: &SendCommandPayload, platform_type: &str) -> Result<Plan, String> {
    let document = Document::from_json(payload.document_content.clone())
        .map_err(|error| format!("document {} cannot run: {error}", payload.document_name))?;
    let platform = Platform::parse(platform_type).unwrap_or(Platform::Linux);
    let mut values = payload.parameters.clone();
    for parameter in &document.parameters {
        if let (false, Some(default)) = (values.contains_key(&parameter.name), &parameter.default) {
            values.insert(parameter.name.clone(), default.clone());
        }
    }
    let parameters = Parameters::from_payload(&document, values);
    Ok(Plan::of(document, parameters, platform))
}

/// The steps of a document whose parameters are known, ready to run.
fn steps(document: &Document, parameters: &Parameters, platform: Platform) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for step in &document.steps {
        let inputs = Value::Object(step.resolved_inputs(parameters));
        match steps.last_mut() {
            // The elements of one plugin of schema 1.2 are one step with one result.
            Some(previous) if previous.key == step.name => previous.inputs.push(inputs),
            _ => steps.push(Step {
                key: step.name.clone(),
                action: step.action.clone(),
                gate: match step.gate(document.schema_version, platform, parameters) {
                    document::Gate::Run => Gate::Run,
                    document::Gate::Skip { reason } => Gate::Skip(reason),
                    document::Gate::Fail { reason } => Gate::Fail(reason),
                },
                inputs: vec![inputs],
            }),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(content: Value, parameters: Value) -> SendCommandPayload {
        SendCommandPayload {
            document_name: "test".into(),
            document_content: content,
            parameters: parameters.as_object().unwrap().clone(),
            ..SendCommandPayload::default()
        }
    }

    #[test]
    fn fills_in_parameters_and_decides_preconditions() {
        let content = json!({
            "schemaVersion": "2.2",
            "parameters": {"lines": {"type": "StringList"}, "seconds": {"type": "String", "default": "60"}},
            "mainSteps": [
                {"action": "aws:runShellScript", "name": "linux", "precondition": {"StringEquals": ["platformType", "Linux"]},
                 "inputs": {"runCommand": "{{ lines }}", "timeoutSeconds": "{{ seconds }}"}},
                {"action": "aws:runPowerShellScript", "name": "windows", "precondition": {"StringEquals": ["platformType", "Windows"]},
                 "inputs": {"runCommand": ["dir"]}}
            ]
        });
        let plan = plan(&payload(content, json!({"lines": ["a", "b"]})), "Linux").unwrap();
        assert_eq!(plan.steps[0].inputs, [json!({"runCommand": ["a", "b"], "timeoutSeconds": "60"})]);
        assert_eq!(plan.steps[0].gate, Gate::Run);
        assert!(matches!(plan.steps[1].gate, Gate::Skip(_)));
    }

    #[test]
    fn properties_of_schema_1_2_are_one_step() {
        let content = json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [
            {"id": "0.aws:runShellScript", "runCommand": ["a"]}, {"id": "1.aws:runShellScript", "runCommand": ["b"]}
        ]}}});
        let plan = plan(&payload(content, json!({})), "Linux").unwrap();
        assert_eq!((plan.steps.len(), plan.steps[0].inputs.len()), (1, 2));
    }

    fn stored(rows: &[(&str, &str, bool)]) -> BTreeMap<String, Stored> {
        let row = |(name, value, is_list): &(&str, &str, bool)| {
            ((*name).to_owned(), Stored { value: (*value).to_owned(), is_list: *is_list })
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn references_to_parameter_store_are_filled_in() {
        let content = json!({
            "schemaVersion": "2.2",
            "parameters": {"lines": {"type": "StringList"}, "word": {"type": "String", "allowedValues": ["yes", "no"]}},
            "mainSteps": [
                {"action": "aws:runShellScript", "name": "s",
                 "inputs": {"runCommand": ["{{ lines }}", "echo {{ word }} {{ssm:/own:2}} {{ssm-secure:key}}"]}},
                {"action": "aws:runPowerShellScript", "name": "windows", "precondition": {"StringEquals": ["platformType", "Windows"]},
                 "inputs": {"runCommand": ["echo {{ssm:elsewhere}}"]}}
            ]
        });
        let given = json!({"lines": ["{{ssm:list}}", "c"], "word": "{{ssm:word}}"});
        let unresolved =
            || plan(&payload(content.clone(), given.clone()), "Linux").unwrap().unresolved.unwrap();
        let names: Vec<String> = unresolved().names.into_iter().collect();
        assert_eq!(names, ["/own:2", "list", "word"]);
        let values = |word| stored(&[("/own:2", "own", false), ("list", "a,b", true), ("word", word, false)]);
        let filled = unresolved().fill(&values("yes")).unwrap();
        let expected = json!({"runCommand": ["a", "b", "c", "echo yes own {{ssm-secure:key}}"]});
        assert_eq!((&filled.steps[0].inputs[0], filled.unresolved), (&expected, None));
        let reason = unresolved().fill(&values("maybe")).unwrap_err();
        assert!(reason.contains("`maybe` is not one of yes, no"), "{reason}");
    }

    #[tokio::test]
    async fn steps_fail_where_values_cannot_be_had() {
        let content = json!({"schemaVersion": "2.2", "mainSteps": [
            {"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["echo {{ssm:x}}"]}}]});
        let plan = plan(&payload(content, json!({})), "Linux").unwrap();
        // A node that is not enrolled.
        let folder = tempfile::tempdir().unwrap();
        let plan = plan.resolved_or_failing(folder.path()).await;
        assert!(matches!(&plan.steps[0].gate, Gate::Fail(reason) if reason.starts_with("Parameter Store: ")));
    }

    #[test]
    fn unreadable_documents_say_why() {
        let reason = plan(&payload(json!({"schemaVersion": "9"}), json!({})), "Linux").unwrap_err();
        assert!(reason.contains("schemaVersion"), "{reason}");
    }
}
