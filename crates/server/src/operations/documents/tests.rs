//! The document operations through the dispatcher, on each engine.

mod own;
mod sharing;

use serde_json::{Value, json};

use crate::testing::TestServer;

/// A Command document that prints a text.
fn echo(text: &str) -> String {
    json!({"schemaVersion": "2.2", "description": "prints", "parameters": {"who": {"type": "String", "default": "you"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "print",
            "inputs": {"runCommand": [format!("echo {text} {{{{ who }}}}")]}}]})
    .to_string()
}

async fn create(server: &TestServer, name: &str, content: &str) -> Value {
    let answer = server.answer("CreateDocument", json!({"Name": name, "Content": content})).await;
    answer["DocumentDescription"].clone()
}

async fn names(server: &TestServer, body: Value) -> Vec<String> {
    let list = server.answer("ListDocuments", body).await;
    let rows = list["DocumentIdentifiers"].as_array().unwrap();
    rows.iter().map(|row| row["Name"].as_str().unwrap().to_owned()).collect()
}

fn filter(key: &str, value: &str) -> Value {
    json!({"Filters": [{"Key": key, "Values": [value]}]})
}

#[tokio::test]
async fn a_shipped_document_is_read_and_described() {
    let server = TestServer::on_sqlite().await;
    let got = server.answer("GetDocument", json!({"Name": "AWS-RunShellScript"})).await;
    let content: Value = serde_json::from_str(got["Content"].as_str().unwrap()).unwrap();
    assert_eq!(content["schemaVersion"], "1.2");
    assert_eq!((&got["DocumentVersion"], &got["DocumentFormat"]), (&json!("1"), &json!("JSON")));

    let arn = "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript";
    let described = server.answer("DescribeDocument", json!({"Name": arn})).await;
    let document = &described["Document"];
    assert_eq!((&document["Owner"], &document["Status"]), (&json!("Amazon"), &json!("Active")));
    assert_eq!(document["Hash"], super::hash(got["Content"].as_str().unwrap()));
    assert_eq!(document["PlatformTypes"], json!(["Linux", "MacOS"]));
    let names: Vec<_> = document["Parameters"].as_array().unwrap().iter().map(|p| &p["Name"]).collect();
    assert!(names.contains(&&json!("commands")), "{names:?}");
    let versions = server.answer("ListDocumentVersions", json!({"Name": "AWS-RunShellScript"})).await;
    assert_eq!(versions["DocumentVersions"][0]["IsDefaultVersion"], true);
}

#[tokio::test]
async fn what_is_not_there_is_refused_and_what_is_shipped_stays() {
    let server = TestServer::on_sqlite().await;
    for name in ["AWS-Nothing", "arn:aws:ssm:us-east-1::document/AWS-RunShellScript", "nothing"] {
        for operation in ["GetDocument", "DescribeDocument", "ListDocumentVersions"] {
            assert_eq!(server.refusal(operation, json!({"Name": name})).await, "InvalidDocument");
        }
    }
    let wrong_version = json!({"Name": "AWS-RunShellScript", "DocumentVersion": "2"});
    for operation in ["GetDocument", "DescribeDocument"] {
        assert_eq!(server.refusal(operation, wrong_version.clone()).await, "InvalidDocumentVersion");
    }
    let name = "AWS-RunShellScript";
    let share = json!({"Name": name, "PermissionType": "Share", "AccountIdsToAdd": ["all"]});
    let review = json!({"Name": name, "DocumentReviews": {"Action": "SendForReview"}});
    let rows = [
        ("UpdateDocument", json!({"Name": name, "Content": echo("x")}), "InvalidDocumentOperation"),
        ("DeleteDocument", json!({"Name": name}), "InvalidDocumentOperation"),
        ("UpdateDocumentDefaultVersion", json!({"Name": name, "DocumentVersion": "1"}), "InvalidDocument"),
        ("ModifyDocumentPermission", share, "InvalidDocument"),
        ("UpdateDocumentMetadata", review, "InvalidDocumentOperation"),
    ];
    for (operation, request, code) in rows {
        assert_eq!(server.refusal(operation, request).await, code, "{operation}");
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let server = TestServer::on_sqlite().await;
    let all = names(&server, json!({})).await;
    assert!(all.contains(&"AWS-RunPatchBaseline".to_owned()) && all.len() >= 2);
    assert_eq!(
        names(&server, filter("Name", "AWS-RunPatch")).await,
        ["AWS-RunPatchBaseline", "AWS-RunPatchBaselineAssociation", "AWS-RunPatchBaselineWithHooks"]
    );
    let ours = names(&server, filter("Owner", "Fettle")).await;
    assert!(ours.contains(&"Fettle-RunPatchBaseline".to_owned()), "{ours:?}");
    let amazons = names(&server, filter("Owner", "Amazon")).await;
    assert_eq!([amazons, ours].concat(), all);
    assert!(names(&server, filter("Owner", "Self")).await.is_empty());
    assert_eq!(
        names(&server, filter("DocumentType", "Automation")).await,
        ["AWS-ExportPatchReportToS3", "AWS-PatchInstanceWithRollback", "AWS-RestartEC2Instance"]
    );
    let windows = names(&server, filter("PlatformTypes", "Windows")).await;
    assert!(windows.contains(&"AWS-InstallWindowsUpdates".to_owned()) && windows.len() < all.len());
    assert!(names(&server, filter("tag:Env", "x")).await.is_empty());
    assert_eq!(names(&server, filter("SearchKeyword", "runshell")).await, ["AWS-RunShellScript"]);
    let old = json!({"DocumentFilterList": [{"key": "Name", "value": "AWS-RunShell"}]});
    assert_eq!(names(&server, old).await, ["AWS-RunShellScript"]);
    assert_eq!(server.refusal("ListDocuments", filter("Colour", "red")).await, "InvalidFilterKey");

    let first = server.answer("ListDocuments", json!({"MaxResults": 1})).await;
    let token = &first["NextToken"];
    assert!(token.is_string());
    let second = names(&server, json!({"MaxResults": 1, "NextToken": token})).await;
    assert_eq!(second, all[1..2]);
    let foreign = json!({"NextToken": token, "Filters": [{"Key": "Name", "Values": ["A"]}]});
    assert_eq!(server.refusal("ListDocuments", foreign).await, "InvalidNextToken");
}
