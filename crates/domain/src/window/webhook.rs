//! The call that a task of type LAMBDA or STEP_FUNCTIONS makes for one of its targets: to which webhook, with what.
//! The addresses of webhooks, and calling them, are the server's. Source: spec systems-manager 4.3.

use api::ssm::{self, MaintenanceWindowTaskType as TaskType};
use serde_json::{Value, json};

use super::command::{RunNames, known};
use super::plan::PlannedInvocation;
use super::pseudo::filled;
use crate::ids::Arn;

const MAX_NAME: usize = 140;
/// What a function or a state machine is given where the task says nothing.
const NOTHING: &str = "{}";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookCall {
    /// Of the webhook, as the operator of the server named it.
    pub name: String,
    pub body: Vec<u8>,
    /// Beside those that every call has.
    pub headers: Vec<(&'static str, String)>,
    /// As `Parameters` of an invocation shows it.
    pub shown: String,
}

/// The name of the function or state machine that a task names: alone, in an ARN, with a version behind it.
pub fn webhook_name<'a>(kind: &TaskType, arn: &'a str) -> Option<&'a str> {
    let (service, resource_type) = match kind {
        TaskType::Lambda => ("lambda", "function"),
        TaskType::StepFunctions => ("states", "stateMachine"),
        _ => return None,
    };
    let resource = match Arn::parse(arn) {
        Some(arn) if arn.service == service => arn.resource,
        Some(_) => return None,
        None => arn,
    };
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_-.$:".contains(&b);
    if !resource.bytes().all(is_word) {
        return None;
    }
    let mut parts = resource.split(':').skip_while(|part| *part != resource_type);
    // `function:NAME` anywhere; without that word the name comes first.
    let name = parts.nth(1).or_else(|| resource.split(':').next())?;
    ((1..=MAX_NAME).contains(&name.len()) && !name.contains('$')).then_some(name)
}

/// `None` for a task of another type, or one whose name is none.
pub fn webhook_call(
    task: &ssm::GetMaintenanceWindowTaskResult,
    planned: &PlannedInvocation,
    names: RunNames<'_>,
) -> Option<WebhookCall> {
    let kind = task.task_type.as_ref()?;
    let name = webhook_name(kind, task.task_arn.as_deref()?)?.to_owned();
    let mut known = known(planned, names).to_vec();
    let resource = planned.resource_id.as_deref();
    known.extend(resource.iter().flat_map(|id| [("TARGET_ID", *id), ("RESOURCE_ID", *id)]));
    let fill = |text: String| filled(&text, &known);
    let given = task.task_invocation_parameters.clone().unwrap_or_default();
    let (body, headers, shown) = if *kind == TaskType::Lambda {
        let given = given.lambda.unwrap_or_default();
        let payload = given.payload.map_or(NOTHING.into(), |payload| payload.0);
        // Bytes that are no text hold no pseudo parameters.
        let body =
            String::from_utf8(payload).map_or_else(|bytes| bytes.into_bytes(), |text| fill(text).into());
        let context = ("x-amz-client-context", "clientContext", given.client_context.map(fill));
        let qualifier = ("fettle-qualifier", "qualifier", given.qualifier.map(fill));
        let mut shown = json!({ "payload": String::from_utf8_lossy(&body) });
        (body, headers([context, qualifier], &mut shown), shown)
    } else {
        let given = given.step_functions.unwrap_or_default();
        let input = given.input.map_or_else(|| NOTHING.to_owned(), fill);
        let mut shown = json!({ "input": input });
        let name = ("fettle-execution-name", "name", given.name.map(fill));
        (input.into_bytes(), headers([name], &mut shown), shown)
    };
    Some(WebhookCall { name, body, headers, shown: shown.to_string() })
}

/// What is given becomes a header, and is shown under its own name.
fn headers<const N: usize>(
    given: [(&'static str, &str, Option<String>); N],
    shown: &mut Value,
) -> Vec<(&'static str, String)> {
    let given = given.into_iter().filter_map(|(header, name, value)| Some((header, name, value?)));
    given
        .map(|(header, name, value)| {
            shown[name] = value.clone().into();
            (header, value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_arns() {
        let rows = [
            (TaskType::Lambda, "drain", Some("drain")),
            (TaskType::Lambda, "drain:live", Some("drain")),
            (TaskType::Lambda, "123456789012:function:drain", Some("drain")),
            (TaskType::Lambda, "arn:aws:lambda:eu-central-1:123456789012:function:drain", Some("drain")),
            (TaskType::Lambda, "arn:aws:lambda:eu-central-1:123456789012:function:drain:7", Some("drain")),
            (TaskType::Lambda, "arn:aws:states:eu-central-1:123456789012:stateMachine:drain", None),
            (TaskType::Lambda, "https://example.org/", None),
            (TaskType::Lambda, "", None),
            (TaskType::StepFunctions, "night", Some("night")),
            (
                TaskType::StepFunctions,
                "arn:aws:states:eu-central-1:123456789012:stateMachine:night",
                Some("night"),
            ),
            (TaskType::StepFunctions, "a b", None),
            (TaskType::RunCommand, "drain", None),
        ];
        for (kind, arn, expected) in rows {
            assert_eq!(webhook_name(&kind, arn), expected, "{kind} {arn}");
        }
    }

    const NAMES: RunNames<'_> = RunNames {
        window_id: "mw-1",
        window_task_id: "t",
        execution_id: "e",
        task_execution_id: "te",
        invocation_id: "inv",
    };

    #[test]
    fn a_call_is_made_of_the_task() {
        let planned = PlannedInvocation {
            resource_id: Some("mi-1".into()),
            target_type: "INSTANCE".into(),
            ..PlannedInvocation::default()
        };
        let mut task = ssm::GetMaintenanceWindowTaskResult {
            task_type: Some(TaskType::Lambda),
            task_arn: Some("drain:live".into()),
            ..ssm::GetMaintenanceWindowTaskResult::default()
        };
        let call = webhook_call(&task, &planned, NAMES).unwrap();
        assert_eq!((call.name.as_str(), call.body.as_slice()), ("drain", b"{}".as_slice()));
        task.task_invocation_parameters = Some(ssm::MaintenanceWindowTaskInvocationParameters {
            lambda: Some(ssm::MaintenanceWindowLambdaParameters {
                payload: Some(api::Blob(
                    br#"{"node": "{{RESOURCE_ID}}", "kind": "{{TARGET_TYPE}}"}"#.to_vec(),
                )),
                qualifier: Some("{{WINDOW_ID}}".into()),
                client_context: None,
            }),
            ..ssm::MaintenanceWindowTaskInvocationParameters::default()
        });
        let call = webhook_call(&task, &planned, NAMES).unwrap();
        assert_eq!(call.body, br#"{"node": "mi-1", "kind": "INSTANCE"}"#);
        assert_eq!(call.headers, [("fettle-qualifier", "mw-1".to_owned())]);
        let shown: Value = serde_json::from_str(&call.shown).unwrap();
        assert_eq!(shown, json!({"payload": r#"{"node": "mi-1", "kind": "INSTANCE"}"#, "qualifier": "mw-1"}));

        task.task_type = Some(TaskType::StepFunctions);
        task.task_invocation_parameters = Some(ssm::MaintenanceWindowTaskInvocationParameters {
            step_functions: Some(ssm::MaintenanceWindowStepFunctionsParameters {
                input: Some(r#"{"run": "{{INVOCATION_ID}}"}"#.into()),
                name: Some("night".into()),
            }),
            ..ssm::MaintenanceWindowTaskInvocationParameters::default()
        });
        let call = webhook_call(&task, &planned, NAMES).unwrap();
        assert_eq!(call.body, br#"{"run": "inv"}"#);
        assert_eq!(call.headers, [("fettle-execution-name", "night".to_owned())]);
    }
}
