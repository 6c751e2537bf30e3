//! The three document operations through the dispatcher.

use serde_json::{Value, json};

use crate::testing::TestServer;

async fn ssm(server: &TestServer, operation: &str, request: Value) -> Value {
    server.call(operation, request).await.unwrap()
}

async fn ssm_error(server: &TestServer, operation: &str, request: Value) -> String {
    server.call(operation, request).await.unwrap_err().0
}

#[tokio::test]
async fn a_shipped_document_is_read_and_described() {
    let server = TestServer::on_sqlite().await;
    let got = ssm(&server, "GetDocument", json!({"Name": "AWS-RunShellScript"})).await;
    let content: Value = serde_json::from_str(got["Content"].as_str().unwrap()).unwrap();
    assert_eq!(content["schemaVersion"], "1.2");
    assert_eq!((&got["DocumentVersion"], &got["DocumentFormat"]), (&json!("1"), &json!("JSON")));

    let arn = "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript";
    let described = ssm(&server, "DescribeDocument", json!({"Name": arn})).await;
    let document = &described["Document"];
    assert_eq!((&document["Owner"], &document["Status"]), (&json!("Amazon"), &json!("Active")));
    assert_eq!(document["Hash"], super::hash(got["Content"].as_str().unwrap()));
    assert_eq!(document["PlatformTypes"], json!(["Linux", "MacOS"]));
    let names: Vec<_> = document["Parameters"].as_array().unwrap().iter().map(|p| &p["Name"]).collect();
    assert!(names.contains(&&json!("commands")), "{names:?}");
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let server = TestServer::on_sqlite().await;
    for name in ["AWS-Nothing", "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"] {
        assert_eq!(ssm_error(&server, "GetDocument", json!({"Name": name})).await, "InvalidDocument");
    }
    let wrong_version = json!({"Name": "AWS-RunShellScript", "DocumentVersion": "2"});
    for operation in ["GetDocument", "DescribeDocument"] {
        assert_eq!(ssm_error(&server, operation, wrong_version.clone()).await, "InvalidDocumentVersion");
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let server = TestServer::on_sqlite().await;
    let names = async |body: Value| -> Vec<String> {
        let list = ssm(&server, "ListDocuments", body).await;
        let rows = list["DocumentIdentifiers"].as_array().unwrap();
        rows.iter().map(|row| row["Name"].as_str().unwrap().to_owned()).collect()
    };
    let filter = |key: &str, value: &str| json!({"Filters": [{"Key": key, "Values": [value]}]});
    let all = names(json!({})).await;
    assert!(all.contains(&"AWS-RunPatchBaseline".to_owned()) && all.len() >= 2);
    assert_eq!(
        names(filter("Name", "AWS-RunPatch")).await,
        ["AWS-RunPatchBaseline", "AWS-RunPatchBaselineAssociation", "AWS-RunPatchBaselineWithHooks"]
    );
    let (ours, amazons) = (names(filter("Owner", "Fettle")).await, names(filter("Owner", "Amazon")).await);
    assert_eq!(ours, ["Fettle-PlanPatches", "Fettle-UndoPatches"]);
    assert_eq!([amazons, ours].concat(), all);
    assert!(names(filter("Owner", "Self")).await.is_empty());
    assert!(names(filter("DocumentType", "Automation")).await.is_empty());
    let windows = names(filter("PlatformTypes", "Windows")).await;
    assert!(windows.contains(&"AWS-InstallWindowsUpdates".to_owned()) && windows.len() < all.len());
    assert!(names(filter("tag:Env", "x")).await.is_empty());
    assert_eq!(names(filter("SearchKeyword", "SHELL")).await, ["AWS-RunShellScript"]);
    let old = json!({"DocumentFilterList": [{"key": "Name", "value": "AWS-RunShell"}]});
    assert_eq!(names(old).await, ["AWS-RunShellScript"]);
    let unknown = filter("Colour", "red");
    assert_eq!(ssm_error(&server, "ListDocuments", unknown).await, "InvalidFilterKey");

    let first = ssm(&server, "ListDocuments", json!({"MaxResults": 1})).await;
    let token = &first["NextToken"];
    assert!(token.is_string());
    let second = names(json!({"MaxResults": 1, "NextToken": token})).await;
    assert_eq!(second, all[1..2]);
    let foreign = json!({"NextToken": token, "Filters": [{"Key": "Name", "Values": ["A"]}]});
    assert_eq!(ssm_error(&server, "ListDocuments", foreign).await, "InvalidNextToken");
}
