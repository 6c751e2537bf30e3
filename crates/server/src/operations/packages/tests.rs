//! What the stock agent's package plugin and its association worker hear.

use serde_json::json;

use crate::operations::Service;
use crate::testing::{TestServer, call};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_referred_to_the_document_and_may_tell_the_result() {
    let server = TestServer::on_sqlite().await;
    let node = server.node(&server.add_node(1).await);
    let ask = async |operation, request| call(&node, Service::Ssm, operation, request).await;
    let manifest = json!({"PackageName": "AmazonCloudWatchAgent", "PackageVersion": "latest"});
    assert_eq!(ask("GetManifest", manifest).await.unwrap_err().0, "ResourceNotFoundException");
    let result = json!({"PackageName": "pkg", "PackageVersion": "1.0", "PreviousPackageVersion": "",
        "Operation": "Install", "OverallTiming": 1234, "Result": 0,
        "Attributes": {"platformName": "debian", "instanceID": node.caller.node().unwrap()},
        "Steps": [{"Action": "download", "Result": 0, "Timing": 12}]});
    assert_eq!(ask("PutConfigurePackageResult", result).await, Ok(json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_an_association_is_taken_from_the_node_itself_alone() {
    let server = TestServer::on_sqlite().await;
    let (one, two) = (server.add_node(1).await, server.add_node(2).await);
    let status = json!({"AssociationId": "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10", "InstanceId": one,
        "ExecutionResult": {"Status": "Success", "ErrorCode": "", "ExecutionDate": 1795207373.351,
            "ExecutionSummary": "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. "}});
    let operation = "UpdateInstanceAssociationStatus";
    let told = call(&server.node(&one), Service::Ssm, operation, status.clone()).await;
    assert_eq!(told, Ok(json!({})));
    let by_other = call(&server.node(&two), Service::Ssm, operation, status.clone()).await;
    assert_eq!(by_other.unwrap_err().0, "AccessDeniedException");
    let mut strange = status;
    strange["InstanceId"] = json!("mi-0123456789abcdef0");
    assert_eq!(server.refusal(operation, strange).await, "InvalidInstanceId");
}
