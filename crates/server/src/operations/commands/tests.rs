//! Run Command through the dispatcher, with a node that polls.

use std::sync::Arc;

use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::commands::now;
use crate::jobs::{advance_commands, expire_invocations, forget_commands};
use crate::operations::Service;
use crate::testing::{TestServer, call};

mod notifications;

/// Delivery goes by the wall clock, and so do these requests.
async fn servers() -> Vec<TestServer> {
    let mut servers = TestServer::on_each_engine().await;
    servers.iter_mut().for_each(|server| server.now = now());
    servers
}

async fn send(server: &TestServer, request: Value) -> String {
    let mut full = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}});
    full.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    let answer = server.call("SendCommand", full).await.unwrap();
    answer["Command"]["CommandId"].as_str().unwrap().to_owned()
}

async fn mds(server: &TestServer, node: &NodeId, operation: &str, request: Value) -> Value {
    call(&server.node(node), Service::Mds, operation, request).await.unwrap()
}

/// The jobs the node gets now; only for tests in which there are some.
async fn poll(server: &TestServer, node: &NodeId) -> Vec<Value> {
    let id = uuid::Uuid::new_v4().to_string();
    let request =
        json!({"Destination": node.as_str(), "MessagesRequestId": id, "VisibilityTimeoutInSeconds": 10});
    let answer = mds(server, node, "GetMessages", request).await;
    answer["Messages"].as_array().unwrap().clone()
}

async fn acknowledge(server: &TestServer, node: &NodeId, message: &Value) {
    mds(server, node, "AcknowledgeMessage", json!({"MessageId": message["MessageId"]})).await;
}

fn payload(document_status: &str, step: Option<(&str, i64, &str, &str)>) -> String {
    let runtime = step.map(|(status, code, out, err)| {
        json!({"aws:runShellScript": {"status": status, "code": code, "name": "aws:runShellScript",
            "output": out, "startDateTime": "2026-01-31T12:00:02.946Z",
            "endDateTime": "2026-01-31T12:00:03.023Z", "standardOutput": out, "standardError": err}})
    });
    json!({"documentStatus": document_status, "documentTraceOutput": "", "runtimeStatus": runtime})
        .to_string()
}

async fn reply(server: &TestServer, node: &NodeId, command: &str, reply_id: &str, payload: String) {
    let message_id = format!("aws.ssm.{command}.{node}");
    let request = json!({"MessageId": message_id, "ReplyId": reply_id, "Payload": payload});
    mds(server, node, "SendReply", request).await;
}

fn uuid(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02}")
}

async fn invocation(server: &TestServer, command: &str, node: &NodeId) -> Value {
    let request = json!({"CommandId": command, "InstanceId": node.as_str()});
    server.call("GetCommandInvocation", request).await.unwrap()
}

async fn details(server: &TestServer, command: &str) -> String {
    let list = server.call("ListCommands", json!({"CommandId": command})).await.unwrap();
    list["Commands"][0]["StatusDetails"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_node_runs_a_command() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let command = send(&server, json!({"InstanceIds": [node.as_str()], "Comment": "who am I"})).await;
        assert_eq!(invocation(&server, &command, &node).await["Status"], "Pending");

        let messages = poll(&server, &node).await;
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0]["MessageId"], format!("aws.ssm.{command}.{node}"));
        assert_eq!(messages[0]["Topic"], "aws.ssm.sendCommand.eu-central-1.AWS-RunShellScript");
        assert_eq!(messages[0]["CreatedDate"].as_str().unwrap().len(), 24);
        let job: Value = serde_json::from_str(messages[0]["Payload"].as_str().unwrap()).unwrap();
        assert_eq!(job["CommandId"], *command);
        let typed = json!({"commands": ["id"], "workingDirectory": "", "executionTimeout": "3600"});
        assert_eq!(job["Parameters"], typed);
        assert_eq!(job["DocumentContent"]["schemaVersion"], "1.2");

        reply(&server, &node, &command, &uuid(1), payload("InProgress", None)).await;
        acknowledge(&server, &node, &messages[0]).await;
        let running = invocation(&server, &command, &node).await;
        assert_eq!((&running["Status"], &running["ResponseCode"]), (&json!("InProgress"), &json!(-1)));
        assert_eq!(
            (&running["ExecutionStartDateTime"], &running["StandardOutputContent"]),
            (&json!(""), &json!(""))
        );
        assert_eq!(details(&server, &command).await, "InProgress");

        // The end overtakes the step, and comes twice.
        let done = payload("Success", Some(("Success", 0, "uid=0\n", "")));
        reply(&server, &node, &command, &uuid(3), done.clone()).await;
        reply(&server, &node, &command, &uuid(2), payload("InProgress", Some(("InProgress", 0, "", ""))))
            .await;
        reply(&server, &node, &command, &uuid(3), done).await;
        let ended = invocation(&server, &command, &node).await;
        assert_eq!((&ended["Status"], &ended["ResponseCode"]), (&json!("Success"), &json!(0)));
        assert_eq!(ended["StandardOutputContent"], "uid=0\n");
        assert_eq!(ended["ExecutionElapsedTime"], "PT0.077S");
        assert_eq!(ended["ExecutionStartDateTime"], "2026-01-31T12:00:02.946Z");

        let list = server.call("ListCommands", json!({"CommandId": command})).await.unwrap();
        let row = &list["Commands"][0];
        assert_eq!((&row["Status"], &row["Comment"]), (&json!("Success"), &json!("who am I")));
        assert_eq!(
            (&row["TargetCount"], &row["CompletedCount"], &row["ErrorCount"]),
            (&json!(1), &json!(1), &json!(0))
        );
        let request = json!({"CommandId": command, "Details": true});
        let list = server.call("ListCommandInvocations", request).await.unwrap();
        let row = &list["CommandInvocations"][0];
        assert_eq!((&row["InstanceName"], &row["Status"]), (&json!("host-1"), &json!("Success")));
        assert_eq!(row["CommandPlugins"][0]["Name"], "aws:runShellScript");
        assert_eq!(row["CommandPlugins"][0]["Output"], "uid=0\n");
        let plain = server.call("ListCommandInvocations", json!({"CommandId": command})).await.unwrap();
        assert_eq!(plain["CommandInvocations"][0]["CommandPlugins"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_limit_keeps_the_second_node_from_starting() {
    for server in servers().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        let ids = json!([nodes[0].as_str(), nodes[1].as_str()]);
        let limits = json!({"InstanceIds": ids, "MaxConcurrency": "1", "MaxErrors": "0"});
        let command = send(&server, limits).await;
        let messages = poll(&server, &nodes[0]).await;
        acknowledge(&server, &nodes[0], &messages[0]).await;
        let failed = payload("Failed", Some(("Failed", 3, "", "no\nfailed to run commands: exit status 3")));
        reply(&server, &nodes[0], &command, &uuid(1), failed).await;

        let first = invocation(&server, &command, &nodes[0]).await;
        assert_eq!((&first["StatusDetails"], &first["ResponseCode"]), (&json!("Failed"), &json!(3)));
        assert!(first["StandardErrorContent"].as_str().unwrap().ends_with("exit status 3"));
        let second = invocation(&server, &command, &nodes[1]).await;
        assert_eq!(
            (&second["Status"], &second["StatusDetails"]),
            (&json!("Cancelled"), &json!("Terminated"))
        );
        assert_eq!(details(&server, &command).await, "Failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_control_starts_the_next_when_one_ends() {
    for server in servers().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        let ids = json!([nodes[0].as_str(), nodes[1].as_str()]);
        let command = send(&server, json!({"InstanceIds": ids, "MaxConcurrency": "1"})).await;
        let mut tx = server.app.store().read().await.unwrap();
        let second = store::node_messages::NodeKey {
            account: server.root().account,
            region: server.root().region,
            node: nodes[1].clone(),
        };
        assert_eq!(store::node_messages::next_due(&mut tx, &second, now()).await.unwrap(), None);
        drop(tx);
        for node in &nodes {
            assert_eq!(poll(&server, node).await.len(), 1);
            let done = payload("Success", Some(("Success", 0, "", "")));
            reply(&server, node, &command, &uuid(1), done).await;
        }
        assert_eq!(details(&server, &command).await, "Success");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_select_nodes_when_the_command_starts() {
    for server in servers().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        let tags = json!({"ResourceType": "ManagedInstance", "ResourceId": nodes[1].as_str(),
            "Tags": [{"Key": "Env", "Value": "prod"}]});
        server.call("AddTagsToResource", tags).await.unwrap();
        for target in
            [json!({"Key": "tag:Env", "Values": ["prod"]}), json!({"Key": "tag-key", "Values": ["Env"]})]
        {
            let command = send(&server, json!({"Targets": [target]})).await;
            let list = server.call("ListCommandInvocations", json!({"CommandId": command})).await.unwrap();
            let rows = list["CommandInvocations"].as_array().unwrap();
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0]["InstanceId"], nodes[1].as_str());
        }
        let all = send(&server, json!({"Targets": [{"Key": "InstanceIds", "Values": ["*"]}]})).await;
        let list = server.call("ListCommandInvocations", json!({"CommandId": all})).await.unwrap();
        assert_eq!(list["CommandInvocations"].as_array().unwrap().len(), 2);
        let nobody = send(&server, json!({"Targets": [{"Key": "tag:Env", "Values": ["test"]}]})).await;
        let list = server.call("ListCommands", json!({"CommandId": nobody})).await.unwrap();
        let row = &list["Commands"][0];
        assert_eq!((&row["Status"], &row["StatusDetails"]), (&json!("Failed"), &json!("NoInstancesInTag")));
        assert_eq!(row["TargetCount"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_what_waits_and_asks_what_runs() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let waiting = send(&server, json!({"InstanceIds": [node.as_str()]})).await;
        server.call("CancelCommand", json!({"CommandId": waiting})).await.unwrap();
        assert_eq!(invocation(&server, &waiting, &node).await["StatusDetails"], "Cancelled");
        assert_eq!(details(&server, &waiting).await, "Cancelled");

        let running = send(&server, json!({"InstanceIds": [node.as_str()]})).await;
        let messages = poll(&server, &node).await;
        assert_eq!(messages.len(), 1, "the cancelled one must not be delivered");
        acknowledge(&server, &node, &messages[0]).await;
        server.call("CancelCommand", json!({"CommandId": running})).await.unwrap();
        assert_eq!(invocation(&server, &running, &node).await["Status"], "Cancelling");
        assert_eq!(details(&server, &running).await, "Cancelling");
        let messages = poll(&server, &node).await;
        assert!(messages[0]["Topic"].as_str().unwrap().starts_with("aws.ssm.cancelCommand"));
        let asked: Value = serde_json::from_str(messages[0]["Payload"].as_str().unwrap()).unwrap();
        assert_eq!(asked, json!({"CancelMessageId": format!("aws.ssm.{running}.{node}")}));
        assert_ne!(messages[0]["MessageId"], asked["CancelMessageId"]);
        acknowledge(&server, &node, &messages[0]).await;
        let killed = payload("Cancelled", Some(("Cancelled", 137, "", "")));
        reply(&server, &node, &running, &uuid(9), killed).await;
        assert_eq!(invocation(&server, &running, &node).await["ResponseCode"], 137);
        assert_eq!(details(&server, &running).await, "Cancelled");
        // A finished command stays as it is.
        server.call("CancelCommand", json!({"CommandId": running})).await.unwrap();
        assert_eq!(details(&server, &running).await, "Cancelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_ends_even_if_nobody_answers() {
    for server in servers().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        let silent = send(&server, json!({"InstanceIds": [nodes[0].as_str()], "TimeoutSeconds": 60})).await;
        let lost = send(&server, json!({"InstanceIds": [nodes[1].as_str()], "TimeoutSeconds": 60})).await;
        let messages = poll(&server, &nodes[1]).await;
        acknowledge(&server, &nodes[1], &messages[0]).await;

        let run = async |seconds| {
            expire_invocations::run_once(Arc::clone(&server.app), server.now.plus_seconds(seconds))
                .await
                .unwrap()
        };
        assert_eq!(run(59).await, 0);
        assert_eq!(run(61).await, 1);
        assert_eq!(details(&server, &silent).await, "DeliveryTimedOut");
        assert_eq!(details(&server, &lost).await, "InProgress");
        assert_eq!(run(60 + 3600 + 1).await, 1);
        assert_eq!(details(&server, &lost).await, "DeliveryTimedOut");

        // Late words do not reopen it.
        reply(&server, &nodes[1], &lost, &uuid(1), payload("InProgress", None)).await;
        reply(&server, &nodes[1], &lost, &uuid(2), payload("Success", Some(("Success", 0, "late", ""))))
            .await;
        let row = invocation(&server, &lost, &nodes[1]).await;
        assert_eq!(
            (&row["StatusDetails"], &row["StandardOutputContent"]),
            (&json!("DeliveryTimedOut"), &json!("late"))
        );

        let month = server.now.plus_seconds(31 * 24 * 3600);
        assert_eq!(forget_commands::run_once(Arc::clone(&server.app), month).await.unwrap(), 2);
        let list = server.call("ListCommands", json!({})).await.unwrap();
        assert_eq!(list["Commands"], json!([]));
        let list = server.call("ListCommandInvocations", json!({})).await.unwrap();
        assert_eq!(list["CommandInvocations"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_catches_up_after_a_crash() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let command = send(&server, json!({"InstanceIds": [node.as_str()]})).await;
        poll(&server, &node).await;
        // The process dies between the commit of the reply and the count.
        let key = store::node_messages::NodeKey {
            account: server.root().account,
            region: server.root().region,
            node: node.clone(),
        };
        let job_id = format!("aws.ssm.{command}.{node}");
        let done = payload("Success", Some(("Success", 0, "", "")));
        crate::agents::replies::received(&server.app, &key, &job_id, &uuid(1), &done).await.unwrap();
        assert_eq!(details(&server, &command).await, "Pending");
        assert_eq!(advance_commands::run_once(Arc::clone(&server.app), now()).await.unwrap(), 1);
        assert_eq!(details(&server, &command).await, "Success");
        assert_eq!(advance_commands::run_once(Arc::clone(&server.app), now()).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_their_own_codes() {
    let server = TestServer::on_sqlite().await;
    let node = server.add_node(1).await;
    let id = node.as_str();
    let stranger = "mi-0123456789abcdef0";
    let shell = "AWS-RunShellScript";
    let rows = [
        ("ValidationException", json!({"DocumentName": shell})),
        (
            "ValidationException",
            json!({"DocumentName": shell, "InstanceIds": [id],
            "Targets": [{"Key": "tag:a", "Values": ["b"]}]}),
        ),
        ("ValidationException", json!({"DocumentName": shell, "InstanceIds": [id], "TimeoutSeconds": 29})),
        ("ValidationException", json!({"DocumentName": shell, "InstanceIds": [id], "MaxErrors": "101%"})),
        ("DuplicateInstanceId", json!({"DocumentName": "AWS-Nothing", "InstanceIds": [id, id]})),
        ("InvalidDocument", json!({"DocumentName": "AWS-Nothing", "InstanceIds": [stranger]})),
        (
            "InvalidDocument",
            json!({"DocumentName": shell, "InstanceIds": [id], "DocumentHash": "00",
            "DocumentHashType": "Sha256"}),
        ),
        (
            "InvalidDocumentVersion",
            json!({"DocumentName": shell, "InstanceIds": [id], "DocumentVersion": "7"}),
        ),
        ("InvalidParameters", json!({"DocumentName": shell, "InstanceIds": [stranger]})),
        (
            "InvalidParameters",
            json!({"DocumentName": shell, "InstanceIds": [id],
            "Parameters": {"commands": ["id"], "colour": ["red"]}}),
        ),
        (
            "InvalidParameters",
            json!({"DocumentName": shell, "InstanceIds": [id],
            "Parameters": {"commands": ["id"], "executionTimeout": ["soon"]}}),
        ),
        (
            "InvalidInstanceId",
            json!({"DocumentName": shell, "InstanceIds": [stranger],
            "Parameters": {"commands": ["id"]}}),
        ),
        (
            "MaxDocumentSizeExceeded",
            json!({"DocumentName": shell, "InstanceIds": [id],
            "Parameters": {"commands": ["x".repeat(66_000)]}}),
        ),
        (
            "InvalidOutputFolder",
            json!({"DocumentName": shell, "InstanceIds": [id],
            "Parameters": {"commands": ["id"]}, "OutputS3BucketName": "none"}),
        ),
    ];
    for (code, request) in rows {
        assert_eq!(server.call("SendCommand", request.clone()).await.unwrap_err().0, code, "{request}");
    }
    let unknown = uuid(0);
    let rows = [
        ("CancelCommand", json!({"CommandId": unknown}), "InvalidCommandId"),
        ("ListCommands", json!({"CommandId": unknown}), "InvalidCommandId"),
        ("ListCommandInvocations", json!({"CommandId": unknown}), "InvalidCommandId"),
        ("GetCommandInvocation", json!({"CommandId": unknown, "InstanceId": id}), "InvocationDoesNotExist"),
        (
            "ListCommandInvocations",
            json!({"Filters": [{"key": "ExecutionStage", "value": "Complete"}]}),
            "InvalidFilterKey",
        ),
        (
            "ListCommands",
            json!({"Filters": [{"key": "InvokedAfter", "value": "yesterday"}]}),
            "InvalidFilterKey",
        ),
    ];
    for (operation, request, code) in rows {
        assert_eq!(
            server.call(operation, request.clone()).await.unwrap_err().0,
            code,
            "{operation} {request}"
        );
    }
    let command = send(&server, json!({"InstanceIds": [id]})).await;
    let foreign = json!({"CommandId": command, "InstanceIds": [stranger]});
    assert_eq!(server.call("CancelCommand", foreign).await.unwrap_err().0, "InvalidInstanceId");
    let plugin = json!({"CommandId": command, "InstanceId": id, "PluginName": "other"});
    assert_eq!(server.call("GetCommandInvocation", plugin).await.unwrap_err().0, "InvalidPluginName");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged_newest_first() {
    for mut server in TestServer::on_each_engine().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        let mut sent = Vec::new();
        for node in [0, 1, 0] {
            server.now = server.now.plus_seconds(10);
            sent.insert(0, send(&server, json!({"InstanceIds": [nodes[node].as_str()]})).await);
        }
        let ids = async |operation: &str, request: Value| -> Vec<String> {
            let mut found = Vec::new();
            let mut request = request;
            request["MaxResults"] = json!(1);
            loop {
                let page = server.call(operation, request.clone()).await.unwrap();
                let rows =
                    if operation == "ListCommands" { &page["Commands"] } else { &page["CommandInvocations"] };
                found.extend(
                    rows.as_array().unwrap().iter().map(|row| row["CommandId"].as_str().unwrap().to_owned()),
                );
                match page.get("NextToken") {
                    Some(token) => request["NextToken"] = token.clone(),
                    None => return found,
                }
            }
        };
        for operation in ["ListCommands", "ListCommandInvocations"] {
            assert_eq!(ids(operation, json!({})).await, sent);
            let on_second = json!({"InstanceId": nodes[1].as_str()});
            assert_eq!(ids(operation, on_second).await, sent[1..2]);
            let since = server.now.plus_seconds(-15).to_iso_seconds();
            let late = json!({"Filters": [{"key": "InvokedAfter", "value": since}]});
            assert_eq!(ids(operation, late).await, sent[..2]);
            let pending = json!({"Filters": [{"key": "Status", "value": "Pending"}]});
            assert_eq!(ids(operation, pending).await, sent);
            let timed_out = json!({"Filters": [{"key": "Status", "value": "DeliveryTimedOut"}]});
            assert!(ids(operation, timed_out).await.is_empty());
        }
        for operation in ["ListCommands", "ListCommandInvocations"] {
            let page = server.answer(operation, json!({"MaxResults": 1})).await;
            // Of another question.
            let foreign =
                json!({"MaxResults": 1, "NextToken": page["NextToken"], "InstanceId": nodes[0].as_str()});
            assert_eq!(server.refusal(operation, foreign).await, "InvalidNextToken");
        }
        let stage = |value: &str| json!({"Filters": [{"key": "ExecutionStage", "value": value}]});
        assert_eq!(ids("ListCommands", stage("Executing")).await, sent);
        assert!(ids("ListCommands", stage("Complete")).await.is_empty());
    }
}
