//! NotificationConfig: webhooks hear what becomes of commands, each state once, until the end or until they are given up.

use serde_json::{Value, json};

use super::{payload, poll, reply, send, uuid};
use crate::jobs::tell_notifications;
use crate::testing::TestServer;
use crate::testing::receiver::{Receiver, body, header};

const ROLE: &str = "arn:aws:iam::123456789012:role/ops";

fn arn(topic: &str) -> String {
    format!("arn:aws:sns:eu-central-1:123456789012:{topic}")
}

fn wish(topic: &str, kind: &str, events: &[&str]) -> Value {
    json!({"NotificationArn": arn(topic), "NotificationType": kind, "NotificationEvents": events})
}

/// Delivery goes by the wall clock, and so do these requests.
async fn servers(receiver: &Receiver) -> Vec<TestServer> {
    let mut servers = TestServer::on_each_engine_with(&receiver.webhooks()).await;
    servers.iter_mut().for_each(|server| server.now = crate::commands::now());
    servers
}

/// The job, once; what the receiver heard since.
async fn heard(server: &TestServer, receiver: &Receiver, known: &mut usize) -> Vec<Value> {
    tell_notifications::run_once(std::sync::Arc::clone(&server.app), server.now).await.unwrap();
    let seen = receiver.seen();
    let new = seen[*known..].iter().map(|request| serde_json::from_str(body(request)).unwrap()).collect();
    *known = seen.len();
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_told_of_until_its_end() {
    let receiver = Receiver::start().await;
    for server in servers(&receiver).await {
        let mut known = receiver.seen().len();
        let node = server.add_node(1).await;
        let command = send(
            &server,
            json!({"InstanceIds": [node.as_str()], "ServiceRoleArn": ROLE,
                "NotificationConfig": wish("drain", "Command", &["All"])}),
        )
        .await;
        assert_eq!(heard(&server, &receiver, &mut known).await, Vec::<Value>::new(), "it waits");
        poll(&server, &node).await;
        reply(&server, &node, &command, &uuid(1), payload("InProgress", None)).await;
        let running = heard(&server, &receiver, &mut known).await;
        assert_eq!((running.len(), &running[0]["status"]), (1, &json!("InProgress")));
        let expected = json!([command, "AWS-RunShellScript", [node.as_str()]]);
        let of = |name: &str| running[0][name].clone();
        assert_eq!(json!([of("commandId"), of("documentName"), of("instanceIds")]), expected);
        assert_eq!(heard(&server, &receiver, &mut known).await.len(), 0, "told once");
        let done = payload("Success", Some(("Success", 0, "out", "")));
        reply(&server, &node, &command, &uuid(2), done).await;
        server.app.agents.settle(&server.app).await;
        let ended = heard(&server, &receiver, &mut known).await;
        assert_eq!((ended.len(), &ended[0]["status"]), (1, &json!("Success")));
        let request = receiver.seen().pop().unwrap();
        assert_eq!(header(&request, "idempotency-key"), Some(format!("{command}//Success").as_str()));
        assert_eq!(heard(&server, &receiver, &mut known).await.len(), 0, "nothing more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_node_is_told_of_as_far_as_anybody_wants_to_know() {
    let receiver = Receiver::start().await;
    for server in servers(&receiver).await {
        let mut known = receiver.seen().len();
        let (good, bad) = (server.add_node(1).await, server.add_node(2).await);
        let command = send(
            &server,
            json!({"InstanceIds": [good.as_str(), bad.as_str()], "ServiceRoleArn": ROLE,
                "NotificationConfig": wish("drain", "Invocation", &["Failed"])}),
        )
        .await;
        for (number, node, status) in [(1, &good, "Success"), (2, &bad, "Failed")] {
            poll(&server, node).await;
            let code = i64::from(status == "Failed");
            reply(&server, node, &command, &uuid(number), payload(status, Some((status, code, "", ""))))
                .await;
        }
        let told = heard(&server, &receiver, &mut known).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["instanceId"], &told[0]["status"]), (&json!(bad.as_str()), &json!("Failed")));
        assert_eq!(heard(&server, &receiver, &mut known).await.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_answer_is_given_up() {
    let receiver = Receiver::start().await;
    for mut server in servers(&receiver).await {
        let mut known = receiver.seen().len();
        let node = server.add_node(1).await;
        let command = send(
            &server,
            json!({"InstanceIds": [node.as_str()], "ServiceRoleArn": ROLE,
                "NotificationConfig": wish("broken", "Invocation", &["Success"])}),
        )
        .await;
        poll(&server, &node).await;
        reply(&server, &node, &command, &uuid(1), payload("Success", Some(("Success", 0, "", "")))).await;
        let mut asked = 0;
        for _ in 0..15 {
            asked += heard(&server, &receiver, &mut known).await.len();
            server.now = server.now.plus_seconds(121);
        }
        assert_eq!(asked, 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_would_hear_is_refused() {
    let server = TestServer::on_sqlite().await;
    let node = server.add_node(1).await;
    let request = |config: Value, role: &str| {
        json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]},
            "InstanceIds": [node.as_str()], "NotificationConfig": config, "ServiceRoleArn": role})
    };
    let rows = [
        (request(wish("drain", "Command", &["All"]), ROLE), "InvalidNotificationConfig"),
        (request(json!({"NotificationArn": "drain"}), ROLE), "InvalidNotificationConfig"),
        (request(json!({"NotificationArn": ROLE}), ROLE), "InvalidNotificationConfig"),
    ];
    for (request, code) in rows {
        assert_eq!(server.refusal("SendCommand", request).await, code);
    }
    let receiver = Receiver::start().await;
    let server = TestServer::on_each_engine_with(&receiver.webhooks()).await.remove(0);
    let node = server.add_node(1).await;
    let mut request = request(wish("drain", "Command", &["All"]), "");
    request["InstanceIds"] = json!([node.as_str()]);
    assert_eq!(server.refusal("SendCommand", request.clone()).await, "InvalidRole");
    request["ServiceRoleArn"] = json!(ROLE);
    assert!(server.call("SendCommand", request).await.is_ok());
}
