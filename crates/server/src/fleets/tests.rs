//! Lists and numbers of the fleet, through the dispatcher on each engine; pages of generated fleets.

use std::sync::Arc;
use std::time::Duration;

use domain::compliance::ComplianceLevel;
use domain::ids::NodeId;
use serde_json::{Value, json};
use store::touched::Written;

use super::{Fleet, Fleets, lock};
use crate::jobs::count_fleet;
use crate::operations::Service;
use crate::operations::inventory::tests::{report, upload};
use crate::testing::{Refused, TestServer, call};

async fn own(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    call(&server.root(), Service::Fettle, operation, request).await
}

/// A report of which one patch is missing, a minute old.
async fn scan(server: &TestServer, node: &NodeId) {
    let ended_at = server.now.plus_seconds(-60).to_iso_seconds();
    let report = report(&ended_at, &[("curl", ComplianceLevel::High)], "");
    server.answer("PutInventory", upload(node, &report, "h")).await;
}

async fn list(server: &TestServer, request: Value) -> Vec<String> {
    let answer = own(server, "ListNodeSummaries", request).await.unwrap();
    answer["Nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["ComputerName"].as_str().unwrap().into())
        .collect()
}

#[tokio::test]
async fn nodes_by_what_they_are() {
    for server in TestServer::on_each_engine().await {
        let mut ids = vec![];
        for number in 1..=3 {
            ids.push(server.add_node(number).await);
        }
        scan(&server, &ids[0]).await;
        let tag = json!({"ResourceType": "ManagedInstance", "ResourceId": ids[1].as_str(),
            "Tags": [{"Key": "PatchGroup", "Value": "web"}, {"Key": "env", "Value": "prod"}]});
        server.answer("AddTagsToResource", tag).await;

        let answer = own(&server, "ListNodeSummaries", json!({})).await.unwrap();
        assert_eq!((answer["Total"].as_i64(), answer.get("NextToken")), (Some(3), None));
        let node = |id: &NodeId| {
            let nodes = answer["Nodes"].as_array().unwrap().iter();
            nodes.clone().find(|node| node["NodeId"] == id.as_str()).unwrap().clone()
        };
        let (first, second) = (node(&ids[0]), node(&ids[1]));
        assert_eq!(
            (first["ComplianceStatus"].as_str(), second["ComplianceStatus"].as_str()),
            (Some("NON_COMPLIANT"), Some("UNKNOWN"))
        );
        assert!(
            first["Counts"]["MISSING"].as_i64().unwrap() > 0 && first["OperationEndTime"].is_number(),
            "{first}"
        );
        assert!(second.get("Counts").is_none() && second.get("BaselineId").is_none(), "{second}");
        assert_eq!(
            (second["PatchGroup"].as_str(), second["Tags"]["env"].as_str()),
            (Some("web"), Some("prod"))
        );
        assert_eq!(
            (first["PingStatus"].as_str(), first["PlatformName"].as_str()),
            (Some("Online"), Some("Debian GNU/Linux"))
        );

        let filter = async |key: &str, operator: &str, values: Value| {
            let filter = json!({"Key": key, "Operator": operator, "Values": values});
            list(&server, json!({"Filters": [filter], "SortBy": "ComputerName"})).await
        };
        assert_eq!(filter("tag:env", "Equal", json!(["prod"])).await, ["host-2"]);
        assert_eq!(filter("tag:env", "NotEqual", json!(["prod"])).await, ["host-1", "host-3"]);
        assert_eq!(filter("TagKey", "Equal", json!(["env"])).await, ["host-2"]);
        assert_eq!(filter("PatchGroup", "Equal", json!(["web"])).await, ["host-2"]);
        assert_eq!(filter("ComplianceStatus", "Equal", json!(["UNKNOWN"])).await, ["host-2", "host-3"]);
        assert_eq!(filter("PingStatus", "Equal", json!(["ConnectionLost"])).await, [""; 0]);
        assert_eq!(filter("AnyName", "BeginWith", json!(["HOST-3"])).await, ["host-3"]);
        assert_eq!(filter("AnyName", "Contains", json!([&ids[0].as_str()[5..]])).await, ["host-1"]);
        assert_eq!(filter("MissingCount", "GreaterThan", json!(["0"])).await, ["host-1"]);
        assert_eq!(filter("ScanAgeSeconds", "LessThan", json!(["86400"])).await, ["host-1"]);
        assert_eq!(filter("PlatformVersion", "Equal", json!(["11", "12"])).await.len(), 3);
        let descending = json!({"SortBy": "IPAddress", "SortOrder": "DESCENDING"});
        assert_eq!(list(&server, descending).await, ["host-3", "host-2", "host-1"]);
        // What a node does not have comes last, whatever the order.
        for order in ["ASCENDING", "DESCENDING"] {
            let found = list(&server, json!({"SortBy": "MissingCount", "SortOrder": order})).await;
            assert_eq!(found[0], "host-1");
        }
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    for server in TestServer::on_each_engine().await {
        for number in 1..=7 {
            server.add_node(number).await;
        }
        let mut request = json!({"MaxResults": 3, "SortBy": "ComputerName", "SortOrder": "DESCENDING"});
        let mut found = vec![];
        loop {
            let answer = own(&server, "ListNodeSummaries", request.clone()).await.unwrap();
            assert_eq!(answer["Total"], 7 - i32::from(found.len() >= 3));
            let names = answer["Nodes"].as_array().unwrap().iter().map(|node| node["ComputerName"].clone());
            found.extend(names);
            let Some(token) = answer.get("NextToken") else { break };
            request["NextToken"] = token.clone();
            if found.len() == 3 {
                // The last one that was shown is gone before the next page.
                let gone = &answer["Nodes"][2]["NodeId"];
                server.answer("DeregisterManagedInstance", json!({"InstanceId": gone})).await;
            }
        }
        let expected: Vec<Value> = (1..=7).rev().map(|number| format!("host-{number}").into()).collect();
        assert_eq!(found, expected);
        request["SortBy"] = "NodeId".into();
        assert_eq!(own(&server, "ListNodeSummaries", request).await.unwrap_err().0, "InvalidNextToken");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let server = TestServer::on_sqlite().await;
    for request in [
        json!({"Filters": [{"Key": "Colour", "Values": ["red"]}]}),
        json!({"Filters": [{"Key": "tag:", "Values": ["red"]}]}),
        json!({"Filters": [{"Key": "MissingCount", "Values": ["many"]}]}),
        json!({"Filters": [{"Key": "MissingCount", "Operator": "Contains", "Values": ["1"]}]}),
        json!({"SortBy": "TagKey"}),
        json!({"SortBy": "Colour"}),
        json!({"MaxResults": 101}),
    ] {
        let refused = own(&server, "ListNodeSummaries", request.clone()).await.unwrap_err();
        assert_eq!(refused.0, "ValidationException", "{request}");
    }
}

#[tokio::test]
async fn the_fleet_in_numbers_and_over_time() {
    for mut server in TestServer::on_each_engine().await {
        let began_at = server.now;
        let (first, _) = (server.add_node(1).await, server.add_node(2).await);
        scan(&server, &first).await;
        count_fleet::run_once(Arc::clone(&server.app), server.now).await.unwrap();

        server.now = began_at.plus_seconds(8 * 86_400);
        let summary = own(&server, "GetFleetSummary", json!({})).await.unwrap();
        assert_eq!(summary["Total"], 2);
        assert_eq!(
            summary["ByStatus"],
            json!({"COMPLIANT": 0, "NON_COMPLIANT": 0, "STALE": 1, "UNKNOWN": 1})
        );
        assert_eq!(summary["ByPingStatus"], json!({"ConnectionLost": 2}));
        assert_eq!(summary["OldestScans"][0]["NodeId"], first.as_str());
        assert_eq!(summary["OldestScans"].as_array().unwrap().len(), 1);
        let trend = summary["Trend"].as_array().unwrap();
        assert_eq!(
            trend.iter().map(|day| day["Day"].as_str().unwrap()).collect::<Vec<_>>(),
            ["2026-03-01", "2026-03-09"]
        );
        assert_eq!(
            (trend[0]["ByStatus"]["NON_COMPLIANT"].as_i64(), trend[0]["ByStatus"]["UNKNOWN"].as_i64()),
            (Some(1), Some(1))
        );
        assert_eq!(trend[1]["ByStatus"], summary["ByStatus"], "today is now");

        server.now = began_at.plus_seconds(count_fleet::DAYS * 86_400);
        count_fleet::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        let summary = own(&server, "GetFleetSummary", json!({})).await.unwrap();
        assert_eq!(summary["Trend"].as_array().unwrap().len(), 1, "older days are gone");
    }
}

#[tokio::test]
async fn what_failed_is_grouped() {
    for server in TestServer::on_each_engine().await {
        let ids = [server.add_node(1).await, server.add_node(2).await];
        let request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]},
            "InstanceIds": [ids[0].as_str(), ids[1].as_str()], "TimeoutSeconds": 30});
        let sent = server.answer("SendCommand", request).await;
        let later = server.now.plus_seconds(3600);
        crate::jobs::expire_invocations::run_once(Arc::clone(&server.app), later).await.unwrap();
        crate::jobs::advance_commands::run_once(Arc::clone(&server.app), later).await.unwrap();
        let summary = own(&server, "GetFleetSummary", json!({})).await.unwrap();
        let failures = summary["Failures"].as_array().unwrap();
        assert_eq!(failures.len(), 1, "{summary}");
        assert_eq!(
            (failures[0]["StatusDetails"].as_str(), failures[0]["Nodes"].as_i64()),
            (Some("DeliveryTimedOut"), Some(2))
        );
        assert_eq!(failures[0]["CommandId"], sent["Command"]["CommandId"]);
    }
}

/// As those of large fleets: kept beside the questions, in several pieces.
fn large() -> Fleets {
    Fleets::of(Duration::ZERO, 4)
}

#[tokio::test]
async fn a_kept_picture_has_what_was_written_since() {
    for server in TestServer::on_each_engine().await {
        let store = server.app.store();
        let root = server.root();
        let scope = (&root.account, &root.region);
        let fleets = large();
        let (first, second) = (server.add_node(1).await, server.add_node(2).await);
        assert_eq!(fleets.get(&store, scope, server.now).await.unwrap().count(), 2);

        let tag = json!({"ResourceType": "ManagedInstance", "ResourceId": first.as_str(),
            "Tags": [{"Key": "env", "Value": "prod"}]});
        server.answer("AddTagsToResource", tag).await;
        scan(&server, &first).await;
        let third = server.add_node(3).await;
        server.answer("DeregisterManagedInstance", json!({"InstanceId": second.as_str()})).await;
        let later = server.now.plus_seconds(1);
        let fleet = fleets.get(&store, scope, later).await.unwrap();
        assert_eq!(fleet.as_of, server.now, "the same, put right");
        let mut found: Vec<(&NodeId, Option<&str>, bool)> = fleet
            .nodes()
            .map(|node| (&node.id, node.tag("env").map(|value| &**value), node.report.is_some()))
            .collect();
        let mut expected = vec![(&first, Some("prod"), true), (&third, None, false)];
        found.sort();
        expected.sort();
        assert_eq!(found, expected);

        let slot = fleets.slot(&store, scope);
        slot.renew(&store, scope, later).await.unwrap();
        let renewed = fleets.get(&store, scope, later).await.unwrap();
        assert_eq!((renewed.as_of, renewed.count()), (later, 2));
        assert_eq!(renewed.nodes().collect::<Vec<_>>(), fleet.nodes().collect::<Vec<_>>());
    }
}

async fn put_tag(server: &TestServer, node: &NodeId, value: &str) {
    let tag = json!({"ResourceType": "ManagedInstance", "ResourceId": node.as_str(),
        "Tags": [{"Key": "env", "Value": value}]});
    server.answer("AddTagsToResource", tag).await;
}

fn envs(fleet: &Fleet) -> Vec<Option<String>> {
    fleet.nodes().map(|node| node.tag("env").map(|value| value.to_string())).collect()
}

#[tokio::test]
async fn what_was_written_is_put_right_while_nobody_asks() {
    for server in TestServer::on_each_engine().await {
        let (store, root) = (server.app.store(), server.root());
        let scope = (&root.account, &root.region);
        let fleets = large();
        let node = server.add_node(1).await;
        fleets.get(&store, scope, server.now).await.unwrap();
        let slot = fleets.slot(&store, scope);
        for value in ["one", "two"] {
            put_tag(&server, &node, value).await;
            fleets.follow(&store, server.now).await;
            assert_eq!(envs(&slot.current().unwrap()), [Some(value.to_owned())]);
            assert_eq!(slot.touched.take(), Written::Nodes(vec![]));
        }
    }
}

/// More than is kept by id: the answer waits for a reading of all, and has it nevertheless.
#[tokio::test]
async fn a_flood_of_writes_makes_no_answer_old() {
    let strangers: Vec<NodeId> =
        (0..=store::touched::MOST).map(|number| format!("mi-{number:017x}").parse().unwrap()).collect();
    for server in TestServer::on_each_engine().await {
        let (store, root) = (server.app.store(), server.root());
        let scope = (&root.account, &root.region);
        let fleets = large();
        let ids: Vec<NodeId> = {
            let mut ids = vec![];
            for number in 1..=9 {
                ids.push(server.add_node(number).await);
            }
            ids
        };
        fleets.get(&store, scope, server.now).await.unwrap();
        let slot = fleets.slot(&store, scope);
        for node in &ids {
            put_tag(&server, node, "prod").await;
        }
        slot.touched.put_back(&strangers);
        let later = server.now.plus_seconds(1);
        // Whoever asks, and not only who finds the flood.
        let (one, other) =
            tokio::join!(fleets.get(&store, scope, later), fleets.get(&store, scope, later.plus_seconds(1)));
        let (one, other) = (one.unwrap(), other.unwrap());
        for fleet in [&one, &other] {
            assert_eq!(envs(fleet), vec![Some("prod".to_owned()); ids.len()]);
        }
        assert_eq!((one.as_of, other.as_of), (later, later), "one reading serves both");
        let state = lock(&slot.state);
        assert_eq!((state.floods, state.floods_read), (1, 1));
    }
}
