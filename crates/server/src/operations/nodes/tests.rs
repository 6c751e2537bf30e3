//! The node operations through the dispatcher, on both engines.

use serde_json::{Value, json};

use crate::operations::Service;
use crate::testing::{TestServer, call};

fn ids(answer: &Value) -> Vec<&str> {
    let list = answer["InstanceInformationList"].as_array().or(answer["InstanceProperties"].as_array());
    list.unwrap().iter().map(|node| node["InstanceId"].as_str().unwrap()).collect()
}

fn code(outcome: Result<Value, (String, String)>) -> String {
    outcome.map(|answer| answer.to_string()).unwrap_err().0
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_visit_each_node_once_even_when_one_goes_between() {
    for server in TestServer::on_each_engine().await {
        let mut all = Vec::new();
        for number in 1..=12 {
            all.push(server.add_node(number).await);
        }
        let ask = |token: Option<String>| {
            let request = json!({"MaxResults": 5, "NextToken": token});
            server.call("DescribeInstanceInformation", request)
        };
        let first = ask(None).await.unwrap();
        let gone = first["InstanceInformationList"][4]["InstanceId"].clone();
        server.call("DeregisterManagedInstance", json!({"InstanceId": gone})).await.unwrap();
        let second = ask(first["NextToken"].as_str().map(str::to_owned)).await.unwrap();
        let third = ask(second["NextToken"].as_str().map(str::to_owned)).await.unwrap();
        assert!(third.get("NextToken").is_none());
        let seen = [ids(&first), ids(&second), ids(&third)].concat();
        assert_eq!(seen, all.iter().map(|id| id.as_str()).collect::<Vec<_>>());

        let foreign = json!({"MaxResults": 6, "NextToken": first["NextToken"], "Filters": [
            {"Key": "PlatformTypes", "Values": ["Linux"]}]});
        assert_eq!(code(server.call("DescribeInstanceInformation", foreign).await), "InvalidNextToken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_select() {
    for mut server in TestServer::on_each_engine().await {
        let (one, two) = (server.add_node(1).await, server.add_node(2).await);
        let tags = json!([{"Key": "Patch Group", "Value": "web"}]);
        let tag = json!({"ResourceType": "ManagedInstance", "ResourceId": one.as_str(), "Tags": tags});
        server.call("AddTagsToResource", tag).await.unwrap();
        let select = async |server: &TestServer, key: &str, value: &str| {
            let request = json!({"Filters": [{"Key": key, "Values": [value]}]});
            let answer = server.call("DescribeInstanceInformation", request).await.unwrap();
            ids(&answer).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()
        };
        let both = vec![one.to_string(), two.to_string()];
        assert_eq!(select(&server, "InstanceIds", two.as_str()).await, both[1..]);
        assert_eq!(select(&server, "tag:Patch Group", "web").await, both[..1]);
        assert_eq!(select(&server, "tag-key", "Patch Group").await, both[..1]);
        assert_eq!(select(&server, "tag:Patch Group", "db").await.len(), 0);
        assert_eq!(select(&server, "PlatformTypes", "Linux").await, both);
        assert_eq!(select(&server, "PlatformTypes", "Windows").await.len(), 0);
        assert_eq!(select(&server, "ResourceType", "ManagedInstance").await, both);
        assert_eq!(select(&server, "ResourceType", "EC2Instance").await.len(), 0);
        assert_eq!(select(&server, "PingStatus", "Online").await, both);
        server.now = server.now.plus_seconds(400);
        assert_eq!(select(&server, "PingStatus", "Online").await.len(), 0);
        assert_eq!(select(&server, "PingStatus", "ConnectionLost").await, both);

        let property = json!({"FiltersWithOperator": [
            {"Key": "IPAddress", "Values": ["192.0.2.2"], "Operator": "NotEqual"},
            {"Key": "ComputerName", "Values": ["host-"], "Operator": "BeginWith"}]});
        let answer = server.call("DescribeInstanceProperties", property).await.unwrap();
        assert_eq!(ids(&answer), both[..1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_it_cannot_filter_by() {
    let server = TestServer::on_sqlite().await;
    let refused = [
        (json!({"Filters": [{"Key": "Colour", "Values": ["red"]}]}), "InvalidFilterKey"),
        (
            json!({"Filters": [{"Key": "PingStatus", "Values": ["foo"]}]}),
            "InvalidInstanceInformationFilterValue",
        ),
        (json!({"Filters": [{"Key": "InstanceIds", "Values": ["web-1"]}]}), "InvalidInstanceId"),
        (json!({"MaxResults": 4}), "ValidationException"),
        (json!({"NextToken": "x"}), "InvalidNextToken"),
        (json!({"Filters": 3}), "SerializationException"),
        (
            json!({"Filters": [{"Key": "tag:a", "Values": ["b"]}, {"Key": "IamRole", "Values": ["c"]}]}),
            "InvalidFilterKey",
        ),
        (
            json!({"Filters": [{"Key": "IamRole", "Values": ["c"]}],
                "InstanceInformationFilterList": [{"key": "IamRole", "valueSet": ["c"]}]}),
            "ValidationException",
        ),
    ];
    for (request, expected) in refused {
        let text = request.to_string();
        assert_eq!(code(server.call("DescribeInstanceInformation", request).await), expected, "{text}");
    }
    let unknown = json!({"InstanceId": "mi-00000000000000000"});
    assert_eq!(code(server.call("DeregisterManagedInstance", unknown).await), "InvalidInstanceId");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_does_not_blank_a_full_report() {
    let server = TestServer::on_sqlite().await;
    let id = server.add_node(1).await;
    let probe = json!({"InstanceId": id.as_str(), "AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.1.0",
        "PlatformType": "Linux"});
    call(&server.node(&id), Service::Ssm, "UpdateInstanceInformation", probe).await.unwrap();
    let answer = server.call("DescribeInstanceInformation", json!({})).await.unwrap();
    let node = &answer["InstanceInformationList"][0];
    assert_eq!(node["ComputerName"], "host-1");
    assert_eq!(node["AgentVersion"], "3.3.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_acts_on_itself_only() {
    let server = TestServer::on_sqlite().await;
    let (one, two) = (server.add_node(1).await, server.add_node(2).await);
    let as_one = server.node(&one);
    for request in [
        json!({"InstanceId": two.as_str(), "AgentVersion": "9"}).to_string(),
        format!(r#"{{"InstanceId": "{one}", "InstanceId": "{two}"}}"#),
        format!(r#"{{"InstanceId": "{two}", "InstanceId": "{one}"}}"#),
    ] {
        let answer = crate::operations::dispatch(
            &as_one,
            Service::Ssm,
            "UpdateInstanceInformation",
            request.as_bytes(),
        )
        .await;
        let refused = answer.unwrap_err().code.name;
        assert!(
            ["AccessDeniedException", "SerializationException"].contains(&refused),
            "{request}: {refused}"
        );
    }
    let mine = json!({"InstanceId": one.as_str(), "AgentVersion": "9"});
    call(&as_one, Service::Ssm, "UpdateInstanceInformation", mine).await.unwrap();
    for operation in
        ["DescribeInstanceInformation", "CreateActivation", "SendCommand", "DeregisterManagedInstance"]
    {
        let outcome = call(&as_one, Service::Ssm, operation, json!({"InstanceId": one.as_str()})).await;
        assert_eq!(outcome.unwrap_err().0, "AccessDeniedException", "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn activations_come_and_go() {
    for server in TestServer::on_each_engine().await {
        let made = server
            .call("CreateActivation", json!({"IamRole": "service-role/r", "RegistrationLimit": 2}))
            .await;
        let id = made.unwrap()["ActivationId"].clone();
        let by_role = json!({"Filters": [{"FilterKey": "IamRole", "FilterValues": ["service-role/r"]}]});
        let list = server.call("DescribeActivations", by_role).await.unwrap();
        assert_eq!(list["ActivationList"][0]["ActivationId"], id);
        assert_eq!(list["ActivationList"][0]["RegistrationLimit"], 2);
        server.call("DeleteActivation", json!({"ActivationId": id})).await.unwrap();
        assert_eq!(
            code(server.call("DeleteActivation", json!({"ActivationId": id})).await),
            "InvalidActivationId"
        );
        for (request, expected) in [
            (json!({}), "ValidationException"),
            (json!({"IamRole": "a b"}), "InvalidParameters"),
            (json!({"IamRole": "r", "ExpirationDate": 1}), "InvalidParameters"),
            (json!({"IamRole": "r", "RegistrationLimit": 0}), "ValidationException"),
        ] {
            assert_eq!(code(server.call("CreateActivation", request).await), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_added_replaced_listed_and_removed() {
    for server in TestServer::on_each_engine().await {
        let id = server.add_node(1).await;
        let of = |mut more: Value| {
            more["ResourceType"] = "ManagedInstance".into();
            more["ResourceId"] = id.as_str().into();
            more
        };
        let tags = json!([{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]);
        server.call("AddTagsToResource", of(json!({"Tags": tags}))).await.unwrap();
        server.call("AddTagsToResource", of(json!({"Tags": [{"Key": "b", "Value": "3"}]}))).await.unwrap();
        let list = server.call("ListTagsForResource", of(json!({}))).await.unwrap();
        assert_eq!(list["TagList"], json!([{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]));
        server.call("RemoveTagsFromResource", of(json!({"TagKeys": ["a", "zz"]}))).await.unwrap();
        let list = server.call("ListTagsForResource", of(json!({}))).await.unwrap();
        assert_eq!(list["TagList"], json!([{"Key": "b", "Value": "3"}]));

        let many: Vec<Value> = (0..50).map(|n| json!({"Key": format!("k{n}"), "Value": "v"})).collect();
        let outcome = server.call("AddTagsToResource", of(json!({"Tags": many}))).await;
        assert_eq!(code(outcome), "TooManyTagsError");
        let nobody = json!({"ResourceType": "ManagedInstance", "ResourceId": "mi-00000000000000000"});
        assert_eq!(code(server.call("ListTagsForResource", nobody).await), "InvalidResourceId");
    }
}
