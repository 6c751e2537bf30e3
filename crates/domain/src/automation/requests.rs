//! What a step asks of others, as the requests that it is carried out with.
//! Source: spec systems-manager 7.2.

use std::collections::BTreeMap;

use api::ssm::{MaintenanceWindowTaskType, SendCommandRequest, StartAutomationExecutionRequest};
use serde_json::{Map, Value, json};

use super::action::{self, Action, SERVICES, only_reads};
use super::choice::text;
use super::script::ScriptCall;
use crate::window::{WebhookCall, webhook_name};

/// Of an answer's step: inputs that say what is done with the answer, and are no part of the request.
const OURS: [&str; 4] = ["Service", "Api", "PropertySelector", "DesiredValues"];

/// A call of an operation of this server, as a client would make it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiCall {
    pub service: String,
    pub operation: &'static str,
    pub body: Value,
}

impl ApiCall {
    /// The operation's name may be in Pascal case or in snake case. The reason, where this server has no such one.
    pub fn of(service: &str, api: &str, body: Value) -> Result<Self, String> {
        let operation = action::operation(service, api).ok_or_else(|| {
            let known = SERVICES.join(" and ");
            format!(
                "this server has no operation {api} of a service {service}; steps may call those of {known}"
            )
        })?;
        Ok(Self { service: service.to_owned(), operation, body })
    }
}

/// What is done outside of the execution's own rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Invocation {
    /// One after the other.
    Calls(Vec<ApiCall>),
    Webhook(WebhookCall),
    Script(ScriptCall),
}

impl Invocation {
    /// Whether it may be done again when nobody knows whether it was done: webhooks are told by their idempotency key.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Calls(calls) => {
                calls.iter().all(|call| only_reads(call.operation) || call.operation == "AddTagsToResource")
            }
            Self::Webhook(_) => true,
            Self::Script(script) => script.changes_nothing(),
        }
    }
}

pub(super) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Checked as a request of a client would be.
fn decode<T: api::Request>(body: &Value) -> Result<T, String> {
    api::decode(body.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// A value or a list of values, each as text.
fn texts_of(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| Value::String(text(value))).collect(),
        value => json!([text(value)]),
    }
}

/// By parameter.
fn parameters(given: &Value) -> Result<Value, String> {
    let map = given.as_object().ok_or("the parameters are not a map")?;
    Ok(Value::Object(map.iter().map(|(name, value)| (name.clone(), texts_of(value))).collect()))
}

/// Members that documents write as texts.
fn plain(name: &str, value: &Value) -> Value {
    match name {
        "TimeoutSeconds" => whole_number(value).map_or_else(|| value.clone(), Value::from),
        "InstanceIds" => texts_of(value),
        "MaxConcurrency" | "MaxErrors" | "DocumentVersion" => Value::String(text(value)),
        _ => value.clone(),
    }
}

fn members(inputs: &Map<String, Value>, renamed: &str) -> Result<Map<String, Value>, String> {
    let given = inputs.iter().filter(|(_, value)| !value.is_null());
    let member = |(name, value): (&String, &Value)| match name == renamed {
        true => Ok(("Parameters".to_owned(), parameters(value)?)),
        false => Ok((name.clone(), plain(name, value))),
    };
    given.map(member).collect()
}

/// Of aws:runCommand.
pub fn command(inputs: &Map<String, Value>) -> Result<SendCommandRequest, String> {
    decode(&Value::Object(members(inputs, "Parameters")?))
}

/// Of aws:executeAutomation.
pub fn automation(inputs: &Map<String, Value>) -> Result<StartAutomationExecutionRequest, String> {
    decode(&Value::Object(members(inputs, "RuntimeParameters")?))
}

/// Of the steps that call an operation or a webhook.
pub fn invocation(action: Action, inputs: &Map<String, Value>) -> Result<Invocation, String> {
    let given = |name: &str| inputs.get(name).filter(|value| !value.is_null());
    let name = |name: &str| given(name).map(text).unwrap_or_default();
    match action {
        Action::ExecuteApi | Action::AssertProperty | Action::WaitForProperty => {
            let body = inputs.iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
            let body = body.map(|(name, value)| (name.clone(), value.clone())).collect();
            let call = ApiCall::of(&name("Service"), &name("Api"), Value::Object(body))?;
            Ok(Invocation::Calls(vec![call]))
        }
        Action::ExecuteScript => ScriptCall::of(inputs).map(Invocation::Script),
        Action::CreateTags => tags(inputs),
        Action::InvokeWebhook => Ok(Invocation::Webhook(WebhookCall {
            name: name("IntegrationName"),
            body: given("Body").map(text).unwrap_or_else(|| "{}".to_owned()).into_bytes(),
            headers: Vec::new(),
            shown: String::new(),
        })),
        Action::InvokeFunction => function(inputs),
        other => Err(format!("{} calls nothing", other.as_str())),
    }
}

fn tags(inputs: &Map<String, Value>) -> Result<Invocation, String> {
    let kind =
        inputs.get("ResourceType").filter(|value| !value.is_null()).map_or_else(|| "EC2".to_owned(), text);
    if kind == "EC2" {
        return Err("this server has no EC2 resources: set ResourceType, such as ManagedInstance".to_owned());
    }
    let ids = inputs.get("ResourceIds").map(texts_of).unwrap_or_default();
    let calls = ids.as_array().into_iter().flatten().map(|id| ApiCall {
        service: "ssm".to_owned(),
        operation: "AddTagsToResource",
        body: json!({"ResourceType": kind, "ResourceId": id, "Tags": inputs.get("Tags")}),
    });
    Ok(Invocation::Calls(calls.collect()))
}

fn function(inputs: &Map<String, Value>) -> Result<Invocation, String> {
    let given = |name: &str| inputs.get(name).filter(|value| !value.is_null()).map(text);
    let written = given("FunctionName").unwrap_or_default();
    let name = webhook_name(&MaintenanceWindowTaskType::Lambda, &written)
        .ok_or_else(|| format!("FunctionName: `{written}` is not the name or ARN of a function"))?;
    if given("InvocationType").as_deref() == Some("DryRun") {
        return Err("InvocationType: a webhook cannot be called without being called".to_owned());
    }
    let payload = inputs.get("InputPayload").filter(|value| !value.is_null()).map(Value::to_string);
    let body = payload.or_else(|| given("Payload")).unwrap_or_else(|| "{}".to_owned());
    let headers =
        [("x-amz-client-context", given("ClientContext")), ("fettle-qualifier", given("Qualifier"))];
    Ok(Invocation::Webhook(WebhookCall {
        name: name.to_owned(),
        body: body.into_bytes(),
        headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        shown: String::new(),
    }))
}

/// Parameters as they are given to whom they are for: a list of texts for each.
pub(super) fn given_texts(values: &Map<String, Value>) -> BTreeMap<String, Vec<String>> {
    let texts = |value: &Value| match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    };
    values.iter().map(|(name, value)| (name.clone(), texts(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_command_is_made_of_inputs() {
        let request = command(&map(json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": "mi-0123456789abcdef0",
            "Parameters": {"commands": ["a", 1], "executionTimeout": 60}, "TimeoutSeconds": "90", "MaxErrors": 1})))
        .unwrap();
        assert_eq!(request.instance_ids.unwrap(), ["mi-0123456789abcdef0"]);
        let parameters = request.parameters.unwrap();
        assert_eq!(
            (&parameters["commands"], &parameters["executionTimeout"]),
            (&vec!["a".into(), "1".into()], &vec!["60".into()])
        );
        assert_eq!((request.timeout_seconds, request.max_errors.as_deref()), (Some(90), Some("1")));
        let error = command(&map(json!({"DocumentName": "x y", "TimeoutSeconds": 5}))).unwrap_err();
        assert!(error.contains("timeoutSeconds"), "{error}");
    }

    #[test]
    fn operations_are_named_either_way() {
        let inputs = |service: &str, api: &str| map(json!({"Service": service, "Api": api, "MaxResults": 5}));
        for api in ["describe_instance_information", "DescribeInstanceInformation"] {
            let made = invocation(Action::ExecuteApi, &inputs("ssm", api)).unwrap();
            assert!(made.is_repeatable());
            let Invocation::Calls(calls) = made else { panic!("no calls") };
            assert_eq!(calls[0].operation, "DescribeInstanceInformation");
            assert_eq!(calls[0].body, json!({"MaxResults": 5}));
        }
        let made = invocation(Action::ExecuteApi, &inputs("ssm", "delete_document")).unwrap();
        assert!(!made.is_repeatable());
        let error = invocation(Action::ExecuteApi, &inputs("ec2", "describe_instances")).unwrap_err();
        assert!(error.contains("no operation describe_instances of a service ec2"), "{error}");
    }

    #[test]
    fn functions_and_webhooks_are_called_by_name() {
        let rows = [
            (
                Action::InvokeWebhook,
                json!({"IntegrationName": "drain", "Body": "{\"a\":1}"}),
                Ok(("drain", "{\"a\":1}")),
            ),
            (
                Action::InvokeFunction,
                json!({"FunctionName": "drain:live", "InputPayload": {"a": 1}, "Payload": "x"}),
                Ok(("drain", "{\"a\":1}")),
            ),
            (Action::InvokeFunction, json!({"FunctionName": "drain"}), Ok(("drain", "{}"))),
            (Action::InvokeFunction, json!({"FunctionName": "https://x/"}), Err("is not the name")),
            (
                Action::InvokeFunction,
                json!({"FunctionName": "d", "InvocationType": "DryRun"}),
                Err("without being called"),
            ),
            (Action::CreateTags, json!({"ResourceIds": ["i-1"], "Tags": []}), Err("no EC2 resources")),
        ];
        for (action, inputs, expected) in rows {
            match (invocation(action, &map(inputs.clone())), expected) {
                (Ok(Invocation::Webhook(call)), Ok((name, body))) => {
                    assert_eq!((call.name.as_str(), call.body.as_slice()), (name, body.as_bytes()));
                }
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
                (found, _) => panic!("{inputs}: {found:?}"),
            }
        }
    }
}
