//! Inventory items of all types: what is refused, learned, replaced and found.

use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::testing::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_do_not_fit_are_refused() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let item = |kind: &str, version: &str, content: Value| json!({"TypeName": kind, "SchemaVersion": version, "CaptureTime": "2026-03-01T10:00:00Z", "Content": content});
        let component = json!([{"Name": "agent", "Version": "1"}]);
        let with_context = |mut item: Value, context: Value| {
            item["Context"] = context;
            item
        };
        let rows = [
            (item("AWS:Cloud", "1.0", json!([])), "InvalidTypeNameException"),
            (item("AWS:Application", "1.0", json!([])), "UnsupportedInventorySchemaVersionException"),
            (item("AWS:AWSComponent", "1.0", json!([{"Name": "agent"}])), "InvalidItemContentException"),
            (
                item("AWS:AWSComponent", "1.0", json!([{"Name": "a", "Version": "1", "Colour": "red"}])),
                "InvalidItemContentException",
            ),
            (
                item("AWS:AWSComponent", "1.0", json!([{"Name": "a\u{0}", "Version": "1"}])),
                "InvalidItemContentException",
            ),
            (
                with_context(
                    item("AWS:AWSComponent", "1.0", component.clone()),
                    json!({"ComplianceType": "x"}),
                ),
                "UnsupportedInventoryItemContextException",
            ),
            (item("AWS:ComplianceItem", "1.0", json!([])), "InvalidInventoryItemContextException"),
            (
                with_context(item("AWS:ComplianceItem", "1.0", json!([])), json!({"Type": "Patch"})),
                "InvalidInventoryItemContextException",
            ),
            (
                item("AWS:PatchSummary", "1.0", json!([{"BaselineId": "pb-0123456789abcdef0"}])),
                "InvalidItemContentException",
            ),
            (item("AWS:File", "1.0", json!([{"Name": "a".repeat(4000)}, {"Name": "b"}])), ""),
            (
                item("AWS:File", "1.0", json!(vec![json!({"Name": "a".repeat(4000)}); 300])),
                "ItemSizeLimitExceededException",
            ),
        ];
        for (item, code) in rows {
            let outcome = server.call("PutInventory", json!({"InstanceId": node, "Items": [item]})).await;
            let found = outcome.err().map(|(code, _)| code).unwrap_or_default();
            assert_eq!(found, code, "{}", item.to_string().chars().take(200).collect::<String>());
        }
        let strange = json!({"InstanceId": "mi-0123456789abcdef0", "Items": [item("AWS:AWSComponent", "1.0", component)]});
        assert_eq!(server.refusal("PutInventory", strange).await, "InvalidInstanceId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_types_are_learned() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let put = async |kind: &str, version: &str, content: Value| {
            let item = json!({"TypeName": kind, "SchemaVersion": version, "CaptureTime": "2026-03-01T10:00:00Z", "Content": content});
            let outcome = server.call("PutInventory", json!({"InstanceId": node, "Items": [item]})).await;
            outcome.err().map(|(code, _)| code)
        };
        assert_eq!(put("Custom:Rack", "1.1", json!([{"Row": "7", "Place": "b"}])).await, None);
        assert_eq!(put("Custom:Rack", "1.1", json!([{"Row": "8"}])).await, None);
        assert_eq!(
            put("Custom:Rack", "1.1", json!([{"Colour": "red"}])).await.as_deref(),
            Some("InvalidItemContentException")
        );
        assert_eq!(
            put("Custom:Rack", "1.0", json!([])).await.as_deref(),
            Some("UnsupportedInventorySchemaVersionException")
        );
        assert_eq!(put("Custom:Rack", "2.0", json!([{"Colour": "red"}])).await, None);
        let schemas = server.answer("GetInventorySchema", json!({"TypeName": "Custom:"})).await;
        let attributes = json!([{"Name": "Colour", "DataType": "string"}]);
        assert_eq!(schemas["Schemas"][0]["Attributes"], attributes);
        let request = json!({"Filters": [{"Key": "Custom:Rack.Colour", "Values": ["red"]}], "ResultAttributes": [{"TypeName": "Custom:Rack"}]});
        let entities = server.answer("GetInventory", request).await["Entities"].clone();
        assert_eq!(entities[0]["Data"]["Custom:Rack"]["Content"], json!([{"Colour": "red"}]));
        for number in 0..19 {
            assert_eq!(put(&format!("Custom:More{number}"), "1.0", json!([{"a": "b"}])).await, None);
        }
        assert_eq!(
            put("Custom:Last", "1.0", json!([{"a": "b"}])).await.as_deref(),
            Some("CustomSchemaCountLimitExceededException")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_content_replaces_and_absent_content_keeps() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let put = async |hash: &str, content: Option<Value>| {
            let mut item = json!({"TypeName": "AWS:AWSComponent", "SchemaVersion": "1.0", "CaptureTime": "2026-03-01T10:00:00Z", "ContentHash": hash});
            if let Some(content) = content {
                item["Content"] = content;
            }
            server.call("PutInventory", json!({"InstanceId": node, "Items": [item]})).await
        };
        let entries = async || {
            let request = json!({"InstanceId": node, "TypeName": "AWS:AWSComponent"});
            server.answer("ListInventoryEntries", request).await["Entries"].as_array().unwrap().len()
        };
        put("h1", Some(json!([{"Name": "a", "Version": "1"}, {"Name": "b", "Version": "2"}]))).await.unwrap();
        put("h1", None).await.unwrap();
        assert_eq!(entries().await, 2);
        // The same hash says that nothing changed, whatever comes with it.
        put("h1", Some(json!([]))).await.unwrap();
        assert_eq!(entries().await, 2);
        put("h2", Some(json!([]))).await.unwrap();
        assert_eq!(entries().await, 0);
        assert_eq!(put("h1", None).await.unwrap_err().0, "ItemContentMismatchException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_paged_over_one_look_at_the_fleet() {
    for mut server in TestServer::on_each_engine().await {
        let put = async |server: &TestServer, node: &NodeId, names: &[&str]| {
            let content: Vec<Value> =
                names.iter().map(|name| json!({"Name": name, "Version": "1"})).collect();
            let item = json!({"TypeName": "AWS:Application", "SchemaVersion": "1.1", "CaptureTime": "2026-03-01T10:00:00Z", "Content": content});
            server.answer("PutInventory", json!({"InstanceId": node, "Items": [item]})).await;
        };
        let (first, second) = (server.add_node(1).await, server.add_node(2).await);
        put(&server, &first, &["a", "b", "c"]).await;
        put(&server, &second, &["b", "d"]).await;
        let has = json!([{"Name": "has", "Filters": [{"Key": "AWS:Application.Name", "Values": ["b"]}]}]);
        let by_name = json!({"Expression": "AWS:Application.Name"});
        let mut request = json!({"MaxResults": 2, "Aggregators": [by_name, {"Groups": has}]});
        let rows = |answer: &Value, item: &str| answer["Entities"][0]["Data"][item]["Content"].clone();
        let one = server.answer("GetInventory", request.clone()).await;
        let row = |name: &str, count: &str| json!({"Name": name, "Count": count});
        assert_eq!(rows(&one, "AWS:Application"), json!([row("a", "1"), row("b", "2")]));
        assert_eq!(rows(&one, "has"), json!([]), "it is on the last page");
        // What comes meanwhile is not in the pages that follow, until they are too old.
        put(&server, &first, &["a", "bb", "c"]).await;
        request["NextToken"] = one["NextToken"].clone();
        let two = server.answer("GetInventory", request.clone()).await;
        assert_eq!(rows(&two, "AWS:Application"), json!([row("c", "1"), row("d", "1")]));
        let mut later = request.clone();
        later["NextToken"] = two["NextToken"].clone();
        let three = server.answer("GetInventory", later).await;
        assert_eq!(rows(&three, "has"), json!([{"notMatchingCount": "0"}, {"matchingCount": "2"}]));
        assert_eq!(three.get("NextToken"), None);
        server.now = server.now.plus_seconds(600);
        let again = server.answer("GetInventory", request.clone()).await;
        assert_eq!(rows(&again, "AWS:Application"), json!([row("bb", "1"), row("c", "1")]));
        // Of another question it is no page.
        request["Aggregators"] = json!([by_name]);
        assert_eq!(server.refusal("GetInventory", request).await, "InvalidNextToken");
        let whole = server.answer("GetInventory", json!({"Aggregators": [by_name]})).await;
        assert_eq!(rows(&whole, "AWS:Application").as_array().unwrap().len(), 5, "nobody asked for pages");
    }
}

#[tokio::test]
async fn nodes_are_found_and_counted_by_inventory() {
    for server in TestServer::on_each_engine().await {
        for number in 1..=3 {
            let node = server.add_node(number).await;
            let content = json!([{"Name": "agent", "Version": number.min(2).to_string()}, {"Name": "other", "Version": "9"}]);
            let item = json!({"TypeName": "AWS:AWSComponent", "SchemaVersion": "1.0", "CaptureTime": "2026-03-01T10:00:00Z", "Content": content});
            if number < 3 {
                server.answer("PutInventory", json!({"InstanceId": node, "Items": [item]})).await;
            }
        }
        let plain = server.pages("GetInventory", json!({}), "Entities", 2).await;
        assert_eq!(plain.len(), 3);
        assert_eq!(
            plain[0]["Data"]["AWS:InstanceInformation"]["Content"][0]["PlatformName"],
            "Debian GNU/Linux"
        );
        let filters = json!([{"Key": "AWS:AWSComponent.Name", "Values": ["agent"]}, {"Key": "AWS:AWSComponent.Version", "Values": ["2"]}]);
        let found = server.pages("GetInventory", json!({"Filters": filters}), "Entities", 1).await;
        assert_eq!(found.len(), 1);
        let request = json!({"Aggregators": [{"Expression": "AWS:AWSComponent.Name", "Aggregators": [{"Expression": "AWS:AWSComponent.Version"}]}]});
        let rows = server.answer("GetInventory", request).await["Entities"][0]["Data"]["AWS:AWSComponent"]["Content"].clone();
        assert_eq!(rows[2], json!({"Name": "other", "Version": "9", "Count": "2"}));
        let groups = json!([{"Name": "has it", "Filters": [{"Key": "TypeName", "Values": ["AWS:AWSComponent"], "Type": "Exists"}]}]);
        let answer = server.answer("GetInventory", json!({"Aggregators": [{"Groups": groups}]})).await;
        let rows = &answer["Entities"][0]["Data"]["has it"]["Content"];
        assert_eq!(rows, &json!([{"notMatchingCount": "1"}, {"matchingCount": "2"}]));
        let bad = [
            (json!({"Filters": [{"Key": "AWS:AWSComponent.Colour", "Values": ["x"]}]}), "InvalidFilter"),
            (json!({"ResultAttributes": [{"TypeName": "AWS:Cloud"}]}), "InvalidTypeNameException"),
            (json!({"Aggregators": [{"Expression": "AWS:File.Name"}]}), "InvalidAggregatorException"),
        ];
        for (request, code) in bad {
            assert_eq!(server.refusal("GetInventory", request).await, code);
        }
    }
}
