//! Documents of one account that another one may use.

use domain::ids::AccountId;
use serde_json::{Value, json};

use super::{create, echo, filter};
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::operations::Service;
use crate::root_key::root_arn;
use crate::testing::{Refused, TestServer, call};

const OTHER: &str = "222233334444";

/// As another account's root.
fn other(server: &TestServer) -> Ctx {
    let caller = Caller::User { arn: root_arn(OTHER), access_key_id: "AKIAOTHER".into() };
    Ctx { account: OTHER.parse::<AccountId>().unwrap(), ..server.ctx(caller) }
}

async fn as_other(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    call(&other(server), Service::Ssm, operation, request).await
}

async fn share(server: &TestServer, add: &[&str], remove: &[&str], version: Option<&str>) {
    let mut request = json!({"Name": "doc", "PermissionType": "Share", "AccountIdsToAdd": add,
        "AccountIdsToRemove": remove});
    if let Some(version) = version {
        request["SharedDocumentVersion"] = version.into();
    }
    server.answer("ModifyDocumentPermission", request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_document_is_used_by_its_arn_and_by_nobody_else() {
    for server in TestServer::on_each_engine().await {
        create(&server, "doc", &echo("one")).await;
        server.answer("UpdateDocument", json!({"Name": "doc", "Content": echo("two")})).await;
        let arn = "arn:aws:ssm:eu-central-1:123456789012:document/doc";
        let read = async |name: &str, version: Option<&str>| {
            let mut request = json!({"Name": name});
            if let Some(version) = version {
                request["DocumentVersion"] = version.into();
            }
            as_other(&server, "GetDocument", request).await
        };
        assert_eq!(read(arn, None).await.unwrap_err().0, "InvalidDocument");
        share(&server, &[OTHER], &[], None).await;
        assert_eq!(read("doc", None).await.unwrap_err().0, "InvalidDocument", "by its name it is not there");
        let got = read(arn, None).await.unwrap();
        assert_eq!((&got["Content"], &got["Name"]), (&json!(echo("one")), &json!(arn)));
        assert_eq!(read(arn, Some("2")).await.unwrap_err().0, "InvalidDocumentVersion");
        share(&server, &[OTHER], &[], Some("$ALL")).await;
        assert_eq!(read(arn, Some("2")).await.unwrap()["Content"], echo("two"));

        let list = async |owner: &str| {
            let list = as_other(&server, "ListDocuments", filter("Owner", owner)).await.unwrap();
            list["DocumentIdentifiers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| (row["Name"].clone(), row["Owner"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(list("Private").await, [(json!(arn), json!("123456789012"))]);
        assert!(list("Self").await.is_empty());
        for operation in ["UpdateDocument", "DeleteDocument"] {
            let request = json!({"Name": "doc", "Content": echo("mine")});
            assert_eq!(as_other(&server, operation, request).await.unwrap_err().0, "InvalidDocument");
        }
        assert_eq!(
            server.refusal("DeleteDocument", json!({"Name": "doc"})).await,
            "InvalidDocumentOperation"
        );
        share(&server, &["all"], &[OTHER], None).await;
        assert!(list("Private").await.is_empty());
        assert!(list("Public").await.contains(&(json!(arn), json!("123456789012"))));
        share(&server, &[], &["all"], None).await;
        assert_eq!(read(arn, None).await.unwrap_err().0, "InvalidDocument");
        server.answer("DeleteDocument", json!({"Name": "doc"})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_listed_and_bounded() {
    for server in TestServer::on_each_engine().await {
        create(&server, "doc", &echo("one")).await;
        let accounts: Vec<String> = (0..45).map(|n| format!("{:012}", 100_000_000_000_u64 + n)).collect();
        for chunk in accounts.chunks(20) {
            share(&server, &chunk.iter().map(String::as_str).collect::<Vec<_>>(), &[], Some("$LATEST")).await;
        }
        let request = json!({"Name": "doc", "PermissionType": "Share"});
        let ids = server.pages("DescribeDocumentPermission", request.clone(), "AccountIds", 20).await;
        assert_eq!(ids, accounts.iter().map(|id| json!(id)).collect::<Vec<_>>());
        let first = server.answer("DescribeDocumentPermission", request).await;
        assert_eq!(
            first["AccountSharingInfoList"][0],
            json!({"AccountId": accounts[0], "SharedDocumentVersion": "$LATEST"})
        );
        let foreign =
            json!({"Name": "doc", "PermissionType": "Share", "MaxResults": 50, "NextToken": "not a token"});
        assert_eq!(server.refusal("DescribeDocumentPermission", foreign).await, "InvalidNextToken");
        let with = |add: Value| json!({"Name": "doc", "PermissionType": "Share", "AccountIdsToAdd": add});
        let rows = [
            (with(json!(["all", OTHER])), "ValidationException"),
            (with(json!(["123456789012"])), "ValidationException"),
            (with(json!(["12"])), "ValidationException"),
            (json!({"Name": "nothing", "PermissionType": "Share"}), "InvalidDocument"),
        ];
        for (request, code) in rows {
            assert_eq!(server.refusal("ModifyDocumentPermission", request.clone()).await, code, "{request}");
        }
        for number in 0..6 {
            let name = format!("public-{number}");
            create(&server, &name, &echo("x")).await;
            let request = json!({"Name": name, "PermissionType": "Share", "AccountIdsToAdd": ["All"]});
            let outcome = server.call("ModifyDocumentPermission", request).await;
            let code = outcome.err().map(|(code, _)| code);
            assert_eq!(code.as_deref(), (number == 5).then_some("DocumentPermissionLimit"));
        }
    }
}
