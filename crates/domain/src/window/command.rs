//! The command that a RUN_COMMAND task sends to one of its targets.
//! Source: spec systems-manager 4.3; API reference, MaintenanceWindowRunCommandParameters.

use std::collections::BTreeMap;

use api::ssm::{self, SendCommandRequest};
use serde_json::{Map, Value};

use super::plan::PlannedInvocation;
use super::pseudo::fill;

/// What pseudo parameters stand for.
#[derive(Clone, Copy, Debug)]
pub struct RunNames<'a> {
    pub window_id: &'a str,
    pub window_task_id: &'a str,
    pub execution_id: &'a str,
    pub task_execution_id: &'a str,
    pub invocation_id: &'a str,
}

/// `TARGET_ID` and `RESOURCE_ID` stand for nothing here: a command goes to many nodes.
pub fn command_request(
    task: &ssm::GetMaintenanceWindowTaskResult,
    planned: &PlannedInvocation,
    names: RunNames<'_>,
) -> SendCommandRequest {
    let given = task.task_invocation_parameters.clone().unwrap_or_default().run_command;
    let legacy = given.as_ref().is_none_or(|given| given.parameters.is_none());
    let given = filled(given.unwrap_or_default(), planned, names);
    let (bucket, prefix) = match (given.output_s3_bucket_name, task.logging_info.clone()) {
        (None, Some(logging)) => {
            (Some(logging.s3_bucket_name), given.output_s3_key_prefix.or(logging.s3_key_prefix))
        }
        (bucket, _) => (bucket, given.output_s3_key_prefix),
    };
    let parameters = if legacy { legacy_parameters(task, planned, names) } else { given.parameters };
    SendCommandRequest {
        document_name: task.task_arn.clone().unwrap_or_default(),
        document_version: given.document_version,
        document_hash: given.document_hash,
        document_hash_type: given.document_hash_type,
        targets: Some(planned.targets.clone()),
        timeout_seconds: given.timeout_seconds,
        comment: given.comment,
        parameters,
        output_s3_key_prefix: prefix,
        output_s3_bucket_name: bucket,
        max_concurrency: task.max_concurrency.clone(),
        max_errors: task.max_errors.clone(),
        service_role_arn: given.service_role_arn,
        notification_config: given.notification_config,
        cloud_watch_output_config: given.cloud_watch_output_config,
        ..SendCommandRequest::default()
    }
}

/// The pseudo parameters that every type of task knows.
pub(super) fn known<'a>(planned: &'a PlannedInvocation, names: RunNames<'a>) -> [(&'static str, &'a str); 7] {
    [
        ("WINDOW_ID", names.window_id),
        ("WINDOW_TASK_ID", names.window_task_id),
        ("WINDOW_TARGET_ID", planned.window_target_id.as_deref().unwrap_or_default()),
        ("WINDOW_EXECUTION_ID", names.execution_id),
        ("TASK_EXECUTION_ID", names.task_execution_id),
        ("INVOCATION_ID", names.invocation_id),
        ("TARGET_TYPE", planned.target_type.as_str()),
    ]
}

fn filled(
    given: ssm::MaintenanceWindowRunCommandParameters,
    planned: &PlannedInvocation,
    names: RunNames<'_>,
) -> ssm::MaintenanceWindowRunCommandParameters {
    let mut value = serde_json::to_value(&given).unwrap_or_default();
    fill(&mut value, &known(planned, names));
    serde_json::from_value(value).expect("texts were replaced by texts")
}

/// `TaskParameters`: the form that tasks had before `TaskInvocationParameters`.
fn legacy_parameters(
    task: &ssm::GetMaintenanceWindowTaskResult,
    planned: &PlannedInvocation,
    names: RunNames<'_>,
) -> Option<BTreeMap<String, Vec<String>>> {
    let given = task.task_parameters.clone()?;
    let parameters =
        given.into_iter().map(|(name, value)| (name, value.values.unwrap_or_default())).collect();
    let given = ssm::MaintenanceWindowRunCommandParameters {
        parameters: Some(parameters),
        ..ssm::MaintenanceWindowRunCommandParameters::default()
    };
    filled(given, planned, names).parameters
}

/// As `Parameters` of an invocation shows them: the request as JSON, its members beginning with a small letter.
pub fn shown_parameters(request: &SendCommandRequest) -> String {
    let value = serde_json::to_value(request).unwrap_or_default();
    let members = match value {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let small = |name: String| {
        let mut letters = name.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    let members: Map<String, Value> = members.into_iter().map(|(name, value)| (small(name), value)).collect();
    Value::Object(members).to_string()
}
