//! Lists and numbers of the fleet, through the dispatcher on each engine; pages of generated fleets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use domain::compliance::ComplianceLevel;
use domain::ids::NodeId;
use domain::patch::PatchCounts;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use store::fleet::{FleetNode, FleetReport};
use store::touched::Written;

use super::{Column, Cursor, Filter, Fleet, Fleets, Operator, Order, Selection, lock};
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

/// As of a large fleet: one that is kept beside the questions.
#[tokio::test]
async fn a_kept_picture_has_what_was_written_since() {
    for server in TestServer::on_each_engine().await {
        let store = server.app.store();
        let root = server.root();
        let scope = (&root.account, &root.region);
        let fleets = Fleets::with_quick(Duration::ZERO);
        let (first, second) = (server.add_node(1).await, server.add_node(2).await);
        assert_eq!(fleets.get(&store, scope, server.now).await.unwrap().len(), 2);

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
        assert_eq!((renewed.as_of, renewed.len()), (later, 2));
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
        let fleets = Fleets::with_quick(Duration::ZERO);
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
        let fleets = Fleets::with_quick(Duration::ZERO);
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

fn any_fleet() -> impl Strategy<Value = Vec<FleetNode>> {
    let node = (any::<[u8; 9]>(), prop::option::of("[ab]{1,2}"), prop::option::of(0_i64..4));
    prop::collection::vec(node, 0..60).prop_map(|nodes| {
        let mut nodes: Vec<FleetNode> = nodes
            .into_iter()
            .map(|(id, name, missing)| FleetNode {
                id: NodeId::mint(id),
                name: name.map(Into::into),
                computer_name: None,
                ip_address: None,
                platform_type: None,
                platform_name: None,
                platform_version: None,
                agent_version: None,
                last_seen_at: None,
                channel_until: None,
                report: missing.map(|missing| FleetReport {
                    ended_at: Timestamp::EPOCH,
                    captured_at: Timestamp::EPOCH,
                    operation: "Scan".into(),
                    baseline_id: "".into(),
                    counts: PatchCounts { missing, ..PatchCounts::default() },
                }),
                tags: vec![],
            })
            .collect();
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        nodes.dedup_by(|a, b| a.id == b.id);
        nodes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn pages_visit_each_node_once(nodes in any_fleet(), size in 1_usize..7, by_name in any::<bool>(),
        descending in any::<bool>(), wanted in "[ab]") {
        let filters = vec![Filter { column: Column::Name, operator: Operator::NotEqual, values: vec![wanted] }];
        let by = if by_name { Column::Name } else { Column::MissingCount };
        let order = if descending { Order::Descending } else { Order::Ascending };
        let selection = Selection { filters, by, order };
        let now = Timestamp::EPOCH;
        let all = selection.page(&nodes, now, None, usize::MAX);
        let expected: Vec<&NodeId> = all.nodes.iter().map(|node| &node.id).collect();
        prop_assert_eq!(all.total, nodes.iter().filter(|node| selection.holds(node, now)).count());
        prop_assert_eq!(expected.iter().collect::<BTreeSet<_>>().len(), all.total);
        let (mut found, mut after): (Vec<&NodeId>, Option<Cursor>) = (vec![], None);
        loop {
            let page = selection.page(&nodes, now, after.as_ref(), size);
            prop_assert!(page.nodes.len() <= size && page.total == all.total);
            found.extend(page.nodes.iter().map(|node| &node.id));
            let Some(next) = page.next else { break };
            // Through the token.
            after = Some(serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap());
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_picture_that_is_changed_is_as_one_that_is_made(begun in any_fleet(), then in any_fleet(),
        cuts in (0_usize..60, 0_usize..60), copies in 1_usize..60) {
        let now = Timestamp::EPOCH;
        let mut fleet = Fleet::begun(now);
        let mut after: Option<NodeId> = None;
        for piece in begun.chunks(copies) {
            let until = piece.last().map(|node| node.id.clone());
            fleet.replace(after.as_ref(), until.as_ref(), piece.to_vec());
            after = until;
        }
        prop_assert_eq!(fleet.nodes().collect::<Vec<_>>(), begun.iter().collect::<Vec<_>>());
        prop_assert_eq!(fleet.len(), begun.len());
        let mut expected: BTreeMap<NodeId, FleetNode> =
            begun.iter().map(|node| (node.id.clone(), node.clone())).collect();

        // A range is read anew.
        let ids: Vec<&NodeId> = begun.iter().chain(&then).map(|node| &node.id).collect();
        let bound = |at: usize| ids.get(at).map(|id| (*id).clone());
        let (from, to) = (bound(cuts.0).min(bound(cuts.1)), bound(cuts.0).max(bound(cuts.1)));
        let is_within = |id: &NodeId| from.as_ref().is_none_or(|from| id > from) && to.as_ref().is_none_or(|to| id <= to);
        let within: Vec<FleetNode> = then.iter().filter(|node| is_within(&node.id)).cloned().collect();
        fleet.replace(from.as_ref(), to.as_ref(), within.clone());
        expected.retain(|id, _| !is_within(id));
        expected.extend(within.into_iter().map(|node| (node.id.clone(), node)));
        prop_assert_eq!(fleet.nodes().collect::<Vec<_>>(), expected.values().collect::<Vec<_>>());

        // Single nodes come, change and go.
        for (number, node) in then.iter().chain(begun.iter().take(cuts.0)).enumerate() {
            if number % 3 == 0 {
                fleet.put(&node.id, None);
                expected.remove(&node.id);
            } else {
                fleet.put(&node.id, Some(node.clone()));
                expected.insert(node.id.clone(), node.clone());
            }
        }
        prop_assert_eq!(fleet.nodes().collect::<Vec<_>>(), expected.values().collect::<Vec<_>>());
    }
}
