//! What a deleted association leaves of a runbook at work.

use std::sync::Arc;

use serde_json::{Value, json};

use super::polling::{run_due, servers};
use crate::jobs::run_automations;

#[tokio::test(flavor = "multi_thread")]
async fn a_runbook_at_work_is_called_off() {
    for mut server in servers().await {
        let steps = json!([{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT10M"}}]);
        let document = json!({"schemaVersion": "0.3", "mainSteps": steps}).to_string();
        let request = json!({"Name": "Sleep", "DocumentType": "Automation", "Content": document});
        server.answer("CreateDocument", request).await;
        let made = server.answer("CreateAssociation", json!({"Name": "Sleep"})).await;
        let id = made["AssociationDescription"]["AssociationId"].clone();
        assert_eq!(run_due(&server).await, 1);
        let executions = async |server: &crate::testing::TestServer| -> Vec<Value> {
            let found = server.answer("DescribeAutomationExecutions", json!({})).await;
            found["AutomationExecutionMetadataList"].as_array().unwrap().clone()
        };
        assert_eq!(executions(&server).await.len(), 1);
        server.answer("DeleteAssociation", json!({"AssociationId": id})).await;
        for _ in 0..3 {
            server.now = server.now.plus_seconds(1);
            run_automations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        }
        assert_eq!(executions(&server).await[0]["AutomationExecutionStatus"], "Cancelled");
        assert_eq!(
            server.refusal("DeleteAssociation", json!({"AssociationId": id})).await,
            "AssociationDoesNotExist"
        );
    }
}
