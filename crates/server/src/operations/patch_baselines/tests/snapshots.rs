//! GetDeployablePatchSnapshotForInstance through the dispatcher, on each engine.

use domain::baseline::BaselineSource;
use domain::ids::NodeId;
use serde_json::{Value, json};

use super::super::{resolve, snapshot};
use super::{DEBIAN_ARN, create};
use crate::jobs::{forget_client_tokens, forget_snapshots};
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

const OPERATION: &str = "GetDeployablePatchSnapshotForInstance";
const SNAPSHOT: &str = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";

/// What a node would download.
pub(super) async fn content(bench: &TestServer, answer: &Value) -> Value {
    let url = answer["SnapshotDownloadUrl"].as_str().unwrap();
    let token = url.strip_prefix("http://127.0.0.1:4510/_fettle/snapshots/").unwrap();
    let key = snapshot::open_token(&bench.app.keyring, token, bench.now).unwrap();
    let mut tx = bench.app.store().read().await.unwrap();
    let gone_since = snapshot::gone_since(bench.now);
    let kept = store::snapshots::find(&mut tx, &key, gone_since).await.unwrap().unwrap();
    serde_json::from_str(&kept.content).unwrap()
}

/// As the node itself.
async fn ask(bench: &TestServer, caller: &NodeId, request: Value) -> Result<Value, Refused> {
    call(&bench.node(caller), Service::Ssm, OPERATION, request).await
}

async fn downloaded(bench: &TestServer, node: &NodeId) -> Value {
    let answer = ask(bench, node, json!({"InstanceId": node, "SnapshotId": SNAPSHOT})).await.unwrap();
    content(bench, &answer).await
}

async fn runs(bench: &TestServer, node: &NodeId, platform_name: &str, platform_version: &str) {
    let report = json!({"InstanceId": node, "AgentName": "fettle-agent", "AgentStatus": "Active",
        "AgentVersion": "1.0.0", "PlatformType": "Linux", "PlatformName": platform_name,
        "PlatformVersion": platform_version});
    call(&bench.node(node), Service::Ssm, "UpdateInstanceInformation", report).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_freezes_the_baseline_of_a_group_for_three_days() {
    for mut bench in TestServer::on_each_engine().await {
        let (node, other) = (bench.add_node(1).await, bench.add_node(2).await);
        let id = create(&bench, "web", "DEBIAN").await;
        bench
            .answer("RegisterPatchBaselineForPatchGroup", json!({"BaselineId": id, "PatchGroup": "web"}))
            .await;
        let tag = |node: &NodeId| {
            json!({"ResourceType": "ManagedInstance", "ResourceId": node,
                "Tags": [{"Key": "Patch Group", "Value": "web"}]})
        };
        let before = downloaded(&bench, &node).await;
        assert_eq!(before["BaselineId"], DEBIAN_ARN);
        assert_eq!(before["PatchGroup"], "");
        bench.answer("AddTagsToResource", tag(&node)).await;
        bench.answer("AddTagsToResource", tag(&other)).await;

        let first = downloaded(&bench, &node).await;
        assert_eq!(
            (first["BaselineId"].as_str(), first["PatchGroup"].as_str()),
            (Some(id.as_str()), Some("web"))
        );
        assert_eq!(
            (first["SnapshotId"].as_str(), first["ApprovedPatches"].clone()),
            (Some(SNAPSHOT), json!([]))
        );
        let change = json!({"BaselineId": id, "ApprovedPatches": ["openssl"]});
        bench.answer("UpdatePatchBaseline", change).await;
        bench.now = bench.now.plus_seconds(3 * 24 * 3600 - 1);
        assert_eq!(downloaded(&bench, &other).await, first);
        bench.now = bench.now.plus_seconds(1);
        assert_eq!(downloaded(&bench, &other).await["ApprovedPatches"], json!(["openssl"]));
        assert_eq!(downloaded(&bench, &node).await["ApprovedPatches"], json!(["openssl"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brought_baseline_takes_precedence_where_its_system_fits() {
    for bench in TestServer::on_each_engine().await {
        let node = bench.add_node(1).await;
        runs(&bench, &node, "Ubuntu", "22.04").await;
        let with = async |snapshot: &str, given: Value| {
            let request = json!({"InstanceId": node, "SnapshotId": snapshot, "BaselineOverride": given});
            let answer = bench.answer(OPERATION, request).await;
            assert_eq!(answer["Product"], "Ubuntu22.04");
            assert_eq!(answer["SnapshotId"], snapshot);
            content(&bench, &answer).await
        };
        let own = with(SNAPSHOT, json!({"OperatingSystem": "UBUNTU", "ApprovedPatches": ["curl"]})).await;
        assert_eq!(own["ApprovedPatches"], json!(["curl"]));
        assert_eq!(own.get("BaselineId"), None);
        let second = "4f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
        let silent = with(second, json!({"ApprovedPatches": ["wget"]})).await;
        assert_eq!(silent["ApprovedPatches"], json!(["wget"]));
        let foreign = with(SNAPSHOT, json!({"OperatingSystem": "WINDOWS"})).await;
        assert_eq!(foreign["Name"], "AWS-UbuntuDefaultPatchBaseline");
        let plain = downloaded(&bench, &node).await;
        assert_eq!(plain, foreign);
        // What is handed out can be read by what applies it.
        for text in [own.to_string(), plain.to_string()] {
            let rules: domain::baseline::BaselineRules = serde_json::from_str(&text).unwrap();
            assert_eq!(rules.operating_system, domain::os::OperatingSystem::Ubuntu);
        }
        let broken = json!({"InstanceId": node, "SnapshotId": SNAPSHOT, "BaselineOverride": {"Sources":
        [{"Name": "mirror", "Products": ["*"], "Configuration": "no deb line"}]}});
        let refused = bench.refusal(OPERATION, broken).await;
        assert_eq!(refused, "ValidationException");
    }
}

/// Of each node its own: no node decides what another one gets.
#[tokio::test(flavor = "multi_thread")]
async fn a_brought_baseline_counts_once_for_a_node_and_a_snapshot_id() {
    for mut bench in TestServer::on_each_engine().await {
        let (node, other) = (bench.add_node(1).await, bench.add_node(2).await);
        let with = async |bench: &TestServer, node: &NodeId, patch: &str| {
            let request = json!({"InstanceId": node, "SnapshotId": SNAPSHOT,
                "BaselineOverride": {"OperatingSystem": "DEBIAN", "ApprovedPatches": [patch]}});
            content(bench, &bench.answer(OPERATION, request).await).await["ApprovedPatches"][0].clone()
        };
        assert_eq!(with(&bench, &node, "curl").await, "curl");
        assert_eq!(with(&bench, &node, "wget").await, "curl", "the later edit has no effect");
        assert_eq!(with(&bench, &other, "wget").await, "wget");
        // Without one it is the node's own, whatever was brought before.
        assert_eq!(downloaded(&bench, &node).await["BaselineId"], DEBIAN_ARN);
        assert_eq!(with(&bench, &node, "wget").await, "curl");
        bench.now = bench.now.plus_seconds(3 * 24 * 3600);
        assert_eq!(with(&bench, &node, "wget").await, "wget", "after three days the id is a new one");
        forget_snapshots::run_once(std::sync::Arc::clone(&bench.app), bench.now).await.unwrap();
        assert_eq!(with(&bench, &node, "curl").await, "wget");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_asks_for_its_own_snapshot_only() {
    for bench in TestServer::on_each_engine().await {
        let (node, other) = (bench.add_node(1).await, bench.add_node(2).await);
        runs(&bench, &other, "Slackware", "15").await;
        let of = |node: &NodeId| json!({"InstanceId": node, "SnapshotId": SNAPSHOT});
        let refused = ask(&bench, &other, of(&node)).await.unwrap_err();
        assert_eq!(refused.0, "AccessDeniedException");
        let refused =
            call(&bench.node(&node), Service::Ssm, "GetPatchBaseline", json!({"BaselineId": DEBIAN_ARN}))
                .await;
        assert_eq!(refused.unwrap_err().0, "AccessDeniedException");
        assert_eq!(bench.refusal(OPERATION, of(&other)).await, "UnsupportedOperatingSystem");
        let tagged =
            json!({"InstanceId": other, "SnapshotId": SNAPSHOT, "BaselineTags": "Key=Env,Values=web"});
        let refused = bench.refusal_of(Service::Fettle, "ResolvePatchSnapshot", tagged).await;
        assert_eq!(refused.0, "UnsupportedOperatingSystem", "{}", refused.1);
        assert_eq!(bench.refusal(OPERATION, of(&NodeId::mint([9; 9]))).await, "InvalidInstanceId");
        let no_uuid = json!({"InstanceId": node, "SnapshotId": "monday"});
        assert_eq!(bench.refusal(OPERATION, no_uuid).await, "ValidationException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_baseline_comes_with_its_reason() {
    for bench in TestServer::on_each_engine().await {
        let node = bench.add_node(1).await;
        let id = create(&bench, "web", "DEBIAN").await;
        let resolved = async || {
            let ctx = bench.root();
            let mut tx = ctx.store.read().await.unwrap();
            let node = store::nodes::find(&mut tx, &ctx.account, &ctx.region, &node).await.unwrap().unwrap();
            let choice = resolve::baseline_of_node(&mut tx, &ctx, &node).await.unwrap().choice;
            (choice.baseline.id.to_string(), choice.source, choice.reason())
        };
        let check = async |expected: &str, source: BaselineSource, words: &str| {
            let (id, by, reason) = resolved().await;
            assert_eq!((id.as_str(), by), (expected, source));
            assert!(reason.contains(words), "{reason}");
        };
        check(DEBIAN_ARN, BaselineSource::Default, "no patch group tag").await;
        bench.answer("RegisterDefaultPatchBaseline", json!({"BaselineId": id})).await;
        check(&id, BaselineSource::Default, "web is the default").await;
        let tags = json!([{"Key": "PatchGroup", "Value": "db"}]);
        let tagging = json!({"ResourceType": "ManagedInstance", "ResourceId": node, "Tags": tags});
        bench.answer("AddTagsToResource", tagging).await;
        check(&id, BaselineSource::Default, "`db`").await;
        let pair = json!({"BaselineId": DEBIAN_ARN, "PatchGroup": "db"});
        bench.answer("RegisterPatchBaselineForPatchGroup", pair).await;
        check(DEBIAN_ARN, BaselineSource::Group, "`db`").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_are_swept_and_young_ones_stay() {
    for mut bench in TestServer::on_each_engine().await {
        let node = bench.add_node(1).await;
        let request = json!({"Name": "once", "ClientToken": "t"});
        let first = bench.answer("CreatePatchBaseline", request.clone()).await;
        let frozen = downloaded(&bench, &node).await;
        let swept = async |bench: &TestServer| {
            let app = || std::sync::Arc::clone(&bench.app);
            let snapshots = forget_snapshots::run_once(app(), bench.now).await.unwrap();
            (snapshots, forget_client_tokens::run_once(app(), bench.now).await.unwrap())
        };
        bench.now = bench.now.plus_seconds(24 * 3600);
        assert_eq!(swept(&bench).await, (0, 0));
        assert_eq!(bench.answer("CreatePatchBaseline", request.clone()).await, first);
        assert_eq!(downloaded(&bench, &node).await, frozen);
        bench.now = bench.now.plus_seconds(2 * 24 * 3600);
        assert_eq!(swept(&bench).await, (1, 1));
        assert_ne!(bench.answer("CreatePatchBaseline", request).await, first);
    }
}
