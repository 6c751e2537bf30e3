//! The execution that an AUTOMATION task starts for one of its targets.
//! Source: spec systems-manager 4.3; API reference, MaintenanceWindowAutomationParameters.

use api::ssm::{self, StartAutomationExecutionRequest};

use super::command::{RunNames, known};
use super::plan::PlannedInvocation;
use super::pseudo::fill;

/// `TARGET_ID` and `RESOURCE_ID` stand for the node, where there is one.
pub fn automation_request(
    task: &ssm::GetMaintenanceWindowTaskResult,
    planned: &PlannedInvocation,
    names: RunNames<'_>,
) -> StartAutomationExecutionRequest {
    let given = task.task_invocation_parameters.clone().unwrap_or_default().automation.unwrap_or_default();
    let legacy = task.task_parameters.clone().unwrap_or_default().into_iter();
    let legacy = legacy.map(|(name, value)| (name, value.values.unwrap_or_default())).collect();
    let mut values = serde_json::to_value(given.parameters.unwrap_or(legacy)).unwrap_or_default();
    let mut known = known(planned, names).to_vec();
    let resource = planned.resource_id.as_deref();
    known.extend(resource.iter().flat_map(|id| [("TARGET_ID", *id), ("RESOURCE_ID", *id)]));
    fill(&mut values, &known);
    StartAutomationExecutionRequest {
        document_name: task.task_arn.clone().unwrap_or_default(),
        document_version: given.document_version,
        parameters: serde_json::from_value(values).expect("texts were replaced by texts"),
        ..StartAutomationExecutionRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudo_parameters_are_filled() {
        let planned = PlannedInvocation { resource_id: Some("mi-1".into()), ..PlannedInvocation::default() };
        let names = RunNames {
            window_id: "mw-1",
            window_task_id: "t",
            execution_id: "e",
            task_execution_id: "te",
            invocation_id: "inv",
        };
        let parameters =
            [("Node".to_owned(), vec!["{{RESOURCE_ID}}".to_owned(), "{{ WINDOW_ID }}".to_owned()])];
        let task = ssm::GetMaintenanceWindowTaskResult {
            task_arn: Some("book".into()),
            task_invocation_parameters: Some(ssm::MaintenanceWindowTaskInvocationParameters {
                automation: Some(ssm::MaintenanceWindowAutomationParameters {
                    document_version: Some("2".into()),
                    parameters: Some(parameters.into_iter().collect()),
                }),
                ..ssm::MaintenanceWindowTaskInvocationParameters::default()
            }),
            ..ssm::GetMaintenanceWindowTaskResult::default()
        };
        let request = automation_request(&task, &planned, names);
        assert_eq!(
            (request.document_name.as_str(), request.document_version.as_deref()),
            ("book", Some("2"))
        );
        assert_eq!(request.parameters.unwrap()["Node"], ["mi-1", "mw-1"]);
    }
}
