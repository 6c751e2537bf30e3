//! The operations: their answers, each declared refusal, filters and paging.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::automations::MOST_OPEN;
use crate::jobs::run_automations;
use crate::testing::TestServer;

const UNKNOWN: &str = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";

async fn runbook(server: &TestServer, name: &str, document: Value) {
    let mut document = document;
    document["schemaVersion"] = "0.3".into();
    let request = json!({"Name": name, "DocumentType": "Automation", "Content": document.to_string()});
    server.answer("CreateDocument", request).await;
}

fn pause() -> Value {
    json!({"name": "wait", "action": "aws:pause", "inputs": {}})
}

/// A runbook of one pause that takes one word.
async fn words(server: &TestServer) {
    runbook(
        server,
        "words",
        json!({"parameters": {"Word": {"type": "String", "allowedValues": ["a", "b"]},
        "Count": {"type": "Integer", "default": 1}}, "mainSteps": [pause()]}),
    )
    .await;
}

async fn start(server: &TestServer, request: Value) -> String {
    let answer = server.answer("StartAutomationExecution", request).await;
    answer["AutomationExecutionId"].as_str().unwrap().to_owned()
}

async fn tick(server: &TestServer) {
    run_automations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
}

async fn get(server: &TestServer, id: &str) -> Value {
    server.answer("GetAutomationExecution", json!({"AutomationExecutionId": id})).await["AutomationExecution"]
        .clone()
}

#[tokio::test]
async fn so_many_are_open_and_no_more() {
    let server = TestServer::on_sqlite().await;
    runbook(&server, "waits", json!({"mainSteps": [pause()]})).await;
    let request = json!({"DocumentName": "waits"});
    let first = start(&server, request.clone()).await;
    for _ in 1..MOST_OPEN {
        start(&server, request.clone()).await;
    }
    let refused = server.refusal("StartAutomationExecution", request.clone()).await;
    assert_eq!(refused, "AutomationExecutionLimitExceededException");
    let stop = json!({"AutomationExecutionId": first, "Type": "Cancel"});
    server.answer("StopAutomationExecution", stop).await;
    tick(&server).await;
    start(&server, request).await;
}

#[tokio::test]
async fn refusals_have_their_codes() {
    for server in TestServer::on_each_engine().await {
        words(&server).await;
        let word = json!({"Word": ["a"]});
        let rows = [
            (json!({"DocumentName": "none-such"}), "AutomationDefinitionNotFoundException"),
            (json!({"DocumentName": "AWS-RunShellScript"}), "AutomationDefinitionNotFoundException"),
            (
                json!({"DocumentName": "words", "DocumentVersion": "7", "Parameters": word}),
                "AutomationDefinitionVersionNotFoundException",
            ),
            (json!({"DocumentName": "words"}), "InvalidAutomationExecutionParametersException"),
            (
                json!({"DocumentName": "words", "Parameters": {"Word": ["c"]}}),
                "InvalidAutomationExecutionParametersException",
            ),
            (
                json!({"DocumentName": "words", "Parameters": {"Word": ["a"], "word": ["a"]}}),
                "InvalidAutomationExecutionParametersException",
            ),
            (
                json!({"DocumentName": "words", "Parameters": {"Word": ["a"], "Count": ["x"]}}),
                "InvalidAutomationExecutionParametersException",
            ),
            (
                json!({"DocumentName": "words", "Parameters": word, "TargetParameterName": "word",
                "Targets": [{"Key": "ParameterValues", "Values": ["a"]}]}),
                "InvalidAutomationExecutionParametersException",
            ),
            (
                json!({"DocumentName": "words", "Parameters": word, "Targets": [{"Key": "ParameterValues", "Values": ["a"]}]}),
                "InvalidAutomationExecutionParametersException",
            ),
            (
                json!({"DocumentName": "words", "TargetParameterName": "Word", "Targets": [{"Key": "ParameterValues", "Values": ["a", "c"]}]}),
                "InvalidAutomationExecutionParametersException",
            ),
            (
                json!({"DocumentName": "words", "TargetParameterName": "Word", "Targets": [{"Key": "ResourceGroup", "Values": ["a"]}]}),
                "InvalidTarget",
            ),
            (
                json!({"DocumentName": "words", "TargetParameterName": "Word", "Targets": [{"Key": "tag:None", "Values": ["a"]}]}),
                "InvalidTarget",
            ),
            (
                json!({"DocumentName": "words", "Parameters": word, "TargetLocations": [{"Accounts": ["123456789012"], "Regions": ["eu-west-1"]}]}),
                "InvalidTarget",
            ),
            (
                json!({"DocumentName": "words", "Parameters": word, "TargetMaps": [{"Gone": ["a"]}]}),
                "InvalidTarget",
            ),
        ];
        for (request, code) in rows {
            assert_eq!(server.refusal("StartAutomationExecution", request.clone()).await, code, "{request}");
        }
        for operation in
            ["GetAutomationExecution", "StopAutomationExecution", "DescribeAutomationStepExecutions"]
        {
            for id in [UNKNOWN, "not-an-id-but-as-long-as-one-must-be"] {
                let code = server.refusal(operation, json!({"AutomationExecutionId": id})).await;
                assert_eq!(code, "AutomationExecutionNotFoundException", "{operation}");
            }
        }
        let signal = json!({"AutomationExecutionId": UNKNOWN, "SignalType": "Approve"});
        assert_eq!(
            server.refusal("SendAutomationSignal", signal).await,
            "AutomationExecutionNotFoundException"
        );
        let image = json!({"schemaVersion": "0.3", "mainSteps": [{"name": "x", "action": "aws:createImage", "inputs": {}}]});
        let request = json!({"Name": "pictured", "DocumentType": "Automation", "Content": image.to_string()});
        let (code, text) = server.call("CreateDocument", request).await.unwrap_err();
        assert_eq!(code, "InvalidDocumentContent");
        assert!(text.contains("the step `x` cannot be run here: `aws:createImage`"), "{text}");
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_execution() {
    for server in TestServer::on_each_engine().await {
        words(&server).await;
        let mut request =
            json!({"DocumentName": "words", "Parameters": {"Word": ["a"]}, "ClientToken": UNKNOWN});
        let first = start(&server, request.clone()).await;
        assert_eq!(start(&server, request.clone()).await, first);
        request["Parameters"]["Word"] = json!(["b"]);
        assert_eq!(server.refusal("StartAutomationExecution", request).await, "IdempotentParameterMismatch");
    }
}

#[tokio::test]
async fn executions_wait_for_people() {
    for server in TestServer::on_each_engine().await {
        let approve = json!({"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["root"], "Message": "may I?"}});
        runbook(&server, "asks", json!({"mainSteps": [approve, pause()]})).await;
        let id =
            start(&server, json!({"DocumentName": "asks", "Tags": [{"Key": "Team", "Value": "web"}]})).await;
        tick(&server).await;
        let signal = |kind: &str, payload: Value| {
            let mut request = json!({"AutomationExecutionId": id, "SignalType": kind});
            if !payload.is_null() {
                request["Payload"] = payload;
            }
            request
        };
        assert_eq!(get(&server, &id).await["AutomationExecutionStatus"], "Waiting");
        let not_yet = server.refusal("SendAutomationSignal", signal("Resume", Value::Null)).await;
        assert_eq!(not_yet, "InvalidAutomationSignalException");
        let unknown =
            server.refusal("SendAutomationSignal", signal("Resume", json!({"StepName": ["gone"]}))).await;
        assert_eq!(unknown, "AutomationStepNotFoundException");
        let revoke = server.refusal("SendAutomationSignal", signal("Revoke", Value::Null)).await;
        assert_eq!(revoke, "InvalidAutomationSignalException");
        server.answer("SendAutomationSignal", signal("Approve", json!({"Comment": ["go"]}))).await;
        tick(&server).await;
        let found = get(&server, &id).await;
        assert_eq!(found["CurrentStepName"], "wait", "{found}");
        let outputs = &found["StepExecutions"][0]["Outputs"];
        assert_eq!(outputs["ApprovalStatus"], json!(["Approved"]));
        let decision: Value =
            serde_json::from_str(outputs["ApproverDecisions"][0].as_str().unwrap()).unwrap();
        assert_eq!(decision["comment"], "go");
        server.answer("SendAutomationSignal", signal("Resume", Value::Null)).await;
        tick(&server).await;
        assert_eq!(get(&server, &id).await["AutomationExecutionStatus"], "Success");
        let tags = json!({"ResourceType": "Automation", "ResourceId": id});
        assert_eq!(
            server.answer("ListTagsForResource", tags).await["TagList"],
            json!([{"Key": "Team", "Value": "web"}])
        );
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    for mut server in TestServer::on_each_engine().await {
        words(&server).await;
        let mut ids = Vec::new();
        for word in ["a", "b", "a"] {
            ids.push(start(&server, json!({"DocumentName": "words", "Parameters": {"Word": [word]}})).await);
            server.now = server.now.plus_seconds(60);
        }
        tick(&server).await;
        server
            .answer("StopAutomationExecution", json!({"AutomationExecutionId": ids[0], "Type": "Cancel"}))
            .await;
        tick(&server).await;
        let list = "AutomationExecutionMetadataList";
        let all = server.pages("DescribeAutomationExecutions", json!({}), list, 2).await;
        let found: Vec<&str> = all.iter().map(|row| row["AutomationExecutionId"].as_str().unwrap()).collect();
        assert_eq!(found, [ids[2].as_str(), ids[1].as_str(), ids[0].as_str()], "newest first");
        let half = server.now.plus_seconds(-150).to_iso_seconds();
        let rows = [
            ("ExecutionStatus", json!(["Waiting"]), 2),
            ("ExecutionStatus", json!(["Cancelled", "Failed"]), 1),
            ("ExecutionId", json!([ids[1]]), 1),
            ("DocumentNamePrefix", json!(["wor"]), 3),
            ("DocumentNamePrefix", json!(["ord"]), 0),
            ("CurrentAction", json!(["aws:pause"]), 3),
            ("StartTimeAfter", json!([half]), 2),
            ("StartTimeBefore", json!([half]), 1),
            ("AutomationType", json!(["Local"]), 3),
            ("AutomationType", json!(["CrossAccount"]), 0),
            ("TagKey", json!(["none"]), 0),
            ("OpsItemId", json!(["oi-1"]), 0),
        ];
        for (key, values, expected) in rows {
            let request = json!({"Filters": [{"Key": key, "Values": values}]});
            let count = server.pages("DescribeAutomationExecutions", request, list, 50).await.len();
            assert_eq!(count, expected, "{key} {values}");
        }
        for (key, value) in [("ExecutionStatus", "Asleep"), ("StartTimeAfter", "soon")] {
            let request = json!({"Filters": [{"Key": key, "Values": [value]}]});
            assert_eq!(server.refusal("DescribeAutomationExecutions", request).await, "InvalidFilterValue");
        }
        let code = server.refusal("DescribeAutomationExecutions", json!({"NextToken": "x"})).await;
        assert_eq!(code, "InvalidNextToken");
    }
}

#[tokio::test]
async fn steps_are_filtered_and_paged() {
    for server in TestServer::on_each_engine().await {
        let step = |name: &str| json!({"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT0S"}});
        let looped = json!({"name": "round", "action": "aws:loop", "inputs": {"Iterators": ["x", "y"], "Steps": [step("inner")]}});
        runbook(&server, "steps", json!({"mainSteps": [step("a"), looped, pause(), step("z")]})).await;
        let id = start(&server, json!({"DocumentName": "steps"})).await;
        tick(&server).await;
        let list = |more: Value| {
            let mut request = json!({"AutomationExecutionId": id});
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            server.pages("DescribeAutomationStepExecutions", request, "StepExecutions", 2)
        };
        let names = |rows: &[Value]| {
            rows.iter().map(|row| row["StepName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&list(json!({})).await), ["a", "round", "wait", "z", "inner", "inner"]);
        assert_eq!(
            names(&list(json!({"ReverseOrder": true})).await),
            ["inner", "inner", "z", "wait", "round", "a"]
        );
        let filter = |key: &str, value: Value| json!({"Filters": [{"Key": key, "Values": [value]}]});
        assert_eq!(names(&list(filter("StepExecutionStatus", json!("Pending"))).await), ["z"]);
        assert_eq!(names(&list(filter("Action", json!("aws:pause"))).await), ["wait"]);
        let inner = list(filter("ParentStepIteratorValue", json!("y"))).await;
        assert_eq!((inner.len(), &inner[0]["ParentStepDetails"]["Iteration"]), (1, &json!(2)));
        assert_eq!(inner[0]["ParentStepDetails"]["StepName"], "round");
        let first = list(filter("StepName", json!("a"))).await;
        let by_id = list(filter("StepExecutionId", first[0]["StepExecutionId"].clone())).await;
        assert_eq!(by_id, first);
        let bad = json!({"AutomationExecutionId": id, "NextToken": "x"});
        assert_eq!(server.refusal("DescribeAutomationStepExecutions", bad).await, "InvalidNextToken");
    }
}

#[tokio::test]
async fn a_preview_counts_and_starts_nothing() {
    for server in TestServer::on_each_engine().await {
        let call = |name: &str, api: &str| json!({"name": name, "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": api}});
        let run = json!({"name": "c", "action": "aws:runCommand", "inputs": {"DocumentName": "AWS-Noop", "InstanceIds": ["{{ Word }}"]}});
        runbook(
            &server,
            "mixed",
            json!({"parameters": {"Word": {"type": "String"}},
            "mainSteps": [call("a", "ListDocuments"), call("b", "DeleteDocument"), run, pause()]}),
        )
        .await;
        let request = json!({"DocumentName": "mixed", "ExecutionInputs": {"Automation": {"TargetParameterName": "Word",
            "Targets": [{"Key": "ParameterValues", "Values": ["x", "y"]}]}}});
        let id = server.answer("StartExecutionPreview", request).await["ExecutionPreviewId"].clone();
        let found = server.answer("GetExecutionPreview", json!({"ExecutionPreviewId": id})).await;
        assert_eq!(found["Status"], "Success");
        let preview = &found["ExecutionPreview"]["Automation"];
        assert_eq!(preview["StepPreviews"], json!({"Mutating": 1, "NonMutating": 2, "Undetermined": 1}));
        assert_eq!(preview["TargetPreviews"][0]["Count"], 2);
        let code = server.refusal("GetExecutionPreview", json!({"ExecutionPreviewId": UNKNOWN})).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(
            server.refusal("StartExecutionPreview", json!({"DocumentName": "none-such"})).await,
            "ValidationException"
        );
        let all = server.answer("DescribeAutomationExecutions", json!({})).await;
        assert_eq!(all["AutomationExecutionMetadataList"], json!([]));
    }
}
