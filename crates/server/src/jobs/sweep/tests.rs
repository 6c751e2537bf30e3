//! The sweeping jobs on each engine, with the clock in hand.

use std::sync::Arc;

use api::Timestamp;
use domain::compliance::ComplianceLevel;
use domain::facts::{FactSet, Observation, OsRelease, content_hash};
use domain::ids::NodeId;
use serde_json::{Value, json};
use store::facts::{self, NodeFacts};

use super::days;
use crate::app::{App, Mode};
use crate::jobs::{forget_facts, forget_inventory, forget_reports};
use crate::keyring::Keyring;
use crate::objects::Objects;
use crate::operations::inventory::tests::{report, upload};
use crate::retention::Retention;
use crate::testing::TestServer;
use crate::webhooks::Webhooks;

fn day(day: u32) -> Timestamp {
    Timestamp::parse("2026-03-01T12:00:00Z").unwrap().plus_seconds(days(day))
}

/// A server beside the tested one, with settings of its own and no lease yet.
fn sweeper(server: &TestServer, reports_days: Option<u32>) -> Arc<App> {
    let retention = Retention::new(30, reports_days);
    let (objects, webhooks) = (Objects::in_memory(), Webhooks::default());
    App::new(server.app.store(), Keyring::ephemeral(), Mode::Durable, retention, objects, webhooks)
}

async fn count(server: &TestServer, table: &str) -> i64 {
    store::testing::count(&server.app.store(), table).await
}

async fn scan(server: &mut TestServer, node: &NodeId, at: u32, missing: &[&str]) {
    server.now = day(at);
    let missing: Vec<_> = missing.iter().map(|name| (*name, ComplianceLevel::High)).collect();
    let report = report(&day(at).to_iso_seconds(), &missing, "web");
    server.answer("PutInventory", upload(node, &report, &format!("{missing:?}"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_reports_go_with_their_items_and_the_newest_stays() {
    for mut server in TestServer::on_each_engine().await {
        let (one, two) = (server.add_node(1).await, server.add_node(2).await);
        for (at, missing) in [(0, ["bash"]), (10, ["curl"]), (20, ["openssl"])] {
            scan(&mut server, &one, at, &missing).await;
        }
        scan(&mut server, &two, 5, &["bash"]).await;
        scan(&mut server, &two, 95, &["zlib"]).await;
        scan(&mut server, &two, 96, &["curl"]).await;
        assert_eq!((count(&server, "patch_reports").await, count(&server, "report_items").await), (6, 4));

        let run = async |app: &Arc<App>| forget_reports::run_once(Arc::clone(app), day(100)).await.unwrap();
        assert_eq!(run(&sweeper(&server, None)).await, 0, "kept for good unless told otherwise");
        let app = sweeper(&server, Some(60));
        assert_eq!(run(&app).await, 3);
        assert_eq!(run(&app).await, 0, "again");
        assert_eq!(run(&sweeper(&server, Some(1))).await, 0, "another server has the lease");
        // The first node's newest, though old, and the two young ones; of the items those of bash went.
        assert_eq!((count(&server, "patch_reports").await, count(&server, "report_items").await), (3, 3));

        let filters = json!([{"Key": "State", "Values": ["Missing"]}]);
        for (node, name) in [(&one, "openssl.amd64"), (&two, "curl.amd64")] {
            let request = json!({"InstanceId": node, "Filters": filters});
            let shown = server.answer("DescribeInstancePatches", request).await;
            assert_eq!(shown["Patches"][0]["KBId"], name);
        }
        // What was forgotten can come again.
        scan(&mut server, &one, 101, &["bash"]).await;
        assert_eq!(count(&server, "report_items").await, 4);
    }
}

async fn rack(server: &mut TestServer, node: &NodeId, at: u32, content: Value) {
    server.now = day(at);
    let mut item = json!({"TypeName": "Custom:Rack", "SchemaVersion": "1.0", "ContentHash": "0123",
        "CaptureTime": day(at).to_iso_seconds()});
    if !content.is_null() {
        item["Content"] = content;
    }
    server.answer("PutInventory", json!({"InstanceId": node, "Items": [item]})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inventory_goes_thirty_days_after_its_last_upload() {
    for mut server in TestServer::on_each_engine().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await, server.add_node(3).await];
        let content = json!([{"Slot": "1"}]);
        for node in &nodes {
            rack(&mut server, node, 0, content.clone()).await;
        }
        // The second says that nothing changed, the third says all of it again.
        rack(&mut server, &nodes[1], 10, Value::Null).await;
        rack(&mut server, &nodes[2], 20, content).await;
        let app = sweeper(&server, None);
        for (at, gone, left) in [(30, 0, 3), (31, 1, 2), (40, 0, 2), (41, 1, 1), (50, 0, 1), (51, 1, 0)] {
            assert_eq!(
                forget_inventory::run_once(Arc::clone(&app), day(at)).await.unwrap(),
                gone,
                "day {at}"
            );
            assert_eq!(count(&server, "inventory_items").await, left, "day {at}");
        }
    }
}

/// What a node saw on a day, of a system in a version of that day.
async fn look(server: &TestServer, node: &NodeId, at: u32, version: &str) {
    let (ctx, store) = (server.root(), server.app.store());
    let scope = (&ctx.account, &ctx.region);
    let os = OsRelease { id: "debian".into(), version_id: version.into(), ..OsRelease::default() };
    let set = FactSet { os, ..FactSet::default() };
    let mut hash = [0; 32];
    hex::decode_to_slice(content_hash(&set.to_canonical_json()), &mut hash).unwrap();
    let prepared = facts::prepare(&store, scope, hash, &set).await.unwrap();
    let observation = json!({"captured_at": day(at).as_seconds(), "refresh": {"outcome": "refreshed"}});
    let observation: Observation = serde_json::from_value(observation).unwrap();
    let seen = NodeFacts { node: node.clone(), facts_hash: hash, received_at: day(at), observation };
    let mut tx = store.write_by_locks().await.unwrap();
    facts::insert(&mut tx, scope, &prepared, day(at)).await.unwrap();
    facts::put_observation(&mut tx, scope, &seen).await.unwrap();
    facts::put_newest(&mut tx, scope, &seen).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_report_stands_on_goes_after_thirty_days() {
    for mut server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        look(&server, &node, 0, "a").await;
        scan(&mut server, &node, 1, &["bash"]).await;
        look(&server, &node, 2, "b").await;
        look(&server, &node, 3, "c").await;
        scan(&mut server, &node, 4, &["curl"]).await;
        look(&server, &node, 5, "d").await;
        look(&server, &node, 6, "b").await;
        let app = sweeper(&server, None);
        let run = async |at: u32| forget_facts::run_once(Arc::clone(&app), day(at)).await.unwrap();
        assert_eq!(run(32).await, 0, "of day 2: not older than 30 days yet");
        assert_eq!(run(36).await, 2, "of days 2 and 5");
        assert_eq!(run(37).await, 0, "again");
        // The version of day 2 is still that of day 6, which nothing has replaced.
        assert_eq!((count(&server, "node_observations").await, count(&server, "fact_sets").await), (3, 3));
        look(&server, &node, 38, "e").await;
        assert_eq!(run(39).await, 1);
        assert_eq!((count(&server, "node_observations").await, count(&server, "fact_sets").await), (3, 3));
    }
}
