//! What nodes are sent in place of the line, and what the addresses in it lead to.

use serde_json::{Value, json};

use super::*;
use crate::agents::builds::tests::publish;
use crate::commands::now;
use crate::operations::Service;
use crate::testing::{TestServer, call};

const ENDPOINT: &str = "https://ssm.example.internal:8443";

/// A node whose agent says that it is called so.
async fn node(server: &TestServer, number: u8, agent: &str) -> NodeKey {
    let id = server.add_node(number).await;
    let report = json!({"InstanceId": id.as_str(), "AgentName": agent, "AgentStatus": "Active",
        "AgentVersion": "3.3.0.0", "PlatformType": "Linux"});
    call(&server.node(&id), Service::Ssm, "UpdateInstanceInformation", report).await.unwrap();
    let ctx = server.root();
    NodeKey { account: ctx.account, region: ctx.region, node: id }
}

fn lines(text: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(text).unwrap();
    document["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn stock_agents_are_told_where_the_engine_is() {
    let server = TestServer::on_sqlite().await;
    for (key, bytes) in [
        ("0.9.0/linux-x86_64", "old"),
        ("0.10.0/linux-x86_64", "new"),
        ("0.9.0/linux-aarch64", "arm"),
        ("0.9.0/windows-x86_64", "win"),
    ] {
        publish(&server, key, bytes.as_bytes()).await;
    }
    let text = json!({"lines": ["# fettle:engine", "after", "# fettle:engine.ps1", "# fettle:engine 2"]});
    let (stock, own) = (node(&server, 1, "amazon-ssm-agent").await, node(&server, 2, OWN_AGENT).await);
    let told = async |node, endpoint| complete(&server.app, node, endpoint, text.to_string()).await.unwrap();
    assert_eq!(told(&own, ENDPOINT).await, text.to_string(), "our agent carries it");
    assert_eq!(told(&stock, "https://a$(reboot)").await, text.to_string(), "this would be a program");

    let told = lines(&told(&stock, ENDPOINT).await);
    assert_eq!((told[1].as_str(), told[3].as_str()), ("after", "# fettle:engine 2"));
    let words: Vec<&str> =
        told[0].lines().find(|line| line.contains("set -- ")).unwrap().split(' ').collect();
    let sha256 = |bytes: &[u8]| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
    let builds: Vec<(&str, &str)> =
        words[words.len() - 6..].chunks(3).map(|build| (build[0], build[1])).collect();
    assert_eq!(builds, [("linux-x86_64", &*sha256(b"new")), ("linux-aarch64", &*sha256(b"arm"))]);
    assert!(told[2].contains(&format!("'windows-x86_64 {} {ENDPOINT}/_fettle/engines/", sha256(b"win"))));
    assert!(told.iter().all(|line| !line.contains("@BUILDS@") && !line.contains("@SERVER@")));
    // The stock agent would take it for a parameter.
    assert!(told.iter().all(|line| !line.contains("{{")));

    let token = words[words.len() - 4].rsplit('/').next().unwrap();
    let now = server.app.now();
    let build = open(&server.app, token, now).await.unwrap().unwrap().unwrap();
    assert_eq!(build.key.as_str(), "0.10.0/linux-x86_64");
    assert!(open(&server.app, token, now.plus_seconds(ADDRESS_SECONDS + 60)).await.is_none(), "too old");
    assert!(open(&server.app, &token[1..], now).await.is_none(), "not sealed by this server");
}

#[tokio::test]
async fn both_ways_of_a_document_are_completed() {
    let mut server = TestServer::on_sqlite().await;
    // What is delivered goes by the wall clock.
    server.now = now();
    let stock = node(&server, 1, "amazon-ssm-agent").await;
    let request = json!({"DocumentName": "AWS-RunPatchBaseline", "InstanceIds": [stock.node.as_str()],
        "Parameters": {"Operation": ["Scan"]}});
    server.answer("SendCommand", request).await;
    let ask = json!({"Destination": stock.node.as_str(), "VisibilityTimeoutInSeconds": 10,
        "MessagesRequestId": "0b1f2f0c-7f2b-4d8e-9a53-1f3f8b7a5c11"});
    let polled = call(&server.node(&stock.node), Service::Mds, "GetMessages", ask).await.unwrap();
    let sent = polled["Messages"][0]["Payload"].as_str().unwrap().to_owned();
    // aws:runDocument fetches it.
    let ask = json!({"Name": "AWS-RunPatchBaseline"});
    let fetched = call(&server.node(&stock.node), Service::Ssm, "GetDocument", ask.clone()).await.unwrap();
    for text in [&*sent, fetched["Content"].as_str().unwrap()] {
        assert!(
            text.contains("aws s3 cp fettle-agent s3://fettle-agents/VERSION"),
            "without a build it says how"
        );
        assert!(!wants(text) && serde_json::from_str::<Value>(text).is_ok());
    }
    let read = server.answer("GetDocument", ask).await;
    assert!(wants(read["Content"].as_str().unwrap()), "people read it as it is");
}
