//! Users through the dispatcher, on each engine.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::operations::Service;
use crate::sign_in::Browser;
use crate::sign_in::attempts::{BY_NAME, WINDOW_SECONDS};
use crate::testing::{Refused, TestServer, call};

const PASSWORD: &str = "correct horse battery";

async fn own(ctx: &Ctx, operation: &str, request: Value) -> Result<Value, Refused> {
    call(ctx, Service::Fettle, operation, request).await
}

async fn root(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    own(&server.root(), operation, request).await
}

async fn sign_in(server: &TestServer, password: &str) -> Result<Value, Refused> {
    let ctx = Ctx { browser: Arc::new(Browser::default()), ..server.ctx(Caller::Anonymous) };
    own(&ctx, "CreateSession", json!({"UserName": "ann", "Password": password})).await
}

fn ann(server: &TestServer) -> Ctx {
    let arn = "arn:aws:iam::123456789012:user/ann".to_owned();
    server.ctx(Caller::User { arn, access_key_id: "ASIAANN".to_owned() })
}

fn policy() -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}})
        .to_string()
}

#[tokio::test]
async fn a_user_is_made_changed_listed_and_removed() {
    for server in TestServer::on_each_engine().await {
        let request = json!({"UserName": "ann", "Password": PASSWORD, "Policies": {"ssm": policy()}});
        let made = root(&server, "CreateUser", request.clone()).await.unwrap()["User"].clone();
        assert_eq!(made["Arn"], "arn:aws:iam::123456789012:user/ann");
        assert_eq!(made["Status"], "ACTIVE");
        assert_eq!(made["Policies"]["ssm"], policy());
        assert!(made["UserId"].as_str().unwrap().starts_with("AIDA"), "{made}");
        assert_eq!(root(&server, "CreateUser", request).await.unwrap_err().0, "EntityAlreadyExistsException");

        let changed = root(&server, "UpdateUser", json!({"UserName": "ann", "Policies": {}})).await.unwrap();
        assert_eq!(changed["User"]["Policies"], json!({}));
        assert_eq!(changed["User"]["PasswordChangedAt"], made["PasswordChangedAt"], "the rest stays");

        for name in ["bob", "cid"] {
            root(&server, "CreateUser", json!({"UserName": name})).await.unwrap();
        }
        let first = root(&server, "ListUsers", json!({"MaxResults": 2})).await.unwrap();
        let token = first["NextToken"].clone();
        root(&server, "DeleteUser", json!({"UserName": "bob"})).await.unwrap();
        let second = root(&server, "ListUsers", json!({"MaxResults": 2, "NextToken": token})).await.unwrap();
        let names = |page: &Value| -> Vec<String> {
            page["Users"]
                .as_array()
                .unwrap()
                .iter()
                .map(|user| user["UserName"].as_str().unwrap().into())
                .collect()
        };
        assert_eq!(
            (names(&first), names(&second)),
            (vec!["ann".into(), "bob".into()], vec!["cid".to_owned()])
        );
        assert!(second.get("NextToken").is_none() && second["Users"][0].get("PasswordChangedAt").is_none());
        let refused = root(&server, "ListUsers", json!({"NextToken": "made up"})).await.unwrap_err();
        assert_eq!(refused.0, "InvalidNextToken");
        for operation in ["DeleteUser", "UpdateUser"] {
            let refused = root(&server, operation, json!({"UserName": "bob"})).await.unwrap_err();
            assert_eq!(refused.0, "ResourceNotFoundException", "{operation}");
        }
    }
}

#[tokio::test]
async fn names_and_policies_are_checked() {
    let server = TestServer::on_sqlite().await;
    let refused = root(&server, "CreateUser", json!({"UserName": "root"})).await.unwrap_err();
    assert_eq!(refused.0, "ValidationException");
    let bad = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ssm:*", 7], "Resource": "*"}]});
    let policies = json!({"odd": bad.to_string()});
    let refused =
        root(&server, "CreateUser", json!({"UserName": "ann", "Policies": policies})).await.unwrap_err();
    let expected = "policy `odd`: Statement[0].Action[1]: expected a text";
    assert_eq!(refused, ("MalformedPolicyDocumentException".to_owned(), expected.to_owned()));
    root(&server, "CreateUser", json!({"UserName": "ann"})).await.unwrap();
    let refused =
        root(&server, "UpdateUser", json!({"UserName": "ann", "Policies": policies})).await.unwrap_err();
    assert_eq!(refused.0, "MalformedPolicyDocumentException");
}

#[tokio::test]
async fn a_password_signs_in_and_can_be_changed_by_who_knows_it() {
    for server in TestServer::on_each_engine().await {
        root(&server, "CreateUser", json!({"UserName": "ann", "Password": PASSWORD})).await.unwrap();
        assert_eq!(sign_in(&server, PASSWORD).await.unwrap()["UserName"], "ann");
        assert_eq!(sign_in(&server, "correct horse batterx").await.unwrap_err().0, "AccessDeniedException");
        let new = "another horse battery";
        // Without any policy: it is about nobody else.
        let wrong = json!({"OldPassword": "no", "NewPassword": new});
        assert_eq!(own(&ann(&server), "ChangePassword", wrong).await.unwrap_err().0, "AccessDeniedException");
        let right = json!({"OldPassword": PASSWORD, "NewPassword": new});
        own(&ann(&server), "ChangePassword", right.clone()).await.unwrap();
        assert_eq!(store::testing::count(&server.app.store(), "sign_in_sessions").await, 0, "signed out");
        assert_eq!(sign_in(&server, PASSWORD).await.unwrap_err().0, "AccessDeniedException");
        sign_in(&server, new).await.unwrap();
        assert_eq!(root(&server, "ChangePassword", right).await.unwrap_err().0, "AccessDeniedException");

        root(&server, "UpdateUser", json!({"UserName": "ann", "Status": "DISABLED"})).await.unwrap();
        assert_eq!(store::testing::count(&server.app.store(), "sign_in_sessions").await, 0, "signed out");
        assert_eq!(sign_in(&server, new).await.unwrap_err().0, "AccessDeniedException");
        root(&server, "DeleteUser", json!({"UserName": "ann"})).await.unwrap();
        assert_eq!(sign_in(&server, new).await.unwrap_err().0, "AccessDeniedException");
    }
}

#[tokio::test]
async fn guessing_a_password_has_an_end() {
    let mut server = TestServer::on_sqlite().await;
    root(&server, "CreateUser", json!({"UserName": "ann", "Password": PASSWORD})).await.unwrap();
    for _ in 0..BY_NAME {
        assert_eq!(sign_in(&server, "x").await.unwrap_err().0, "AccessDeniedException");
    }
    assert_eq!(sign_in(&server, PASSWORD).await.unwrap_err().0, "ThrottlingException");
    server.now = server.now.plus_seconds(WINDOW_SECONDS);
    sign_in(&server, PASSWORD).await.unwrap();
}
