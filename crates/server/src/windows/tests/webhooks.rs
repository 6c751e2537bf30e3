//! Tasks that call webhooks: once for each node, within their limits, again only after a server died.

use std::sync::Arc;

use api::Timestamp;
use serde_json::{Value, json};

use super::{Bed, HOUR, text};
use crate::jobs::{call_webhooks, tell_notifications};
use crate::testing::receiver::{Receiver, body, header};
use crate::windows::call;

impl Bed {
    async fn call_webhooks(&self, now: Timestamp) {
        call_webhooks::run_once(Arc::clone(&self.server.app), now).await.unwrap();
    }

    /// For the nodes with the tag, with limits; a webhook of this name.
    async fn function(&self, name: &str, limits: (&str, &str), parameters: Value) {
        let tag = json!({"Key": "Env", "Value": "prod"});
        let tag = json!({"ResourceType": "ManagedInstance", "ResourceId": self.node.as_str(), "Tags": [tag]});
        self.server.answer("AddTagsToResource", tag.clone()).await;
        for number in [2, 3] {
            let mut tag = tag.clone();
            tag["ResourceId"] = self.server.add_node(number).await.as_str().into();
            self.server.answer("AddTagsToResource", tag).await;
        }
        let target = self.register_target(json!([{"Key": "tag:Env", "Values": ["prod"]}])).await;
        let task = json!({"TaskArn": name, "TaskType": "LAMBDA", "MaxConcurrency": limits.0, "MaxErrors": limits.1,
            "Targets": [{"Key": "WindowTargetIds", "Values": [target]}], "TaskInvocationParameters": parameters});
        self.task(1, task).await;
    }

    async fn only_invocations(&self) -> Vec<Value> {
        self.invocations(&self.tasks().await[0]).await
    }

    async fn piece_statuses(&self) -> Vec<String> {
        self.only_invocations().await.iter().map(|piece| text(&piece["Status"])).collect()
    }
}

fn payload(content: &str) -> Value {
    use base64::Engine as _;
    json!({"Lambda": {"Payload": base64::engine::general_purpose::STANDARD.encode(content), "Qualifier": "live"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_called_for_each_node_within_its_limits() {
    let receiver = Receiver::start().await;
    for bed in Bed::on_each_engine_with(&receiver.webhooks()).await {
        receiver.forget();
        let parameters = payload("{\"node\": \"{{RESOURCE_ID}}\", \"window\": \"{{WINDOW_ID}}\"}");
        bed.function("arn:aws:lambda:eu-central-1:123456789012:function:drain", ("2", "0"), parameters).await;
        bed.tick(bed.opens_at).await;
        assert_eq!(bed.piece_statuses().await, ["IN_PROGRESS", "IN_PROGRESS", "PENDING"]);
        assert!(receiver.seen().is_empty(), "the rows come first");
        bed.call_webhooks(bed.opens_at).await;
        assert_eq!(bed.piece_statuses().await, ["SUCCESS", "SUCCESS", "PENDING"]);
        bed.call_webhooks(bed.opens_at).await;
        assert_eq!(receiver.seen().len(), 2, "each once, and no more than MaxConcurrency");
        bed.tick(bed.opens_at.plus_seconds(1)).await;
        bed.call_webhooks(bed.opens_at.plus_seconds(1)).await;
        bed.tick(bed.opens_at.plus_seconds(2)).await;
        assert_eq!(bed.execution().await["Status"], "SUCCESS");

        let mut told = Vec::new();
        for request in receiver.seen() {
            assert!(request.starts_with("POST /drain HTTP/1.1\r\n"), "{request}");
            assert_eq!(header(&request, "fettle-qualifier"), Some("live"));
            assert_eq!(header(&request, "content-type"), Some("application/json"));
            let body: Value = serde_json::from_str(body(&request)).unwrap();
            assert_eq!(body["window"], *bed.window);
            told.push((header(&request, "idempotency-key").unwrap().to_owned(), text(&body["node"])));
        }
        told.sort();
        let mut shown = Vec::new();
        for piece in bed.only_invocations().await {
            let parameters: Value = serde_json::from_str(piece["Parameters"].as_str().unwrap()).unwrap();
            let payload: Value = serde_json::from_str(parameters["payload"].as_str().unwrap()).unwrap();
            assert_eq!(piece["TaskType"], "LAMBDA");
            shown.push((text(&piece["ExecutionId"]), text(&payload["node"])));
        }
        shown.sort();
        assert_eq!(told, shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_refuses_counts_as_an_error() {
    let receiver = Receiver::start().await;
    for bed in Bed::on_each_engine_with(&receiver.webhooks()).await {
        receiver.forget();
        bed.function("broken", ("1", "0"), json!({})).await;
        for second in 0..3 {
            bed.tick(bed.opens_at.plus_seconds(second)).await;
            bed.call_webhooks(bed.opens_at.plus_seconds(second)).await;
        }
        assert_eq!(receiver.seen().len(), 1, "MaxErrors stopped the rest");
        assert_eq!(body(&receiver.seen()[0]), "{}");
        assert_eq!(bed.piece_statuses().await, ["FAILED", "CANCELLED", "CANCELLED"]);
        let run = bed.execution().await;
        assert_eq!(
            (&run["Status"], &run["StatusDetails"]),
            (&json!("FAILED"), &json!("The webhook answered 503 Service Unavailable."))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_machine_needs_no_targets_and_is_called_again_when_a_server_died() {
    let receiver = Receiver::start().await;
    for bed in Bed::on_each_engine_with(&receiver.webhooks()).await {
        receiver.forget();
        let parameters =
            json!({"StepFunctions": {"Input": "{\"run\": \"{{WINDOW_EXECUTION_ID}}\"}", "Name": "n"}});
        let request = json!({"WindowId": bed.window, "TaskType": "STEP_FUNCTIONS", "TaskInvocationParameters": parameters,
            "TaskArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:night"});
        let id = bed.server.answer("RegisterTaskWithMaintenanceWindow", request.clone()).await;
        let named = json!({"WindowId": bed.window, "WindowTaskId": id["WindowTaskId"]});
        let shown = bed.server.answer("GetMaintenanceWindowTask", named).await;
        assert_eq!((&shown["MaxConcurrency"], &shown["MaxErrors"]), (&json!("1"), &json!("1")));
        let mut unknown = request.clone();
        unknown["TaskArn"] = "other".into();
        let (code, message) =
            bed.server.call("RegisterTaskWithMaintenanceWindow", unknown).await.unwrap_err();
        assert_eq!(code, "ValidationException");
        assert!(message.contains("no webhook `other`") && message.contains("--webhooks"), "{message}");

        bed.tick(bed.opens_at).await;
        let due = {
            let mut tx = bed.server.app.store().read().await.unwrap();
            store::window_executions::list_calls(&mut tx, bed.opens_at, 10).await.unwrap()
        };
        let [(execution, invocation)] = due.as_slice() else { panic!("{due:?}") };
        let other = bed.server.another().await;
        // Another server takes it and dies before the answer.
        assert!(call::claim(&other, execution, invocation, bed.opens_at).await.unwrap().is_some());
        bed.call_webhooks(bed.opens_at.plus_seconds(60)).await;
        assert!(receiver.seen().is_empty(), "it may still be at it");
        bed.call_webhooks(bed.opens_at.plus_seconds(120)).await;
        bed.tick(bed.opens_at.plus_seconds(121)).await;
        assert_eq!(bed.execution().await["Status"], "SUCCESS");
        let seen = receiver.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(header(&seen[0], "idempotency-key"), Some(invocation.as_str()));
        assert_eq!(header(&seen[0], "authorization"), Some("Basic bWU6c2VjcmV0"));
        assert_eq!(header(&seen[0], "fettle-execution-name"), Some("n"));
        let body: Value = serde_json::from_str(body(&seen[0])).unwrap();
        assert_eq!(body["run"], bed.execution().await["WindowExecutionId"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_late_or_cancelled_is_not_called() {
    let receiver = Receiver::start().await;
    for mut bed in Bed::on_each_engine_with(&receiver.webhooks()).await {
        bed.function("drain", ("1", "0"), json!({})).await;
        bed.tick(bed.opens_at).await;
        let request = json!({"WindowExecutionId": bed.execution().await["WindowExecutionId"]});
        bed.server.now = bed.opens_at.plus_seconds(1);
        bed.server.answer("CancelMaintenanceWindowExecution", request).await;
        assert_eq!(bed.piece_statuses().await, ["CANCELLING", "CANCELLED", "CANCELLED"]);
        bed.call_webhooks(bed.opens_at.plus_seconds(2)).await;
        bed.tick(bed.opens_at.plus_seconds(2)).await;
        assert_eq!(bed.execution().await["Status"], "CANCELLED");

        // Started in the last moment before the cut-off, and nobody came to call it.
        let at = bed.opens_at.plus_seconds(24 * HOUR);
        let schedule = format!("at({})", at.to_iso_seconds().trim_end_matches('Z'));
        let again = json!({"WindowId": bed.window, "Schedule": schedule});
        bed.server.answer("UpdateMaintenanceWindow", again).await;
        bed.tick(at.plus_seconds(2 * HOUR - 1)).await;
        bed.call_webhooks(at.plus_seconds(2 * HOUR)).await;
        bed.tick(at.plus_seconds(2 * HOUR)).await;
        assert_eq!(bed.executions().await[0]["Status"], "TIMED_OUT");
        assert!(receiver.seen().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tasks_command_is_told_of() {
    let receiver = Receiver::start().await;
    for bed in Bed::on_each_engine_with(&receiver.webhooks()).await {
        receiver.forget();
        let with = |topic: &str| {
            json!({"TaskInvocationParameters": {"RunCommand": {"Parameters": {"commands": ["true"]},
                "ServiceRoleArn": "arn:aws:iam::123456789012:role/ops", "NotificationConfig": {
                    "NotificationArn": format!("arn:aws:sns:eu-central-1:123456789012:{topic}"),
                    "NotificationType": "Invocation", "NotificationEvents": ["Success"]}}}})
        };
        let mut unknown = json!({"WindowId": bed.window, "TaskArn": "AWS-RunShellScript", "TaskType": "RUN_COMMAND",
            "Targets": [{"Key": "WindowTargetIds", "Values": [bed.target]}], "MaxConcurrency": "1", "MaxErrors": "0"});
        unknown["TaskInvocationParameters"] = with("other")["TaskInvocationParameters"].clone();
        let (code, message) =
            bed.server.call("RegisterTaskWithMaintenanceWindow", unknown).await.unwrap_err();
        assert_eq!(code, "ValidationException");
        assert!(message.contains("no webhook `other`"), "{message}");

        bed.task(1, with("drain")).await;
        bed.tick(bed.opens_at).await;
        let command = bed.commands().await[0]["CommandId"].clone();
        for (second, status) in [(1, "InProgress"), (2, "Success")] {
            bed.reply(&command, status).await;
            let now = bed.opens_at.plus_seconds(second);
            tell_notifications::run_once(Arc::clone(&bed.server.app), now).await.unwrap();
        }
        let told: Vec<Value> =
            receiver.seen().iter().map(|request| serde_json::from_str(body(request)).unwrap()).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(
            (&told[0]["commandId"], &told[0]["instanceId"], &told[0]["status"]),
            (&command, &json!(bed.node.as_str()), &json!("Success"))
        );
    }
}
