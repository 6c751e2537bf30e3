//! Whom runs reach, and when: nodes that were away, that are new, that match no longer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::polling::{HOUR, add, finish, is_idle, pair, run_due, runs, servers, stay, tag, targets};
use super::{create, describe};
use crate::App;
use crate::jobs::{advance_commands, follow_associations, reach_nodes};
use crate::operations::Service;
use crate::testing::{TestServer, call};

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_catches_up_and_keeps_no_place() {
    for mut server in servers().await {
        let away = server.add_node(1).await;
        server.now = server.now.plus_seconds(HOUR);
        let here = add(&server, 2).await;
        let id = create(&server, json!({"MaxConcurrency": "1"})).await;
        run_due(&server).await;
        assert!(is_idle(&server, &away).await);
        finish(&server, &here, "Success").await;
        assert_eq!(targets(&server, &id).await, [pair(&away, "Pending"), pair(&here, "Success")]);
        // It comes back.
        server.now = server.now.plus_seconds(HOUR);
        stay(&server, &away).await;
        advance_commands::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        finish(&server, &away, "Success").await;
        assert_eq!(describe(&server, &id).await["Overview"]["Status"], "Success");
        assert_eq!(runs(&server, &id).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_before_taking_it_makes_room() {
    for mut server in servers().await {
        let nodes = [server.add_node(1).await, add(&server, 2).await];
        let id = create(&server, json!({"MaxConcurrency": "1"})).await;
        run_due(&server).await;
        server.now = server.now.plus_seconds(HOUR);
        advance_commands::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert!(is_idle(&server, &nodes[0]).await);
        finish(&server, &nodes[1], "Success").await;
        assert_eq!(targets(&server, &id).await, [pair(&nodes[0], "Pending"), pair(&nodes[1], "Success")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_nodes_are_reached_once() {
    for server in servers().await {
        let by_tag = json!([{"Key": "tag:Env", "Values": ["prod"]}]);
        let id = create(&server, json!({"Targets": by_tag})).await;
        assert_eq!(run_due(&server).await, 1);
        assert_eq!(runs(&server, &id).await, [] as [Value; 0], "nobody matches");
        let node = add(&server, 1).await;
        let app: &dyn Fn() -> Arc<App> = &|| Arc::clone(&server.app);
        assert_eq!(reach_nodes::run_once(app(), server.now).await.unwrap(), 0);
        tag(&server, &node, "prod").await;
        assert_eq!(reach_nodes::run_once(app(), server.now).await.unwrap(), 1);
        assert_eq!(reach_nodes::run_once(app(), server.now).await.unwrap(), 0);
        finish(&server, &node, "Success").await;
        assert_eq!(targets(&server, &id).await, [pair(&node, "Success")]);
        assert_eq!(reach_nodes::run_once(app(), server.now).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_tagged_otherwise_is_left() {
    for mut server in servers().await {
        let by_tag = json!([{"Key": "tag:Env", "Values": ["prod"]}]);
        let id = create(&server, json!({"Targets": by_tag})).await;
        let away = server.add_node(1).await;
        server.now = server.now.plus_seconds(HOUR);
        let here = add(&server, 2).await;
        tag(&server, &away, "prod").await;
        tag(&server, &here, "prod").await;
        assert_eq!(run_due(&server).await, 1);
        finish(&server, &here, "Success").await;
        assert_eq!(describe(&server, &id).await["Overview"]["Status"], "Pending");
        // What waits for a node is not started once the node is none of the targets.
        tag(&server, &away, "test").await;
        stay(&server, &away).await;
        advance_commands::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert!(is_idle(&server, &away).await);
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(targets(&server, &id).await, [pair(&away, "Cancelled"), pair(&here, "Success")]);
        let overview = describe(&server, &id).await["Overview"].clone();
        assert_eq!(overview["AssociationStatusAggregatedCount"], json!({"Success": 1}));
        assert_eq!(reach_nodes::run_once(Arc::clone(&server.app), server.now).await.unwrap(), 0);
        server.now = server.now.plus_seconds(1);
        tag(&server, &away, "prod").await;
        assert_eq!(reach_nodes::run_once(Arc::clone(&server.app), server.now).await.unwrap(), 1);
        assert_eq!(targets(&server, &id).await, [pair(&away, "Pending")]);
        // A node that is gone counts no more, and what waits for it has ended.
        server.answer("DeregisterManagedInstance", json!({"InstanceId": away.as_str()})).await;
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        let overview = describe(&server, &id).await["Overview"].clone();
        assert_eq!(overview["AssociationStatusAggregatedCount"], json!({"Success": 1}));
        assert_eq!(targets(&server, &id).await, [pair(&away, "Failed")]);
    }
}

async fn of_group(server: &TestServer, operation: &str, more: Value) {
    let mut request = json!({"Name": "web"});
    if operation != "CreateGroup" {
        request = json!({"Group": "web"});
    }
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(&server.root(), Service::ResourceGroups, operation, request).await.unwrap();
}

fn by_env(value: &str) -> Value {
    let tags = json!([{"Key": "Env", "Values": [value]}]);
    let text = json!({"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": tags}).to_string();
    json!({"ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": text}})
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_group_by_its_query_is_left_at_once() {
    for mut server in servers().await {
        of_group(&server, "CreateGroup", by_env("prod")).await;
        let group = json!([{"Key": "ResourceGroup", "Values": ["web"]}]);
        let id = create(&server, json!({"Targets": group})).await;
        let away = server.add_node(1).await;
        server.now = server.now.plus_seconds(HOUR);
        let (here, other) = (add(&server, 2).await, add(&server, 3).await);
        for (node, env) in [(&away, "prod"), (&here, "prod"), (&other, "test")] {
            tag(&server, node, env).await;
        }
        assert_eq!(run_due(&server).await, 1);
        finish(&server, &here, "Success").await;
        assert_eq!(targets(&server, &id).await, [pair(&away, "Pending"), pair(&here, "Success")]);
        // A query that selects the same leaves nobody.
        of_group(&server, "UpdateGroupQuery", by_env("prod")).await;
        assert_eq!(describe(&server, &id).await["Overview"]["Status"], "Pending");
        of_group(&server, "UpdateGroupQuery", by_env("test")).await;
        stay(&server, &away).await;
        advance_commands::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert!(is_idle(&server, &away).await);
        assert_eq!(targets(&server, &id).await, [pair(&away, "Cancelled"), pair(&here, "Success")]);
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(reach_nodes::run_once(Arc::clone(&server.app), server.now).await.unwrap(), 1);
        finish(&server, &other, "Success").await;
        let overview = describe(&server, &id).await["Overview"].clone();
        assert_eq!(overview["AssociationStatusAggregatedCount"], json!({"Success": 1}));
        // Of a group that is gone nobody is a member.
        of_group(&server, "DeleteGroup", json!({})).await;
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        let counts = describe(&server, &id).await["Overview"]["AssociationStatusAggregatedCount"].clone();
        assert_ne!(counts, json!({"Success": 1}), "{counts}");
    }
}
