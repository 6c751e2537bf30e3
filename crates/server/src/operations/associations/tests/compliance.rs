//! What associations say of the compliance of nodes, and who else may.

use std::sync::Arc;

use domain::ids::NodeId;
use serde_json::{Value, json};

use super::create;
use super::polling::{add, finish, finish_all, run_due, runs, servers};
use crate::jobs::follow_associations;
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

async fn items(server: &TestServer, node: &NodeId) -> Vec<Value> {
    let request = json!({"ResourceIds": [node.as_str()], "ResourceTypes": ["ManagedInstance"],
        "Filters": [{"Key": "ComplianceType", "Values": ["Association"]}]});
    server.answer("ListComplianceItems", request).await["ComplianceItems"].as_array().unwrap().clone()
}

async fn put(server: &TestServer, node: &NodeId, more: Value) -> Result<Value, Refused> {
    let mut request = json!({"ResourceId": node.as_str(), "ResourceType": "ManagedInstance",
        "ComplianceType": "Association", "ExecutionSummary": {"ExecutionTime": 1_795_207_373, "ExecutionId": "x"}});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(&server.node(node), Service::Ssm, "PutComplianceItems", request).await
}

fn item(id: &str, status: &str) -> Value {
    json!({"Id": id, "Title": "", "Severity": "UNSPECIFIED", "Status": status, "Details": {"DocumentName": "x"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_is_a_verdict() {
    for server in servers().await {
        let node = add(&server, 1).await;
        let id = create(&server, json!({"ComplianceSeverity": "HIGH"})).await;
        run_due(&server).await;
        assert_eq!(items(&server, &node).await, [] as [Value; 0], "nothing is known yet");
        finish(&server, &node, "Failed").await;
        let found = items(&server, &node).await;
        let expected = json!({"Id": id, "Title": "AWS-RunShellScript", "Status": "NON_COMPLIANT", "Severity": "HIGH",
            "Details": {"DocumentName": "AWS-RunShellScript", "DocumentVersion": "$DEFAULT"}});
        assert_eq!(found.len(), 1);
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&found[0][member], value, "{member}");
        }
        let execution = &found[0]["ExecutionSummary"];
        assert_eq!(execution["ExecutionId"], runs(&server, &id).await[0]["ExecutionId"]);
        assert_eq!(execution["ExecutionType"], "Command");

        // The stock agent uploads all that it knows of, which is not all there is.
        let upload = json!({"Items": [item("3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10", "COMPLIANT")]});
        put(&server, &node, upload).await.unwrap();
        assert_eq!(items(&server, &node).await.len(), 2);
        put(&server, &node, json!({"Items": []})).await.unwrap();
        assert_eq!(items(&server, &node).await.len(), 1);
        put(&server, &node, json!({"Items": [item(&id, "COMPLIANT")]})).await.unwrap();
        let told = items(&server, &node).await;
        assert_eq!((&told[0]["Status"], &told[0]["Severity"]), (&json!("COMPLIANT"), &json!("HIGH")));
        let partial = json!({"Items": [item(&id, "COMPLIANT")], "UploadType": "PARTIAL"});
        let (code, text) = put(&server, &node, partial).await.unwrap_err();
        assert_eq!(code, "ValidationException");
        assert!(text.contains("SyncCompliance AUTO"), "{text}");

        server.answer("DeleteAssociation", json!({"AssociationId": id})).await;
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(items(&server, &node).await, [] as [Value; 0], "taken back");
        let summaries = server.answer("ListResourceComplianceSummaries", json!({})).await;
        assert_eq!(summaries["ResourceComplianceSummaryItems"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_one_is_told_only_by_who_puts_it() {
    for server in servers().await {
        let node = add(&server, 1).await;
        let id = create(&server, json!({"SyncCompliance": "MANUAL"})).await;
        run_due(&server).await;
        finish(&server, &node, "Success").await;
        assert_eq!(items(&server, &node).await, [] as [Value; 0]);
        let partial = json!({"Items": [item(&id, "NON_COMPLIANT")], "UploadType": "PARTIAL"});
        put(&server, &node, partial).await.unwrap();
        assert_eq!(items(&server, &node).await[0]["Status"], "NON_COMPLIANT");
        put(&server, &node, json!({"Items": [item(&id, "COMPLIANT")]})).await.unwrap();
        assert_eq!(
            items(&server, &node).await[0]["Status"],
            "NON_COMPLIANT",
            "the upload of all may not say"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_addressed_no_longer_is_judged_no_longer() {
    for server in servers().await {
        let nodes = [add(&server, 1).await, add(&server, 2).await];
        let id = create(&server, json!({})).await;
        let other = create(&server, json!({"AssociationName": "other"})).await;
        run_due(&server).await;
        for node in &nodes {
            assert_eq!(finish_all(&server, node, "Success").await, 2);
        }
        assert_eq!(items(&server, &nodes[1]).await.len(), 2);
        let first = json!([{"Key": "InstanceIds", "Values": [nodes[0].as_str()]}]);
        server
            .answer(
                "UpdateAssociation",
                json!({"AssociationId": id, "Targets": first,
            "Parameters": {"commands": ["id"]}}),
            )
            .await;
        run_due(&server).await;
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        let left = items(&server, &nodes[1]).await;
        assert_eq!((left.len(), &left[0]["Id"]), (1, &json!(other)));
        assert_eq!(
            items(&server, &nodes[0]).await.len(),
            2,
            "the last verdict stays until there is a new one"
        );
    }
}
