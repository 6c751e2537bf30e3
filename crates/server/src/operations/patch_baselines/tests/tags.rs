//! ResolvePatchSnapshot through the dispatcher, on each engine.

use domain::ids::NodeId;
use serde_json::{Value, json};

use super::snapshots::content;
use super::{DEBIAN_ARN, create};
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

const OPERATION: &str = "ResolvePatchSnapshot";
const SNAPSHOT: &str = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
const ASSOCIATION: &str = "5e2d0c9f-2d53-4b8e-a2b1-0f4f7e8a9c10";

async fn tag(bench: &TestServer, kind: &str, id: &str, key: &str, value: &str) {
    let tags = json!([{"Key": key, "Value": value}]);
    bench.answer("AddTagsToResource", json!({"ResourceType": kind, "ResourceId": id, "Tags": tags})).await;
}

async fn ask(bench: &TestServer, request: Value) -> Result<Value, Refused> {
    call(&bench.root(), Service::Fettle, OPERATION, request).await
}

/// The id of the chosen baseline, of the answer and of what is downloaded.
async fn chosen(bench: &TestServer, node: &NodeId, snapshot: &str, tags: &str) -> String {
    let request = json!({"InstanceId": node, "SnapshotId": snapshot, "BaselineTags": tags});
    let answer = ask(bench, request).await.unwrap();
    let id = content(bench, &answer).await["BaselineId"].as_str().unwrap().to_owned();
    assert_eq!(answer["BaselineId"], id);
    id
}

fn snapshot(number: u8) -> String {
    format!("3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c{number:02x}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_goes_before_the_group_and_the_group_before_the_default() {
    for bench in TestServer::on_each_engine().await {
        let node = bench.add_node(1).await;
        let tags = "Key=Stage,Values=test,prod";
        assert_eq!(chosen(&bench, &node, &snapshot(1), tags).await, DEBIAN_ARN);
        let group = create(&bench, "of-the-group", "DEBIAN").await;
        tag(&bench, "ManagedInstance", node.as_str(), "Patch Group", "web").await;
        let pair = json!({"BaselineId": group, "PatchGroup": "web"});
        bench.answer("RegisterPatchBaselineForPatchGroup", pair).await;
        assert_eq!(chosen(&bench, &node, &snapshot(2), tags).await, group);

        // Of another system, of another value, of another kind of resource: not meant.
        let foreign = create(&bench, "foreign", "UBUNTU").await;
        tag(&bench, "PatchBaseline", &foreign, "Stage", "prod").await;
        tag(&bench, "PatchBaseline", &group, "Stage", "production").await;
        tag(&bench, "ManagedInstance", node.as_str(), "Stage", "prod").await;
        assert_eq!(chosen(&bench, &node, &snapshot(3), tags).await, group);
        let tagged = create(&bench, "tagged", "DEBIAN").await;
        tag(&bench, "PatchBaseline", &tagged, "Stage", "prod").await;
        assert_eq!(chosen(&bench, &node, &snapshot(3), tags).await, group, "frozen");
        assert_eq!(chosen(&bench, &node, &snapshot(4), tags).await, tagged);

        let second = create(&bench, "second", "DEBIAN").await;
        tag(&bench, "PatchBaseline", &second, "Stage", "test").await;
        let request = json!({"InstanceId": node, "SnapshotId": snapshot(5), "BaselineTags": tags});
        let (code, message) = ask(&bench, request).await.unwrap_err();
        assert_eq!(code, "AmbiguousBaselineException");
        assert!(message.contains(&second) && message.contains(&tagged), "{message}");
        assert_eq!(chosen(&bench, &node, &snapshot(4), tags).await, tagged, "frozen");
        assert_eq!(chosen(&bench, &node, &snapshot(5), "Key=Stage,Values=prod").await, tagged);
        let wrong = json!({"InstanceId": node, "SnapshotId": SNAPSHOT, "BaselineTags": "Stage=prod"});
        assert_eq!(ask(&bench, wrong).await.unwrap_err().0, "ValidationException");
    }
}

/// The node's own order is all that opens a baseline to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_learns_what_its_running_command_names_and_no_more() {
    for bench in TestServer::on_each_engine().await {
        let (node, other) = (bench.add_node(1).await, bench.add_node(2).await);
        let tagged = create(&bench, "tagged", "DEBIAN").await;
        tag(&bench, "PatchBaseline", &tagged, "Stage", "prod").await;
        let order = json!({"DocumentName": "AWS-RunPatchBaselineAssociation", "InstanceIds": [node],
            "Parameters": {"Operation": ["Scan"], "AssociationId": [ASSOCIATION],
                "BaselineTags": ["Key=Stage,Values=prod"]}});
        let sent = bench.answer("SendCommand", order).await;
        let command = sent["Command"]["CommandId"].as_str().unwrap().to_owned();
        let ask = async |caller: &NodeId, of: &NodeId, command: Option<&str>, tags: &str| {
            let mut request = json!({"InstanceId": of, "SnapshotId": SNAPSHOT, "BaselineTags": tags});
            if let Some(command) = command {
                request["CommandId"] = command.into();
            }
            call(&bench.node(caller), Service::Fettle, OPERATION, request).await
        };
        let (named, command) = ("Key=Stage,Values=prod", command.as_str());
        let answer = ask(&node, &node, Some(command), named).await.unwrap();
        assert_eq!(answer["BaselineId"], tagged);
        let refused = [
            (&node, &node, None, named),
            (&node, &node, Some(SNAPSHOT), named),
            (&node, &node, Some(command), "Key=Stage,Values=test"),
            (&node, &node, Some(command), "Key=Stage,Values=pro"),
            (&other, &other, Some(command), named),
            (&other, &node, Some(command), named),
        ];
        for (caller, of, command, tags) in refused {
            let code = ask(caller, of, command, tags).await.unwrap_err().0;
            assert_eq!(code, "AccessDeniedException", "{caller} {of} {command:?} {tags}");
        }
        let tags = json!({"ResourceType": "PatchBaseline", "ResourceId": tagged});
        for (operation, request) in [
            ("DescribePatchBaselines", json!({})),
            ("ListTagsForResource", tags),
            ("GetPatchBaseline", json!({"BaselineId": tagged})),
        ] {
            let refused = call(&bench.node(&node), Service::Ssm, operation, request).await;
            assert_eq!(refused.unwrap_err().0, "AccessDeniedException", "{operation}");
        }
        bench.answer("CancelCommand", json!({"CommandId": command})).await;
        let late = ask(&node, &node, Some(command), named).await;
        assert_eq!(late.unwrap_err().0, "AccessDeniedException", "the command has ended");
    }
}
