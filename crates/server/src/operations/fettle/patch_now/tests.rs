//! Patch now through the dispatcher, on each engine; nodes poll as agents do.

use std::sync::Arc;

use domain::compliance::ComplianceLevel;
use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::jobs::{follow_associations, forget_patch_now, reach_nodes};
use crate::operations::Service;
use crate::operations::associations::tests::polling::{
    self, HOUR, add, finish, is_idle, pair, run_due, runs, seen, targets,
};
use crate::operations::inventory::tests::{report, upload};
use crate::testing::{Refused, TestServer};

/// An hour ago: what is ordered is over after a day, which goes by the wall clock.
async fn servers() -> Vec<TestServer> {
    let mut servers = polling::servers().await;
    servers.iter_mut().for_each(|server| server.now = server.now.plus_seconds(23 * HOUR));
    servers
}

async fn fettle(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    server.call_of(Service::Fettle, operation, request).await
}

async fn answer(server: &TestServer, operation: &str, request: Value) -> Value {
    server.answer_of(Service::Fettle, operation, request).await
}

fn order(operation: &str, more: Value) -> Value {
    let mut order = json!({"Operation": operation, "Targets": [{"Key": "InstanceIds", "Values": ["*"]}]});
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"Order": order})
}

async fn start(server: &TestServer, operation: &str, more: Value) -> Value {
    answer(server, "StartPatchNow", order(operation, more)).await["PatchNow"].clone()
}

async fn get(server: &TestServer, id: &Value) -> Value {
    answer(server, "GetPatchNow", json!({"PatchNowId": id})).await["PatchNow"].clone()
}

async fn tag(server: &TestServer, node: &NodeId, key: &str, value: &str) {
    let tags = json!({"ResourceType": "ManagedInstance", "ResourceId": node.as_str(),
        "Tags": [{"Key": key, "Value": value}]});
    server.answer("AddTagsToResource", tags).await;
}

/// Each node with its status, read in pages of one.
async fn nodes_of(server: &TestServer, id: &Value) -> Vec<Value> {
    let (mut found, mut request) = (vec![], json!({"PatchNowId": id, "MaxResults": 1}));
    loop {
        let page = answer(server, "ListPatchNowNodes", request.clone()).await;
        found.extend(page["Nodes"].as_array().unwrap().clone());
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_goes_from_node_to_node_and_is_told_of_everywhere() {
    for server in servers().await {
        let nodes = [add(&server, 1).await, add(&server, 2).await];
        let now = start(&server, "Install", json!({"RebootOption": "NoReboot"})).await;
        let expected = json!({"DocumentName": "AWS-RunPatchBaseline", "Status": "Pending", "TargetCount": 2,
            "Counts": {"Pending": 2, "InProgress": 0, "Success": 0, "Failed": 0}});
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&now[member], value, "{member}");
        }
        let ordered = json!({"Operation": "Install", "RebootOption": "NoReboot", "MaxConcurrency": "1",
            "MaxErrors": "1", "ForHours": 24, "Targets": [{"Key": "InstanceIds", "Values": ["*"]}]});
        assert_eq!(now["Order"], ordered, "the table's numbers are filled in");

        // What stock clients see: an association with one run, which is a command.
        let (association, id) = (now["AssociationId"].as_str().unwrap(), &now["PatchNowId"]);
        let shown = server.answer("DescribeAssociation", json!({"AssociationId": association})).await;
        let shown = &shown["AssociationDescription"];
        assert_eq!(shown["AssociationName"], "AWS-PatchNowAssociation");
        assert_eq!(
            (&shown["SyncCompliance"], &shown["ApplyOnlyAtCronInterval"]),
            (&json!("MANUAL"), &json!(true))
        );
        assert_eq!(runs(&server, association).await[0]["ExecutionId"], *id);

        assert!(is_idle(&server, &nodes[1]).await, "one node at a time");
        let payload = finish(&server, &nodes[0], "Success").await;
        assert_eq!((&payload["CommandId"], &payload["Parameters"]["RebootOption"]), (id, &json!("NoReboot")));
        assert_eq!(payload["Parameters"]["AssociationId"], json!(association));
        let between = get(&server, id).await;
        assert_eq!((&between["Status"], &between["Counts"]["Success"]), (&json!("InProgress"), &json!(1)));
        assert!(between.get("EndedAt").is_none());
        finish(&server, &nodes[1], "Failed").await;
        let ended = get(&server, id).await;
        assert_eq!((&ended["Status"], &ended["Counts"]["Failed"]), (&json!("Failed"), &json!(1)));
        assert!(ended.get("EndedAt").is_some());
        assert_eq!(
            targets(&server, association).await,
            [pair(&nodes[0], "Success"), pair(&nodes[1], "Failed")]
        );

        let listed = nodes_of(&server, id).await;
        let shown: Vec<_> =
            listed.iter().map(|node| [&node["InstanceId"], &node["Status"], &node["PingStatus"]]).collect();
        let row = |node: &NodeId, status: &str| [json!(node.as_str()), json!(status), json!("Online")];
        let rows = [row(&nodes[0], "Success"), row(&nodes[1], "Failed")];
        assert_eq!(shown, rows.iter().map(|row| [&row[0], &row[1], &row[2]]).collect::<Vec<_>>());
        assert_eq!(listed[0]["ComputerName"], "host-1");
        // A failure says nothing of compliance; the report does.
        let compliance =
            server.answer("ListComplianceItems", json!({"ResourceIds": [nodes[1].as_str()]})).await;
        assert_eq!(compliance["ComplianceItems"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_report_of_this_run_is_shown_with_a_node() {
    for server in servers().await {
        let node = add(&server, 1).await;
        let high = ComplianceLevel::High;
        let mut old = report("2026-03-01T11:00:00Z", &[("curl", high), ("vim", high)], "");
        server.answer("PutInventory", upload(&node, &old, "h1")).await;
        let now = start(&server, "Scan", json!({})).await;
        let id = &now["PatchNowId"];
        assert_eq!(now["Order"]["MaxConcurrency"], "1000");
        assert!(nodes_of(&server, id).await[0].get("Report").is_none(), "old is not shown as new");
        finish(&server, &node, "Success").await;
        old.summary.frame.execution.id = id.as_str().unwrap().to_owned();
        old.summary.frame.ended_at = old.summary.frame.ended_at.plus_seconds(60);
        server.answer("PutInventory", upload(&node, &old, "h2")).await;
        let shown = nodes_of(&server, id).await[0]["Report"].clone();
        assert_eq!((&shown["Status"], &shown["Counts"]["MISSING"]), (&json!("NON_COMPLIANT"), &json!(2)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_group_is_found_by_either_tag() {
    for server in servers().await {
        let nodes =
            [add(&server, 1).await, add(&server, 2).await, add(&server, 3).await, add(&server, 4).await];
        tag(&server, &nodes[0], "Patch Group", "web").await;
        tag(&server, &nodes[1], "PatchGroup", "web").await;
        // The tag with the space counts.
        tag(&server, &nodes[2], "PatchGroup", "web").await;
        tag(&server, &nodes[2], "Patch Group", "db").await;
        let of_group = |group: &str| json!({"Targets": [{"Key": "PatchGroup", "Values": [group]}]});
        let now = start(&server, "Scan", of_group("web")).await;
        let found: Vec<Value> = nodes_of(&server, &now["PatchNowId"])
            .await
            .iter()
            .map(|node| node["InstanceId"].clone())
            .collect();
        assert_eq!(found, [json!(nodes[0].as_str()), json!(nodes[1].as_str())]);
        let now = start(&server, "Scan", of_group("db")).await;
        assert_eq!(now["TargetCount"], 1);
        assert_eq!(now["Order"]["Targets"][0]["Key"], "tag:Patch Group");
        tag(&server, &nodes[3], "Env", "prod").await;
        tag(&server, &nodes[3], "PatchGroup", "web").await;
        let both = json!({"Targets": [{"Key": "PatchGroup", "Values": ["web", "db"]},
            {"Key": "tag:Env", "Values": ["prod"]}]});
        assert_eq!(start(&server, "Scan", both).await["TargetCount"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_and_leaves_nothing() {
    for server in TestServer::on_each_engine().await {
        server.add_node(1).await;
        let content = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}});
        let session = json!({"Name": "shell", "DocumentType": "Session", "Content": content.to_string()});
        server.answer("CreateDocument", session).await;
        let target = |key: &str, value: &str| json!({"Targets": [{"Key": key, "Values": [value]}]});
        let twice = json!([{"Key": "PatchGroup", "Values": ["a"]}, {"Key": "PatchGroup", "Values": ["b"]}]);
        let (validation, missing) = ("ValidationException", "ResourceNotFoundException");
        let rows = [
            ("Install", target("Colour", "red"), validation, "`Colour` is not known"),
            ("Install", target("InstanceIds", "web1"), validation, "`web1`"),
            ("Install", json!({"Targets": twice}), validation, "there twice"),
            ("Install", target("InstanceIds", "mi-00000000000000000"), missing, "is not a managed node"),
            ("Install", target("tag:Env", "none"), missing, "no managed node matches"),
            ("Install", target("PatchGroup", "none"), missing, "no managed node matches"),
            ("Scan", json!({"RebootAt": "03:00"}), validation, "RebootAt is about an installation"),
            ("Install", json!({"RebootAt": "25:00"}), validation, "restart"),
            ("Install", json!({"RebootAt": "03:00", "RebootOption": "NoReboot"}), validation, "rules out"),
            (
                "Install",
                json!({"RebootAt": "03:00", "OnExitHook": "AWS-Noop"}),
                validation,
                "together with hooks",
            ),
            ("Install", json!({"PreInstallHook": "no-such-document"}), missing, "no-such-document"),
            ("Install", json!({"PreInstallHook": "shell"}), validation, "only Command ones run"),
            ("Install", json!({"OnExitHook": "AWS-RunPatchBaseline"}), validation, "cannot be a hook"),
            ("Install", json!({"OutputS3BucketName": "no-such-bucket"}), validation, "no-such-bucket"),
            ("Install", json!({"OutputS3KeyPrefix": "logs"}), validation, "needs OutputS3BucketName"),
            ("Install", json!({"MaxConcurrency": "0"}), validation, "order.maxConcurrency"),
            ("Install", json!({"MaxErrors": "101%"}), validation, "order.maxErrors"),
            ("Install", json!({"ForHours": 25}), validation, "order.forHours"),
            ("Undo", json!({}), validation, "order.operation"),
        ];
        for (operation, more, code, text) in rows {
            let request = order(operation, more);
            let (found, said) = fettle(&server, "StartPatchNow", request.clone()).await.unwrap_err();
            assert!(found == code && said.contains(text), "{request}: {found}: {said}");
        }
        assert_eq!(server.answer("ListAssociations", json!({})).await["Associations"], json!([]));
        for operation in ["GetPatchNow", "ListPatchNowNodes", "CancelPatchNow"] {
            let unknown = json!({"PatchNowId": "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10"});
            assert_eq!(fettle(&server, operation, unknown).await.unwrap_err().0, missing, "{operation}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_and_a_time_take_their_documents() {
    for server in servers().await {
        add(&server, 1).await;
        let hooked = start(&server, "Install", json!({"PreInstallHook": "AWS-Noop"})).await;
        assert_eq!(hooked["DocumentName"], "AWS-RunPatchBaselineWithHooks");
        assert_eq!(hooked["Order"]["PreInstallHook"], "AWS-Noop");
        let later = start(&server, "Install", json!({"RebootAt": "03:00", "RestartServices": true})).await;
        assert_eq!(later["DocumentName"], "Fettle-RunPatchBaseline");
        assert_eq!(
            (&later["Order"]["RebootAt"], &later["Order"]["RestartServices"]),
            (&json!("03:00"), &json!(true))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_called_off() {
    for server in servers().await {
        let nodes = [add(&server, 1).await, add(&server, 2).await];
        let id = start(&server, "Install", json!({})).await["PatchNowId"].clone();
        for _ in 0..2 {
            answer(&server, "CancelPatchNow", json!({"PatchNowId": id})).await;
            let ended = get(&server, &id).await;
            assert_eq!(
                (&ended["StatusDetails"], &ended["Counts"]["Cancelled"]),
                (&json!("Cancelled"), &json!(2))
            );
        }
        for node in &nodes {
            assert!(is_idle(&server, node).await);
        }
        // Its association says what was carried out, and goes on saying that.
        let association = get(&server, &id).await["AssociationId"].clone();
        let update = json!({"AssociationId": association, "ScheduleExpression": "rate(1 day)"});
        assert_eq!(server.refusal("UpdateAssociation", update).await, "InvalidUpdate");
        // A command of another kind is none of it.
        let shell = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [nodes[0].as_str()],
            "Parameters": {"commands": ["id"]}});
        let other = server.answer("SendCommand", shell).await["Command"]["CommandId"].clone();
        let refused = fettle(&server, "CancelPatchNow", json!({"PatchNowId": other})).await;
        assert_eq!(refused.unwrap_err().0, "ResourceNotFoundException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_once_on_who_was_there_and_is_forgotten_in_time() {
    for mut server in servers().await {
        let node = add(&server, 1).await;
        let first = start(&server, "Scan", json!({})).await;
        let app = || Arc::clone(&server.app);
        add(&server, 2).await;
        assert_eq!(
            reach_nodes::run_once(app(), server.now).await.unwrap(),
            0,
            "new nodes are not its business"
        );
        assert_eq!(run_due(&server).await, 0);
        finish(&server, &node, "Success").await;
        server.now = server.now.plus_seconds(2);
        let second = start(&server, "Scan", json!({"ForHours": 2})).await;
        let all = answer(&server, "ListPatchNow", json!({"MaxResults": 1})).await;
        assert_eq!(all["PatchNow"][0]["PatchNowId"], second["PatchNowId"], "newest first");
        let rest = json!({"MaxResults": 1, "NextToken": all["NextToken"]});
        let rest = answer(&server, "ListPatchNow", rest).await;
        assert_eq!(rest["PatchNow"][0]["PatchNowId"], first["PatchNowId"]);
        assert!(rest.get("NextToken").is_none());

        let month = 31 * 24 * HOUR;
        let app = || Arc::clone(&server.app);
        let forgotten = forget_patch_now::run_once(app(), server.now.plus_seconds(month)).await.unwrap();
        assert_eq!(forgotten, 1, "the other has not ended");
        let refused = fettle(&server, "GetPatchNow", json!({"PatchNowId": first["PatchNowId"]})).await;
        assert_eq!(refused.unwrap_err().0, "ResourceNotFoundException");

        server.now = server.now.plus_seconds(2 * HOUR);
        seen(&server, &[&node]).await;
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        let ended = get(&server, &second["PatchNowId"]).await;
        assert_eq!((&ended["Status"], &ended["Counts"]["Cancelled"]), (&json!("Failed"), &json!(2)));
    }
}
