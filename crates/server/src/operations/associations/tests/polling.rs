//! Nodes that poll for their commands, and what their associations show of it.

use std::sync::Arc;

use domain::ids::NodeId;
use serde_json::{Value, json};
use store::node_messages::{self, NodeKey};
use store::nodes;

use crate::commands::now;
use crate::jobs::run_associations;
use crate::operations::Service;
use crate::testing::{TestServer, call};

pub(crate) const HOUR: i64 = 3600;

/// A day ago: what is scheduled until now can be delivered now, which goes by the wall clock.
pub(crate) async fn servers() -> Vec<TestServer> {
    let mut servers = TestServer::on_each_engine().await;
    servers.iter_mut().for_each(|server| server.now = now().plus_seconds(-24 * HOUR));
    servers
}

pub(crate) async fn run_due(server: &TestServer) -> u64 {
    run_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap()
}

/// A node that stays online, whatever the clock says.
pub(crate) async fn add(server: &TestServer, number: u8) -> NodeId {
    let node = server.add_node(number).await;
    stay(server, &node).await;
    node
}

pub(crate) async fn stay(server: &TestServer, node: &NodeId) {
    let mut tx = server.app.store().write().await.unwrap();
    let until = now().plus_seconds(365 * 24 * HOUR);
    nodes::record_channel(&mut tx, node, until, server.now).await.unwrap();
    tx.commit().await.unwrap();
}

/// Of the key `Env`.
pub(crate) async fn tag(server: &TestServer, node: &NodeId, value: &str) {
    let tags = json!({"ResourceType": "ManagedInstance", "ResourceId": node.as_str(),
        "Tags": [{"Key": "Env", "Value": value}]});
    server.answer("AddTagsToResource", tags).await;
}

/// Nothing is to be told to it.
pub(crate) async fn is_idle(server: &TestServer, node: &NodeId) -> bool {
    let ctx = server.root();
    let key = NodeKey { account: ctx.account, region: ctx.region, node: node.clone() };
    let mut tx = server.app.store().read().await.unwrap();
    node_messages::next_due(&mut tx, &key, now()).await.unwrap().is_none()
}

/// The nodes are online at this moment.
pub(crate) async fn seen(server: &TestServer, nodes: &[&NodeId]) {
    let mut tx = server.app.store().write().await.unwrap();
    for node in nodes {
        nodes::record_seen(&mut tx, node, server.now).await.unwrap();
    }
    tx.commit().await.unwrap();
}

pub(crate) async fn mds(server: &TestServer, node: &NodeId, operation: &str, request: Value) -> Value {
    call(&server.node(node), Service::Mds, operation, request).await.unwrap()
}

pub(crate) async fn poll(server: &TestServer, node: &NodeId) -> Vec<Value> {
    let id = uuid::Uuid::new_v4().to_string();
    let request =
        json!({"Destination": node.as_str(), "MessagesRequestId": id, "VisibilityTimeoutInSeconds": 10});
    mds(server, node, "GetMessages", request).await["Messages"].as_array().unwrap().clone()
}

/// Takes the node's one command and reports how it went.
pub(crate) async fn finish(server: &TestServer, node: &NodeId, status: &str) -> Value {
    let messages = poll(server, node).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    finish_one(server, node, &messages[0], status).await;
    serde_json::from_str(messages[0]["Payload"].as_str().unwrap()).unwrap()
}

/// The same for all that there are; how many there were.
pub(crate) async fn finish_all(server: &TestServer, node: &NodeId, status: &str) -> usize {
    let messages = poll(server, node).await;
    for message in &messages {
        finish_one(server, node, message, status).await;
    }
    messages.len()
}

pub(crate) async fn finish_one(server: &TestServer, node: &NodeId, message: &Value, status: &str) {
    let message_id = &message["MessageId"];
    mds(server, node, "AcknowledgeMessage", json!({"MessageId": message_id})).await;
    let step = json!({"status": status, "code": 0, "name": "aws:runShellScript", "output": "", "startDateTime": "",
        "endDateTime": "", "standardOutput": "", "standardError": ""});
    let payload = json!({"documentStatus": status, "documentTraceOutput": "",
        "runtimeStatus": {"aws:runShellScript": step}});
    let reply_id = uuid::Uuid::new_v4().to_string();
    let reply = json!({"MessageId": message_id, "ReplyId": reply_id, "Payload": payload.to_string()});
    mds(server, node, "SendReply", reply).await;
}

pub(crate) async fn runs(server: &TestServer, id: &str) -> Vec<Value> {
    server
        .pages("DescribeAssociationExecutions", json!({"AssociationId": id}), "AssociationExecutions", 2)
        .await
}

/// Of the newest run: each node with its status.
pub(crate) async fn targets(server: &TestServer, id: &str) -> Vec<(String, String)> {
    let run = runs(server, id).await[0]["ExecutionId"].clone();
    targets_of(server, id, &run).await
}

pub(crate) async fn targets_of(server: &TestServer, id: &str, run: &Value) -> Vec<(String, String)> {
    let request = json!({"AssociationId": id, "ExecutionId": run});
    let rows =
        server.pages("DescribeAssociationExecutionTargets", request, "AssociationExecutionTargets", 1).await;
    let text = |row: &Value, member: &str| row[member].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "ResourceId"), text(row, "Status"))).collect()
}

pub(crate) fn pair(node: &NodeId, status: &str) -> (String, String) {
    (node.to_string(), status.to_owned())
}
