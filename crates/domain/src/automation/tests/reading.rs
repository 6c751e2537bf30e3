//! What is no runbook, and how what is stored of executions reads.

use api::Timestamp;
use serde_json::{Value, json};

use super::super::*;
use super::{book, of_steps, sleep};
use crate::ids::CommandId;

#[test]
fn what_is_wrong_with_a_runbook_is_said_with_its_place() {
    let with = |step: Value| json!({"schemaVersion": "0.3", "mainSteps": [step, sleep("z")]});
    let call = |more: Value| {
        let mut inputs = json!({"Service": "ssm", "Api": "GetDocument"});
        inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with(json!({"name": "a", "action": "aws:executeAwsApi", "inputs": inputs}))
    };
    let rows = [
        (
            with(json!({"name": "a", "action": "aws:executeScript", "inputs": {}})),
            "mainSteps[0].inputs.Runtime: expected a value",
        ),
        (
            with(json!({"name": "a", "action": "aws:executeScript", "inputs": {
                "Runtime": "PowerShell 7.0", "Handler": "f", "Script": "x"}})),
            "mainSteps[0].inputs.Runtime: expected python3.6 to python3.11: this server runs no PowerShell",
        ),
        (
            with(json!({"name": "a", "action": "aws:createStack", "inputs": {}})),
            "`aws:createStack`: it acts on CloudFormation",
        ),
        (with(json!({"name": "a", "action": "aws:fly"})), "mainSteps[0].action: `aws:fly` is not a known"),
        (
            with(json!({"name": "a", "action": "aws:sleep"})),
            "mainSteps[0].inputs: expected either Duration or Timestamp",
        ),
        (
            with(json!({"name": "a", "action": "aws:pause", "inputs": {"x": 1}})),
            "mainSteps[0].inputs.x: there is no such member",
        ),
        (
            with(json!({"name": "a", "action": "aws:pause", "until": 1})),
            "mainSteps[0].until: there is no such member",
        ),
        (
            with(json!({"name": "a", "action": "aws:runCommand", "inputs": {}})),
            "mainSteps[0].inputs.DocumentName: expected a value",
        ),
        (
            with(json!({"name": "a", "action": "aws:pause", "maxAttempts": 0})),
            "mainSteps[0].maxAttempts: expected a number",
        ),
        (
            with(json!({"name": "a", "action": "aws:pause", "timeoutSeconds": "soon"})),
            "mainSteps[0].timeoutSeconds: expected a whole",
        ),
        (
            with(json!({"name": "a", "action": "aws:pause", "isEnd": "perhaps"})),
            "mainSteps[0].isEnd: expected true or false",
        ),
        (
            with(json!({"name": "a", "action": "aws:pause", "onFailure": "Retry"})),
            "mainSteps[0].onFailure: expected Abort",
        ),
        (
            with(json!({"name": "a", "action": "aws:pause", "onCancel": "step:z"})),
            "mainSteps[0].onCancel: expected a step that does not wait",
        ),
        (call(json!({"Service": "ec2"})), "mainSteps[0].inputs.Service: expected ssm or fettle"),
        (call(json!({"Api": "FlyAway"})), "mainSteps[0].inputs.Api: expected an operation"),
        (call(json!({"Name": "{{ Gone }}"})), "the parameter `Gone` is used but not declared"),
        (call(json!({"Name": "{{ gone.Output }}"})), "`gone.Output` is used"),
        (call(json!({"Name": "{{ variable:x }}"})), "`variable:x` is used"),
        (call(json!({"Name": "{{ global:MOON }}"})), "`global:MOON` is used"),
        (
            with(
                json!({"name": "a", "action": "aws:approve", "inputs": {"Approvers": ["x"], "NotificationArn": "arn:x"}}),
            ),
            "does not send notifications",
        ),
        (
            with(json!({"name": "a", "action": "aws:loop", "inputs": {"Iterators": ["x"], "Steps": [
            {"name": "i", "action": "aws:loop", "inputs": {}}]}})),
            "mainSteps[0].inputs.Steps[0]: expected no loop within",
        ),
        (
            with(
                json!({"name": "a", "action": "aws:loop", "inputs": {"Iterators": ["x"], "Steps": [sleep("z")]}}),
            ),
            "`z` is used twice",
        ),
        (
            with(json!({"name": "a", "action": "aws:loop", "inputs": {"Steps": [sleep("i")]}})),
            "either Iterators or LoopCondition",
        ),
        (
            json!({"schemaVersion": "0.3", "parameters": {"P": {"type": "Text"}}, "mainSteps": [sleep("a")]}),
            "parameters.P.type",
        ),
        (
            json!({"schemaVersion": "0.3", "variables": {"v": {"type": "Integer", "default": "x"}}, "mainSteps": [sleep("a")]}),
            "variables.v.default",
        ),
        (
            json!({"schemaVersion": "0.3", "outputs": ["gone.X"], "mainSteps": [sleep("a")]}),
            "`gone.X` is used",
        ),
    ];
    for (document, expected) in rows {
        let error = book(document.clone()).map(drop).unwrap_err().to_string();
        assert!(error.contains(expected), "{document}: {error}");
    }
    let fine = json!({"schemaVersion": "0.3", "assumeRole": "{{ Role }}", "parameters": {
        "Role": {"type": "AWS::IAM::Role::Arn", "default": ""}, "Ids": {"type": "List<AWS::EC2::Instance::Id>", "default": []},
        "Count": {"type": "Integer", "default": 3}, "Maps": {"type": "MapList", "default": [{"a": 1}]}},
        "mainSteps": [sleep("a")]});
    let kinds: Vec<String> = book(fine)
        .unwrap()
        .described_parameters()
        .iter()
        .map(|parameter| parameter.r#type.clone().unwrap().to_string())
        .collect();
    assert_eq!(kinds, ["String", "StringList", "String", "String"]);
}

/// Rows outlive releases: what is written must be read by the next one.
#[test]
fn the_stored_form_stays() {
    let mut step = StepRun::pending("a", "aws:sleep");
    step.work = Work::Loop { values: Some(vec![json!(1)]), pass: 2, at: Cursor::Running(3) };
    step.failure = Some(Failure::of_inputs("x"));
    let text = json!({"id": null, "name": "a", "action": "aws:sleep", "parent": null, "status": "Pending",
        "started_at": null, "finished_at": null, "attempts": 0, "attempt_at": null,
        "work": {"Loop": {"values": [1], "pass": 2, "at": {"Running": 3}}}, "inputs": {}, "outputs": {}, "payload": null,
        "response_code": null, "failure": {"stage": "InputValidation", "kind": "Action", "message": "x"}, "goes_to": null,
        "ends_as": null});
    assert_eq!(serde_json::to_value(&step).unwrap(), text);
    assert_eq!(serde_json::from_value::<StepRun>(text).unwrap(), step);
    let works = [
        (Work::Nothing, json!("Nothing")),
        (Work::Until(Timestamp::from_seconds(5)), json!({"Until": 5})),
        (
            Work::Call { due_at: Timestamp::from_seconds(5), is_claimed: true, looks: 1 },
            json!({"Call": {"due_at": 5, "is_claimed": true, "looks": 1}}),
        ),
        (Work::Command(CommandId::mint([0; 16])), json!({"Command": "00000000-0000-4000-8000-000000000000"})),
    ];
    for (work, text) in works {
        assert_eq!(serde_json::to_value(&work).unwrap().to_string().replace(".0", ""), text.to_string());
        assert_eq!(serde_json::from_value::<Work>(text).unwrap(), work);
    }
    let (progress, _) = Progress::new(&of_steps(json!([sleep("a")])), serde_json::Map::new(), Mode::Auto);
    let text = json!({"status": "Pending", "mode": "Auto", "cursor": {"Step": "a"}, "parameters": {}, "variables": {},
        "outputs": {}, "failure": null, "verdict": null, "stop": null, "released": null, "rollout": null});
    assert_eq!(serde_json::to_value(&progress).unwrap(), text);
}
