//! Days of the past, on each engine: who was there, how it stood, and what cannot be told any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::compliance::ComplianceLevel;
use domain::ids::NodeId;
use serde_json::{Value, json};

use super::{BATCH, BATCHES};
use crate::app::{App, Mode};
use crate::ctx::Ctx;
use crate::jobs::count_fleet;
use crate::keyring::Keyring;
use crate::objects::Objects;
use crate::operations::Service;
use crate::operations::inventory::tests::{report, upload};
use crate::retention::Retention;
use crate::testing::{TestServer, call};

const DAY: i64 = 86_400;

async fn list(server: &TestServer, request: Value) -> Value {
    server.answer_of(Service::Fettle, "ListNodesOnDay", request).await
}

async fn scan(server: &TestServer, node: &NodeId, missing: &[(&str, ComplianceLevel)]) {
    let ended_at = server.now.plus_seconds(-60).to_iso_seconds();
    server.answer("PutInventory", upload(node, &report(&ended_at, missing, ""), &ended_at)).await;
}

/// Names and standings, by name.
fn rows(answer: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let nodes = answer["Nodes"].as_array().unwrap().iter();
    nodes.map(|node| (text(&node["Name"]), text(&node["ComplianceStatus"]))).collect()
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, standing)| ((*name).to_owned(), (*standing).to_owned())).collect()
}

#[tokio::test]
async fn each_node_stands_as_it_did_when_the_day_ended() {
    for mut server in TestServer::on_each_engine().await {
        let began_at = server.now;
        let (first, second) = (server.add_node(1).await, server.add_node(2).await);
        scan(&server, &first, &[("curl", ComplianceLevel::High)]).await;
        count_fleet::run_once(Arc::clone(&server.app), server.now).await.unwrap();

        // On the third day the first is mended, the second leaves and a third comes.
        server.now = began_at.plus_seconds(2 * DAY);
        scan(&server, &first, &[]).await;
        server.answer("DeregisterManagedInstance", json!({"InstanceId": second})).await;
        server.add_node(3).await;

        server.now = began_at.plus_seconds(10 * DAY);
        let day = list(&server, json!({"Day": "2026-03-01"})).await;
        assert_eq!(rows(&day), expected(&[("node 1", "NON_COMPLIANT"), ("node 2", "UNKNOWN")]));
        assert_eq!(day["AsOf"].as_f64(), Some(1_772_409_599.999));
        assert_eq!((&day["ByStatus"]["NON_COMPLIANT"], &day["ByStatus"]["UNKNOWN"]), (&json!(1), &json!(1)));
        let row = day["Nodes"].as_array().unwrap().iter().find(|node| node["Name"] == "node 1").unwrap();
        assert_eq!((&row["Counts"]["MISSING"], &row["WorstState"]), (&json!(1), &json!("MISSING")));
        assert_eq!(row.get("DeregisteredAt"), None);
        let report = json!({"InstanceId": first, "ReportId": row["ReportId"]});
        let report = server.answer_of(Service::Fettle, "GetNodeReport", report).await;
        assert_eq!(report["Status"], "NON_COMPLIANT", "the report of then");
        let gone = day["Nodes"].as_array().unwrap().iter().find(|node| node["Name"] == "node 2").unwrap();
        assert_eq!(gone["DeregisteredAt"], json!(began_at.plus_seconds(2 * DAY).as_millis() / 1000));

        let day = list(&server, json!({"Day": "2026-03-03"})).await;
        assert_eq!(rows(&day), expected(&[("node 1", "COMPLIANT"), ("node 3", "UNKNOWN")]));
        assert_eq!(day.get("ByStatus"), None, "nobody counted");
        let today = list(&server, json!({"Day": "2026-03-11"})).await;
        assert_eq!(rows(&today), expected(&[("node 1", "STALE"), ("node 3", "UNKNOWN")]));
        let stale = list(&server, json!({"Day": "2026-03-11", "ComplianceStatus": "STALE"})).await;
        assert_eq!(rows(&stale), expected(&[("node 1", "STALE")]));
        let before = list(&server, json!({"Day": "2026-02-28"})).await;
        assert_eq!(rows(&before), expected(&[]), "nobody was registered");

        // Whoever left is forgotten with the last day on which it was there.
        count_fleet::run_once(Arc::clone(&server.app), began_at.plus_seconds(92 * DAY)).await.unwrap();
        assert_eq!(store::testing::count(&server.app.store(), "node_departures").await, 1);
        count_fleet::run_once(Arc::clone(&server.app), began_at.plus_seconds(93 * DAY)).await.unwrap();
        assert_eq!(store::testing::count(&server.app.store(), "node_departures").await, 0);
    }
}

#[tokio::test]
async fn what_arrives_later_was_not_known_then() {
    for mut server in TestServer::on_each_engine().await {
        let began_at = server.now;
        let node = server.add_node(1).await;
        scan(&server, &node, &[]).await;
        // A run of the first day whose report comes on the second.
        let late = report("2026-03-01T20:00:00Z", &[("curl", ComplianceLevel::High)], "");
        server.now = began_at.plus_seconds(DAY);
        server.answer("PutInventory", upload(&node, &late, "late")).await;
        let standing = async |day: &str| {
            let answer = list(&server, json!({"Day": day})).await;
            answer["Nodes"][0]["ComplianceStatus"].as_str().unwrap().to_owned()
        };
        assert_eq!(standing("2026-03-01").await, "COMPLIANT");
        assert_eq!(standing("2026-03-02").await, "NON_COMPLIANT");
    }
}

#[tokio::test]
async fn pages_visit_each_node_once() {
    for mut server in TestServer::on_each_engine().await {
        for number in 1..=7 {
            server.add_node(number).await;
        }
        let began_at = server.now;
        server.now = began_at.plus_seconds(2 * DAY);
        for filter in [None, Some("UNKNOWN")] {
            let mut request = json!({"Day": "2026-03-01", "MaxResults": 3});
            if let Some(filter) = filter {
                request["ComplianceStatus"] = filter.into();
            }
            let (mut found, mut pages) = (vec![], 0);
            loop {
                let answer = list(&server, request.clone()).await;
                let nodes = answer["Nodes"].as_array().unwrap();
                found.extend(nodes.iter().map(|node| node["Name"].as_str().unwrap().to_owned()));
                pages += 1;
                let Some(token) = answer.get("NextToken") else { break };
                request["NextToken"] = token.clone();
                // Who leaves between pages was there on that day.
                if filter.is_none() && pages == 1 {
                    let gone = nodes[2]["NodeId"].clone();
                    server.answer("DeregisterManagedInstance", json!({"InstanceId": gone})).await;
                }
            }
            let names: Vec<String> = (1..=7).map(|number| format!("node {number}")).collect();
            assert_eq!((found, pages), (names, 3), "{filter:?}");
            request["Day"] = "2026-03-02".into();
            let refused = server.refusal_of(Service::Fettle, "ListNodesOnDay", request).await;
            assert_eq!(refused.0, "InvalidNextToken");
        }
    }
}

#[tokio::test]
async fn a_rare_standing_ends_a_page_before_it_is_full() {
    let server = TestServer::on_sqlite().await;
    let id = server.add_node(1).await;
    let Ctx { account, region, .. } = server.root();
    let mut tx = server.app.store().write().await.unwrap();
    let one = store::nodes::find(&mut tx, &account, &region, &id).await.unwrap().unwrap();
    for number in 0..BATCH * BATCHES {
        let id = format!("mi-{number:017x}").parse().unwrap();
        let node = store::nodes::Node { id, fingerprint: number.to_string(), ..one.clone() };
        store::nodes::insert(&mut tx, &node).await.unwrap();
    }
    tx.commit().await.unwrap();
    let request = json!({"Day": "2026-03-01", "ComplianceStatus": "COMPLIANT", "MaxResults": 1});
    let first = list(&server, request.clone()).await;
    assert_eq!((first["Nodes"].as_array().unwrap().len(), first.get("NextToken").is_some()), (0, true));
    let mut request = request;
    request["NextToken"] = first["NextToken"].clone();
    let last = list(&server, request).await;
    assert_eq!((last["Nodes"].as_array().unwrap().len(), last.get("NextToken")), (0, None));
}

#[tokio::test]
async fn days_that_cannot_be_told_are_refused() {
    let server = TestServer::on_sqlite().await;
    let check = async |ctx: &Ctx, day: &str, why: &str| {
        let refused = call(ctx, Service::Fettle, "ListNodesOnDay", json!({"Day": day})).await.unwrap_err();
        assert_eq!(refused.0, "ValidationException", "{day}");
        assert!(refused.1.contains(why), "{day}: {}", refused.1);
    };
    let root = server.root();
    for odd in ["2026-02-30", "2026-3-001", "yesterday ", "2026-03-0Z"] {
        check(&root, odd, "is no day").await;
    }
    check(&root, "2026-03-02", "is still to come").await;
    check(&root, "2025-12-01", "the first day that is kept").await;
    let app = App::new(
        server.app.store(),
        Keyring::ephemeral(),
        Mode::Durable,
        Retention::new(30, Some(10)),
        Objects::in_memory(),
        server.app.webhooks.clone(),
    );
    let forgetful = Ctx { app, ..server.root() };
    check(&forgetful, "2026-02-18", "keeps reports for 10 days").await;
    call(&forgetful, Service::Fettle, "ListNodesOnDay", json!({"Day": "2026-02-19"})).await.unwrap();
}
