//! Previews of unsaved baselines, through the dispatcher on each engine.

use domain::facts::{FactSet, content_hash};
use domain::ids::NodeId;
use serde_json::{Value, json};

use super::super::tests::{AT, facts, put};
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

async fn tell(server: &TestServer, node: &NodeId, facts: &FactSet) {
    let mut request = put(node, AT, Some(facts));
    request["FactsHash"] = json!(content_hash(&facts.to_canonical_json()));
    call(&server.root(), Service::Fettle, "PutNodeFacts", request).await.unwrap();
}

async fn preview(server: &TestServer, request: Value) -> Result<Value, Refused> {
    call(&server.root(), Service::Fettle, "PreviewPatchBaseline", request).await
}

fn baseline(priority: &str) -> Value {
    json!({"OperatingSystem": "DEBIAN", "ApprovalRules": {"PatchRules": [{
        "PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": [priority]}]},
        "ComplianceLevel": "HIGH", "ApproveAfterDays": 0, "EnableNonSecurity": true,
    }]}})
}

/// Name, count, and the names of the patches of the page.
fn lists(answer: &Value) -> Vec<(String, i64, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |list: &Value| {
        let patches = list["Patches"].as_array().unwrap().iter().map(|patch| text(&patch["Name"]));
        (text(&list["Name"]), list["Count"].as_i64().unwrap(), patches.collect())
    };
    answer["Lists"].as_array().unwrap().iter().map(list).collect()
}

/// The facts of two nodes, of which the second has the fix, and of one more package on both.
fn fleet() -> (FactSet, FactSet) {
    let mut lacking = facts();
    let mut required = lacking.packages[0].clone();
    required.name = "dash".to_owned();
    for offer in &mut required.available {
        offer.priority = "required".to_owned();
    }
    lacking.packages.push(required);
    let mut patched = lacking.clone();
    patched.packages[0].version = "7.88.1-10+deb12u5".to_owned();
    (lacking, patched)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_unsaved_baseline_would_approve() {
    for server in TestServer::on_each_engine().await {
        let (lacking, patched) = fleet();
        for (number, set) in [(1, &lacking), (2, &lacking), (3, &patched)] {
            let node = server.add_node(number).await;
            tell(&server, &node, set).await;
        }
        let answer = preview(&server, json!({"Baseline": baseline("Optional")})).await.unwrap();
        assert_eq!((&answer["Nodes"], &answer["NodesExamined"]), (&json!(3), &json!(3)));
        assert!(answer.get("Comparison").is_none());
        let of = |name: &str, patches: &[&str]| {
            let names = patches.iter().map(|patch| (*patch).to_owned()).collect();
            (name.to_owned(), i64::try_from(patches.len()).unwrap(), names)
        };
        assert_eq!(
            lists(&answer),
            [
                of("Approved", &["curl"]),
                of("ApprovedLater", &[]),
                of("Rejected", &[]),
                of("NotMatched", &["dash"])
            ]
        );
        let (curl, dash) = (&answer["Lists"][0]["Patches"][0], &answer["Lists"][3]["Patches"][0]);
        assert_eq!(
            (&curl["NodesLacking"], &curl["NodesPresent"], &curl["Rule"]),
            (&json!(2), &json!(1), &json!(0))
        );
        assert_eq!(curl["ComplianceLevel"], "HIGH");
        assert_eq!((&dash["Reason"], &dash["FilterKey"]), (&json!("no-rule-matches"), &json!("PRIORITY")));

        // Of another system there is nothing.
        let other = preview(&server, json!({"Baseline": {"OperatingSystem": "UBUNTU"}})).await.unwrap();
        assert_eq!(other["Nodes"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_against_the_saved_one() {
    for server in TestServer::on_each_engine().await {
        let (lacking, _) = fleet();
        for number in [1, 2, 3] {
            let node = server.add_node(number).await;
            tell(&server, &node, &lacking).await;
            if number == 1 {
                let tags = json!([{"Key": "PatchGroup", "Value": "web"}]);
                let tag =
                    json!({"ResourceType": "ManagedInstance", "ResourceId": node.as_str(), "Tags": tags});
                server.answer("AddTagsToResource", tag).await;
            }
        }
        let mut saved = baseline("Optional");
        saved["Name"] = json!("saved");
        let id = server.answer("CreatePatchBaseline", saved).await["BaselineId"].clone();
        let request = json!({"Baseline": baseline("Required"), "BaselineId": id});
        let unused = preview(&server, request.clone()).await.unwrap();
        assert_eq!(unused["Comparison"]["NodesServed"], 0);

        let group = json!({"BaselineId": id, "PatchGroup": "web"});
        server.answer("RegisterPatchBaselineForPatchGroup", group).await;
        let answer = preview(&server, request.clone()).await.unwrap();
        let found = lists(&answer);
        assert_eq!(found[4], ("NewlyApproved".to_owned(), 1, vec!["dash".to_owned()]));
        assert_eq!(found[5], ("NoLongerApproved".to_owned(), 1, vec!["curl".to_owned()]));
        assert_eq!(
            answer["Comparison"],
            json!({"BaselineId": id, "NodesServed": 1, "NodesServedExamined": 1, "NodesChanged": 1})
        );

        server.answer("RegisterDefaultPatchBaseline", json!({"BaselineId": id})).await;
        let answer = preview(&server, request).await.unwrap();
        assert_eq!(answer["Comparison"]["NodesChanged"], 3);
        let same = json!({"Baseline": baseline("Optional"), "BaselineId": id});
        assert_eq!(preview(&server, same).await.unwrap()["Comparison"]["NodesChanged"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_of_one_list() {
    let server = TestServer::on_sqlite().await;
    let (mut set, _) = fleet();
    for number in 0..4 {
        let mut more = set.packages[0].clone();
        more.name = format!("more{number}");
        set.packages.push(more);
    }
    let node = server.add_node(1).await;
    tell(&server, &node, &set).await;
    let mut request = json!({"Baseline": baseline("*"), "MaxResults": 2});
    let mut seen = vec![];
    loop {
        let answer = preview(&server, request.clone()).await.unwrap();
        let page = lists(&answer).swap_remove(0);
        assert_eq!((page.0.as_str(), page.1), ("Approved", 6));
        seen.extend(page.2);
        let Some(token) = answer["Lists"][0].get("NextToken") else { break };
        request["NextToken"] = token.clone();
        let refusal = preview(&server, request.clone()).await;
        if request.get("List").is_none() {
            assert_eq!(refusal.unwrap_err().0, "ValidationException", "a token without its list");
        }
        request["List"] = json!("Approved");
    }
    assert_eq!(seen, ["curl", "dash", "more0", "more1", "more2", "more3"]);
    request["List"] = json!("Rejected");
    assert_eq!(preview(&server, request).await.unwrap_err().0, "ValidationException");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_refused_as_in_create_patch_baseline() {
    let server = TestServer::on_sqlite().await;
    let check = async |baseline: Value, code: &str, word: &str| {
        let refused = preview(&server, json!({"Baseline": baseline})).await.unwrap_err();
        assert_eq!(refused.0, code);
        assert!(refused.1.contains(word), "{}", refused.1);
    };
    check(json!({"OperatingSystem": "PLAN9"}), "ValidationException", "operatingSystem").await;
    check(
        json!({"OperatingSystem": "DEBIAN", "RejectedPatches": [""]}),
        "ValidationException",
        "rejectedPatches",
    )
    .await;
    let mut late = baseline("Optional");
    late["ApprovalRules"]["PatchRules"][0]["ApproveAfterDays"] = json!(361);
    check(late, "ValidationException", "approveAfterDays").await;
    let windows = json!({"Baseline": {"OperatingSystem": "WINDOWS"}, "BaselineId": "pb-00000000000000000"});
    assert_eq!(preview(&server, windows).await.unwrap_err().0, "ResourceNotFoundException");
}
