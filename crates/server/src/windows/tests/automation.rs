//! Tasks that execute runbooks: once for each node, told to stop at the cut-off.

use std::sync::Arc;

use api::Timestamp;
use serde_json::{Value, json};

use super::{Bed, HOUR};
use crate::jobs::run_automations;

impl Bed {
    async fn runbook(&self, steps: Value) {
        let document =
            json!({"schemaVersion": "0.3", "parameters": {"Node": {"type": "String"}}, "mainSteps": steps});
        let request = json!({"Name": "book", "DocumentType": "Automation", "Content": document.to_string()});
        self.server.answer("CreateDocument", request).await;
    }

    async fn automation_task(&self) {
        let more = json!({"TaskType": "AUTOMATION", "TaskArn": "book", "CutoffBehavior": "CANCEL_TASK",
            "TaskInvocationParameters": {"Automation": {"Parameters": {"Node": ["{{RESOURCE_ID}}"]}}}});
        self.task(1, more).await;
    }

    async fn tick_both(&self, now: Timestamp) {
        self.tick(now).await;
        run_automations::run_once(Arc::clone(&self.server.app), now).await.unwrap();
        self.tick(now).await;
    }

    async fn automation(&self) -> Value {
        let all = self.server.answer("DescribeAutomationExecutions", json!({})).await;
        let list = all["AutomationExecutionMetadataList"].as_array().unwrap();
        assert_eq!(list.len(), 1, "{list:?}");
        let id = json!({"AutomationExecutionId": list[0]["AutomationExecutionId"]});
        self.server.answer("GetAutomationExecution", id).await["AutomationExecution"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runbook_is_executed_for_each_node() {
    for bed in Bed::on_each_engine().await {
        bed.runbook(json!([{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT5S"}}])).await;
        bed.automation_task().await;
        bed.tick_both(bed.opens_at).await;
        bed.tick_both(bed.opens_at.plus_seconds(1)).await;
        let execution = bed.automation().await;
        assert_eq!(execution["Parameters"]["Node"], json!([bed.node.as_str()]));
        let invocations = bed.invocations(&bed.tasks().await[0]).await;
        assert_eq!(invocations[0]["ExecutionId"], execution["AutomationExecutionId"]);
        assert_eq!(
            (&invocations[0]["Status"], &invocations[0]["TaskType"]),
            (&json!("IN_PROGRESS"), &json!("AUTOMATION"))
        );
        bed.tick_both(bed.opens_at.plus_seconds(6)).await;
        assert_eq!(bed.statuses().await, ["SUCCESS"]);
        assert_eq!(bed.execution().await["Status"], "SUCCESS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cut_off_cancels_it() {
    for bed in Bed::on_each_engine().await {
        bed.runbook(json!([{"name": "a", "action": "aws:pause", "inputs": {}}])).await;
        bed.automation_task().await;
        bed.tick_both(bed.opens_at).await;
        bed.tick_both(bed.opens_at.plus_seconds(2 * HOUR)).await;
        bed.tick_both(bed.opens_at.plus_seconds(2 * HOUR + 1)).await;
        assert_eq!(bed.automation().await["AutomationExecutionStatus"], "Cancelled");
        assert_eq!(bed.statuses().await, ["TIMED_OUT"]);
    }
}
