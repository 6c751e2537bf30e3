//! What open pages hear of parameters: that something changed, and that a policy was carried out; never of which parameter.

use serde_json::{Value, json};

use crate::jobs::apply_parameter_policies;
use crate::testing::TestServer;

/// The topics since the last time.
fn told(server: &TestServer) -> String {
    server.app.store().changes().take().to_text()
}

#[tokio::test]
async fn every_change_is_told_and_no_reading_is() {
    for server in TestServer::on_each_engine().await {
        told(&server);
        let put = |more: Value| {
            let mut request = json!({"Name": "/db/host", "Value": "v"});
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request
        };
        let label = json!({"Name": "/db/host", "ParameterVersion": 1, "Labels": ["prod"]});
        let tags = json!({"ResourceType": "Parameter", "ResourceId": "/db/host", "Tags": [{"Key": "Env", "Value": "prod"}]});
        let rows = [
            ("PutParameter", put(json!({"Type": "String"})), "parameters"),
            ("GetParameter", json!({"Name": "/db/host"}), ""),
            ("PutParameter", put(json!({"Overwrite": true})), "parameters"),
            ("GetParameterHistory", json!({"Name": "/db/host"}), ""),
            ("LabelParameterVersion", label.clone(), "parameters"),
            ("UnlabelParameterVersion", label, "parameters"),
            ("DescribeParameters", json!({}), ""),
            // Tags are in one table, whatever they are of.
            ("AddTagsToResource", tags, "nodes parameters resource-groups"),
            ("DeleteParameter", json!({"Name": "/db/host"}), "nodes parameters resource-groups"),
            ("DeleteParameters", json!({"Names": ["none"]}), ""),
        ];
        for (operation, request, expected) in rows {
            server.answer(operation, request).await;
            assert_eq!(told(&server), expected, "{operation}");
        }
        server.refusal("PutParameter", put(json!({}))).await;
        assert_eq!(told(&server), "");
    }
}

#[tokio::test]
async fn policies_that_are_carried_out_are_told() {
    for server in TestServer::on_each_engine().await {
        let later = server.now.plus_seconds(4 * 86_400);
        let policies = json!([
            {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": later.to_iso_millis()}},
            {"Type": "ExpirationNotification", "Version": "1.0", "Attributes": {"Before": "1", "Unit": "Days"}},
            {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "2", "Unit": "Days"}},
        ]);
        let request = json!({"Name": "x", "Value": "v", "Type": "String", "Tier": "Advanced",
            "Policies": policies.to_string()});
        server.answer("PutParameter", request).await;
        told(&server);
        for (day, expected) in [
            (1, ""),
            (2, "parameter-policies parameters"),
            (3, "parameter-policies parameters"),
            // It is deleted.
            (4, "nodes parameter-policies parameters resource-groups"),
            (5, ""),
        ] {
            let at = server.now.plus_seconds(day * 86_400);
            apply_parameter_policies::run_once(server.app.clone(), at).await.unwrap();
            assert_eq!(told(&server), expected, "day {day}");
        }
    }
}
