//! The long poll through the dispatcher.

use std::time::Duration;

use domain::ids::NodeId;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::commands::now;
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

/// Far below what a poll holds without a message.
const SOON: Duration = Duration::from_secs(8);

async fn mds(server: &TestServer, node: &NodeId, operation: &str, request: Value) -> Result<Value, Refused> {
    call(&server.node(node), Service::Mds, operation, request).await
}

fn poll(node: &NodeId) -> Value {
    json!({"Destination": node.as_str(), "MessagesRequestId": uuid::Uuid::new_v4().to_string(),
        "VisibilityTimeoutInSeconds": 10})
}

async fn listening(server: &TestServer) {
    let deadline = Instant::now() + SOON;
    while !server.app.agents.hub.has_polls() {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_in_a_poll_that_waits() {
    for mut server in TestServer::on_each_engine().await {
        server.now = now();
        let node = server.add_node(1).await;
        let started = Instant::now();
        let send = async {
            listening(&server).await;
            let request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [node.as_str()],
                "Parameters": {"commands": ["id"]}});
            server.call("SendCommand", request).await.unwrap();
        };
        let request = poll(&node);
        let (answer, ()) = tokio::join!(mds(&server, &node, "GetMessages", request.clone()), send);
        let answer = answer.unwrap();
        assert_eq!(answer["Messages"].as_array().unwrap().len(), 1);
        assert_eq!(answer["MessagesRequestId"], request["MessagesRequestId"]);
        assert!(started.elapsed() < SOON);
        assert!(!server.app.agents.hub.has_polls());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_polls() {
    let mut server = TestServer::on_sqlite().await;
    server.now = now();
    let node = server.add_node(1).await;
    let started = Instant::now();
    let stop = async {
        listening(&server).await;
        server.app.begin_shutdown();
    };
    let (answer, ()) = tokio::join!(mds(&server, &node, "GetMessages", poll(&node)), stop);
    assert_eq!(answer.unwrap()["Messages"], json!([]));
    assert!(started.elapsed() < SOON);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_touch_only_their_own_messages() {
    let server = TestServer::on_sqlite().await;
    let (node, other) = (server.add_node(1).await, server.add_node(2).await);
    assert!(mds(&server, &node, "GetMessages", poll(&other)).await.is_err());
    let foreign = format!("aws.ssm.00000000-0000-4000-8000-000000000001.{other}");
    for id in [foreign.as_str(), "aws.ssm.no-uuid.mi-1", "x"] {
        let rows = [
            ("AcknowledgeMessage", json!({"MessageId": id})),
            ("DeleteMessage", json!({"MessageId": id})),
            ("FailMessage", json!({"MessageId": id, "FailureType": "NoHandlerExists"})),
            (
                "SendReply",
                json!({"MessageId": id, "Payload": "{\"documentStatus\":\"Success\"}",
                "ReplyId": "00000000-0000-4000-8000-000000000002"}),
            ),
        ];
        for (operation, request) in rows {
            let refused = mds(&server, &node, operation, request).await.unwrap_err().0;
            assert!(
                ["InvalidMessageIdException", "ValidationException"].contains(&refused.as_str()),
                "{operation} {id}: {refused}"
            );
        }
    }
    let endpoint = mds(&server, &node, "GetEndpoint", json!({"Destination": node.as_str()})).await.unwrap();
    assert_eq!(endpoint["Endpoint"], "http://127.0.0.1:4510");
    let user = call(&server.root(), Service::Mds, "GetMessages", poll(&node)).await;
    assert_eq!(user.unwrap_err().0, "AccessDeniedException");
}
