//! From a send-command payload to steps that are ready to run.
//! Reading documents, typing parameters and preconditions are `domain::document`'s.

use api::agent::SendCommandPayload;
use domain::document::{self, Document, Parameters, Platform};
use serde_json::Value;

use crate::plugins::engine::{Gate, Step};

/// What a document comes to on this node.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Parameters that scripts get as variables.
    pub environment: Vec<(String, String)>,
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
    Ok(Plan { steps: steps(&document, &parameters, platform), environment: parameters.environment() })
}

/// The steps of a document whose parameters are known, ready to run.
pub fn steps(document: &Document, parameters: &Parameters, platform: Platform) -> Vec<Step> {
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

    #[test]
    fn unreadable_documents_say_why() {
        let reason = plan(&payload(json!({"schemaVersion": "9"}), json!({})), "Linux").unwrap_err();
        assert!(reason.contains("schemaVersion"), "{reason}");
    }
}
