//! Associations of runbooks: runs are executions, for targets of whatever kind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::polling::{self, HOUR, add, finish, run_due, runs};
use crate::caller::Caller;
use crate::jobs::{follow_associations, reach_nodes, run_automations};
use crate::operations::Service;
use crate::testing::{TestServer, call};

/// An hour ago: what is delivered goes by the wall clock.
async fn servers() -> Vec<TestServer> {
    let mut servers = polling::servers().await;
    for server in &mut servers {
        server.now = server.now.plus_seconds(24 * HOUR - 60);
        for (name, steps) in [("Mend", mending()), ("Wait", waiting())] {
            let parameters =
                json!({"InstanceId": {"type": "String"}, "Why": {"type": "String", "default": "-"}});
            let parameters = if name == "Mend" { parameters } else { json!({}) };
            let document = json!({"schemaVersion": "0.3", "parameters": parameters, "mainSteps": steps});
            let request =
                json!({"Name": name, "DocumentType": "Automation", "Content": document.to_string()});
            server.answer("CreateDocument", request).await;
        }
    }
    servers
}

fn mending() -> Value {
    json!([{"name": "mend", "action": "aws:runCommand", "inputs": {"DocumentName": "AWS-RunShellScript",
        "InstanceIds": ["{{ InstanceId }}"], "Parameters": {"commands": ["true"]}}}])
}

fn waiting() -> Value {
    json!([{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT10S"}}])
}

async fn create(server: &TestServer, request: Value) -> String {
    let answer = server.answer("CreateAssociation", request).await;
    answer["AssociationDescription"]["AssociationId"].as_str().unwrap().to_owned()
}

async fn tick(server: &mut TestServer, seconds: i64) {
    server.now = server.now.plus_seconds(seconds);
    run_automations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
    follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
}

async fn targets(server: &TestServer, id: &str, more: Value) -> Vec<Value> {
    let run = runs(server, id).await[0]["ExecutionId"].clone();
    let mut request = json!({"AssociationId": id, "ExecutionId": run});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.pages("DescribeAssociationExecutionTargets", request, "AssociationExecutionTargets", 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runbook_runs_for_each_node_that_matches() {
    for mut server in servers().await {
        let request = json!({"Name": "Mend", "AutomationTargetParameterName": "InstanceId",
            "Targets": [{"Key": "tag:Env", "Values": ["prod"]}], "ScheduleExpression": "rate(1 day)",
            "MaxConcurrency": "5", "MaxErrors": "1"});
        let id = create(&server, request).await;
        assert_eq!(run_due(&server).await, 1);
        assert_eq!(runs(&server, &id).await.len(), 0, "nobody matches");
        let nodes = [add(&server, 1).await, add(&server, 2).await];
        for node in &nodes {
            polling::tag(&server, node, "prod").await;
        }
        reach_nodes::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(runs(&server, &id).await.len(), 0, "runbooks run at their times alone");
        server.answer("StartAssociationsOnce", json!({"AssociationIds": [id]})).await;
        assert_eq!(run_due(&server).await, 1);
        for _ in 0..4 {
            tick(&mut server, 1).await;
        }
        let begun = runs(&server, &id).await[0].clone();
        assert_eq!(begun["Status"], "InProgress", "{begun}");
        // It begins with one.
        finish(&server, &nodes[0], "Success").await;
        for _ in 0..4 {
            tick(&mut server, 1).await;
        }
        finish(&server, &nodes[1], "Failed").await;
        for _ in 0..4 {
            tick(&mut server, 1).await;
        }
        let ended = runs(&server, &id).await[0].clone();
        assert_eq!(
            (&ended["Status"], &ended["ResourceCountByStatus"]),
            (&json!("Failed"), &json!("{Success=1, Failed=1}"))
        );
        let execution = server
            .answer("GetAutomationExecution", json!({"AutomationExecutionId": ended["ExecutionId"]}))
            .await;
        assert_eq!(execution["AutomationExecution"]["DocumentName"], "Mend");
        let mut verdicts = Vec::new();
        for node in &nodes {
            let request = json!({"ResourceIds": [node.as_str()], "ResourceTypes": ["ManagedInstance"]});
            let listed = server.pages("ListComplianceItems", request, "ComplianceItems", 50).await;
            let of = |item: &&Value| item["ComplianceType"] == "Association";
            let item = listed.iter().find(of).cloned().unwrap_or_default();
            assert_eq!(
                (&item["Id"], &item["ExecutionSummary"]["ExecutionType"]),
                (&json!(id), &json!("Automation"))
            );
            verdicts.push(item["Status"].clone());
        }
        assert_eq!(verdicts, ["COMPLIANT", "NON_COMPLIANT"]);
        let mut shown: Vec<(String, String)> = Vec::new();
        for target in targets(&server, &id, json!({})).await {
            assert_eq!(
                (&target["ResourceType"], &target["OutputSource"]["OutputSourceType"]),
                (&json!("ManagedInstance"), &json!("Automation"))
            );
            shown.push((
                target["ResourceId"].as_str().unwrap().to_owned(),
                target["Status"].as_str().unwrap().to_owned(),
            ));
        }
        shown.sort();
        assert_eq!(shown, [polling::pair(&nodes[0], "Success"), polling::pair(&nodes[1], "Failed")]);
        let failed = json!({"Filters": [{"Key": "Status", "Value": "Failed"}]});
        assert_eq!(targets(&server, &id, failed).await.len(), 1);
        let overview = server.answer("DescribeAssociation", json!({"AssociationId": id})).await;
        assert_eq!(
            overview["AssociationDescription"]["Overview"]["AssociationStatusAggregatedCount"],
            json!({"Success": 1, "Failed": 1})
        );
        server.answer("DeleteAssociation", json!({"AssociationId": id})).await;
        tick(&mut server, 1).await;
        for node in &nodes {
            let request = json!({"ResourceIds": [node.as_str()], "ResourceTypes": ["ManagedInstance"]});
            let left = server.pages("ListComplianceItems", request, "ComplianceItems", 50).await;
            assert!(left.iter().all(|item| item["ComplianceType"] != "Association"), "{left:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runbook_acts_with_the_rights_of_who_made_the_association() {
    for mut server in servers().await {
        let node = add(&server, 1).await;
        let arn = "arn:aws:iam::123456789012:user/ann".to_owned();
        let ann = server.ctx(Caller::User { arn: arn.clone(), access_key_id: "ASIAANN".to_owned() });
        let may = async |operation: &str, actions: Value| {
            let policy = json!({"Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}});
            let request = json!({"UserName": "ann", "Policies": {"it": policy.to_string()}});
            call(&server.root(), Service::Fettle, operation, request).await.unwrap();
        };
        let request = json!({"Name": "Mend", "Parameters": {"InstanceId": [node.as_str()]}});
        may("CreateUser", json!("ssm:CreateAssociation")).await;
        let refused = call(&ann, Service::Ssm, "CreateAssociation", request.clone()).await.unwrap_err();
        assert!(refused.0 == "AccessDeniedException" && refused.1.contains("StartAutomationExecution"));

        may("UpdateUser", json!(["ssm:CreateAssociation", "ssm:StartAutomationExecution"])).await;
        let made = call(&ann, Service::Ssm, "CreateAssociation", request).await.unwrap();
        let id = made["AssociationDescription"]["AssociationId"].as_str().unwrap().to_owned();
        assert_eq!(run_due(&server).await, 1);
        for _ in 0..4 {
            tick(&mut server, 1).await;
        }
        let ended = runs(&server, &id).await[0].clone();
        assert_eq!(ended["Status"], "Failed", "she may not send commands: {ended}");
        let asked = json!({"AutomationExecutionId": ended["ExecutionId"]});
        let execution = server.answer("GetAutomationExecution", asked).await["AutomationExecution"].clone();
        assert_eq!(execution["ExecutedBy"], arn);
        let why = execution.to_string();
        assert!(why.contains("is not authorized to perform: ssm:SendCommand"), "{why}");

        // She may no longer start runbooks: the next run says so, and does nothing.
        let policy = json!({"UserName": "ann", "Policies": {}});
        call(&server.root(), Service::Fettle, "UpdateUser", policy).await.unwrap();
        server.answer("StartAssociationsOnce", json!({"AssociationIds": [id]})).await;
        assert_eq!(run_due(&server).await, 1);
        let refused = runs(&server, &id).await[0].clone();
        assert_eq!(refused["Status"], "Failed", "{refused}");
        assert!(
            refused["DetailedStatus"].as_str().unwrap().contains("StartAutomationExecution"),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runbook_without_targets_or_by_maps_runs_and_a_new_run_ends_the_old() {
    for mut server in servers().await {
        let own = json!([{"Accounts": ["123456789012"], "Regions": [server.root().region.as_str()]}]);
        let id = create(&server, json!({"Name": "Wait", "TargetLocations": own})).await;
        assert_eq!(run_due(&server).await, 1);
        tick(&mut server, 1).await;
        assert_eq!(runs(&server, &id).await[0]["Status"], "InProgress");
        server.answer("StartAssociationsOnce", json!({"AssociationIds": [id]})).await;
        assert_eq!(run_due(&server).await, 1);
        tick(&mut server, 1).await;
        tick(&mut server, 11).await;
        tick(&mut server, 1).await;
        let statuses: Vec<Value> = runs(&server, &id).await.iter().map(|run| run["Status"].clone()).collect();
        assert_eq!(statuses, ["Success", "Failed"], "newest first; the old was stopped");
        let target = &targets(&server, &id, json!({})).await[0];
        assert_eq!(
            (&target["ResourceType"], &target["Status"]),
            (&json!("AutomationExecution"), &json!("Success"))
        );
        let shown = server.answer("DescribeAssociation", json!({"AssociationId": id})).await;
        assert_eq!(shown["AssociationDescription"]["Overview"]["Status"], "Success");
        assert!(shown["AssociationDescription"].get("LastSuccessfulExecutionDate").is_some());

        let node = add(&server, 1).await;
        let maps = json!([{"InstanceId": [node.as_str()], "Why": ["patching"]}]);
        let id = create(&server, json!({"Name": "Mend", "TargetMaps": maps})).await;
        assert_eq!(run_due(&server).await, 1);
        for _ in 0..3 {
            tick(&mut server, 1).await;
        }
        finish(&server, &node, "Success").await;
        for _ in 0..3 {
            tick(&mut server, 1).await;
        }
        assert_eq!(runs(&server, &id).await[0]["Status"], "Success");
        assert_eq!(targets(&server, &id, json!({})).await[0]["ResourceType"], "ParameterValue");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_runbook_cannot_have_is_refused() {
    for server in servers().await {
        let node = add(&server, 1).await;
        let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
        let rows = [
            (json!({"Targets": all}), "ValidationException"),
            (json!({"AutomationTargetParameterName": "InstanceId"}), "ValidationException"),
            (json!({"Targets": all, "AutomationTargetParameterName": "Node"}), "InvalidParameters"),
            (json!({"Parameters": {"Nothing": ["x"]}}), "InvalidParameters"),
            (json!({}), "InvalidParameters"),
            (json!({"TargetMaps": [{"Nothing": ["x"]}]}), "InvalidTargetMaps"),
            (json!({"InstanceId": node.as_str()}), "InvalidDocument"),
            (json!({"DocumentVersion": "7"}), "InvalidDocumentVersion"),
            (json!({"TargetLocations": [{"Accounts": ["210987654321"]}]}), "ValidationException"),
            (json!({"TargetLocations": [{"Regions": ["mars-north-1"]}]}), "ValidationException"),
            (json!({"ScheduleExpression": "sometimes"}), "InvalidSchedule"),
        ];
        for (more, expected) in rows {
            let mut request = json!({"Name": "Mend"});
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let found = server.refusal("CreateAssociation", request).await;
            assert_eq!(found, expected, "{more}");
        }
        let elsewhere = json!({"DocumentName": "Wait", "TargetLocations": [{"Regions": ["mars-north-1"]}]});
        assert_eq!(server.refusal("StartAutomationExecution", elsewhere).await, "InvalidTarget");
    }
}
