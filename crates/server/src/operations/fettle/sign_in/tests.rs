//! Signing in and out, on each engine: through the dispatcher for what the operations say, through the router for what
//! cookies and signatures do.

use std::sync::Arc;

use api::sigv4::{Credentials, PathStyle, RequestParts, Signer, payload_hash};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::App;
use crate::commands::now;
use crate::ctx::Ctx;
use crate::jobs::forget_sessions;
use crate::operations::Service;
use crate::sign_in::{Browser, CODE_SECONDS, SESSION_SECONDS};
use crate::testing::{Refused, TestServer, call};

const HOST: &str = "127.0.0.1:4510";

async fn own(ctx: &Ctx, operation: &str, request: Value) -> Result<Value, Refused> {
    call(ctx, Service::Fettle, operation, request).await
}

async fn code(server: &TestServer) -> String {
    let made = own(&server.root(), "CreateSignInCode", json!({})).await.unwrap();
    assert_eq!(made["UserName"], "root");
    made["SignInCode"].as_str().unwrap().to_owned()
}

/// Nobody in particular, with what the browser keeps.
fn page(server: &TestServer, cookie: Option<&str>) -> Ctx {
    let browser = Browser::with_cookie(cookie);
    Ctx { browser: Arc::new(browser), ..server.ctx(crate::caller::Caller::Anonymous) }
}

/// What the answer has the browser keep.
fn cookie_of(ctx: &Ctx) -> String {
    let set = ctx.browser.set_cookie().expect("a cookie");
    let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    pair.strip_prefix("fettle_session=").unwrap().to_owned()
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_time() {
    for mut server in TestServer::on_each_engine().await {
        let once = code(&server).await;
        let ctx = page(&server, None);
        let answer = own(&ctx, "CreateSession", json!({"SignInCode": once})).await.unwrap();
        assert_eq!(
            (answer["UserName"].as_str(), answer["Region"].as_str()),
            (Some("root"), Some("eu-central-1"))
        );
        assert_eq!(answer["AccountId"], "123456789012");
        assert!(!cookie_of(&ctx).is_empty());
        let (name, _) =
            own(&page(&server, None), "CreateSession", json!({"SignInCode": once})).await.unwrap_err();
        assert_eq!(name, "AccessDeniedException");

        let late = code(&server).await;
        server.now = server.now.plus_seconds(CODE_SECONDS);
        let (name, late) =
            own(&page(&server, None), "CreateSession", json!({"SignInCode": late})).await.unwrap_err();
        assert_eq!(name, "AccessDeniedException");
        let (_, wrong) =
            own(&page(&server, None), "CreateSession", json!({"SignInCode": "x"})).await.unwrap_err();
        assert_eq!(late, wrong, "it tells nothing");
    }
}

#[tokio::test]
async fn a_request_is_one_way_or_the_other() {
    let server = TestServer::on_sqlite().await;
    for request in [
        json!({}),
        json!({"UserName": "ann"}),
        json!({"Password": "x"}),
        json!({"SignInCode": "x", "UserName": "ann", "Password": "x"}),
    ] {
        let (name, _) = own(&page(&server, None), "CreateSession", request).await.unwrap_err();
        assert_eq!(name, "ValidationException");
    }
}

#[tokio::test]
async fn a_session_is_renewed_until_it_ends() {
    for mut server in TestServer::on_each_engine().await {
        let ctx = page(&server, None);
        own(&ctx, "CreateSession", json!({"SignInCode": code(&server).await})).await.unwrap();
        let cookie = cookie_of(&ctx);
        let began_at = server.now;
        server.now = began_at.plus_seconds(SESSION_SECONDS - 60);
        let renewed = own(&page(&server, Some(&cookie)), "RefreshSession", json!({})).await.unwrap();
        let until = began_at.plus_seconds(SESSION_SECONDS);
        assert_eq!(
            renewed["Credentials"]["Expiration"],
            json!(until.as_millis() / 1000),
            "not beyond the session"
        );
        server.now = until;
        let ended = page(&server, Some(&cookie));
        assert_eq!(own(&ended, "RefreshSession", json!({})).await.unwrap_err().0, "AccessDeniedException");
        assert_eq!(cookie_of(&ended), "", "forgotten by the browser as well");
        assert_eq!(
            own(&page(&server, None), "RefreshSession", json!({})).await.unwrap_err().0,
            "AccessDeniedException"
        );
        assert_eq!(forget_sessions::run_once(Arc::clone(&server.app), server.now).await.unwrap(), 1);
        assert_eq!(store::testing::count(&server.app.store(), "sign_in_sessions").await, 0);
    }
}

#[tokio::test]
async fn signing_in_anew_ends_what_the_browser_had() {
    let server = TestServer::on_sqlite().await;
    let first = page(&server, None);
    own(&first, "CreateSession", json!({"SignInCode": code(&server).await})).await.unwrap();
    let second = page(&server, Some(&cookie_of(&first)));
    own(&second, "CreateSession", json!({"SignInCode": code(&server).await})).await.unwrap();
    let old = page(&server, Some(&cookie_of(&first)));
    assert_eq!(own(&old, "RefreshSession", json!({})).await.unwrap_err().0, "AccessDeniedException");
}

#[tokio::test]
async fn attempts_from_one_address_have_an_end() {
    let mut server = TestServer::on_sqlite().await;
    let mut refused = vec![];
    for _ in 0..=crate::sign_in::attempts::BY_ADDRESS {
        refused.push(
            own(&page(&server, None), "CreateSession", json!({"SignInCode": "x"})).await.unwrap_err().0,
        );
    }
    assert_eq!(refused.pop().as_deref(), Some("ThrottlingException"));
    assert!(refused.iter().all(|name| name == "AccessDeniedException"));
    server.now = server.now.plus_seconds(crate::sign_in::attempts::WINDOW_SECONDS);
    own(&page(&server, None), "CreateSession", json!({"SignInCode": code(&server).await})).await.unwrap();
}

#[tokio::test]
async fn codes_are_for_users_who_are_there() {
    for server in TestServer::on_each_engine().await {
        let refused = own(&server.root(), "CreateSignInCode", json!({"UserName": "ann"})).await.unwrap_err();
        assert_eq!(refused.0, "ResourceNotFoundException");
        let allow = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let ann = json!({"UserName": "ann", "Policies": {"all": allow.to_string()}});
        own(&server.root(), "CreateUser", ann).await.unwrap();
        let made = own(&server.root(), "CreateSignInCode", json!({"UserName": "ann"})).await.unwrap();
        own(&server.root(), "UpdateUser", json!({"UserName": "ann", "Status": "DISABLED"})).await.unwrap();
        let request = json!({"SignInCode": made["SignInCode"]});
        assert_eq!(
            own(&page(&server, None), "CreateSession", request).await.unwrap_err().0,
            "AccessDeniedException"
        );
        let refused = own(&server.root(), "CreateSignInCode", json!({"UserName": "ann"})).await.unwrap_err();
        assert_eq!(refused.0, "ResourceNotFoundException");

        own(&server.root(), "UpdateUser", json!({"UserName": "ann", "Status": "ACTIVE"})).await.unwrap();
        let ann = crate::caller::Caller::User {
            arn: "arn:aws:iam::123456789012:user/ann".to_owned(),
            access_key_id: "ASIAANN".to_owned(),
        };
        let ann = server.ctx(ann);
        own(&ann, "CreateSignInCode", json!({"UserName": "ann"})).await.unwrap();
        let refused = own(&ann, "CreateSignInCode", json!({})).await.unwrap_err();
        assert_eq!(refused.0, "AccessDeniedException", "no policy makes somebody root");
    }
}

/// One request as it comes over a socket.
async fn send(
    app: &Arc<App>,
    target: &str,
    headers: &[(String, String)],
    body: &Value,
) -> (StatusCode, Option<String>, Value) {
    let mut request = Request::post("/").header("x-amz-target", target).header("host", HOST);
    request = request.header("content-type", "application/x-amz-json-1.1");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = crate::http::router(Arc::clone(app)).oneshot(request).await.unwrap();
    let status = response.status();
    let set = response.headers().get(header::SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, set, serde_json::from_slice(&bytes).unwrap())
}

fn signed(credentials: &Value, target: &str, body: &Value) -> Vec<(String, String)> {
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let credentials = Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
    };
    let headers = [("host", HOST), ("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
    let (region, style) = ("eu-central-1", PathStyle::Normalized);
    let signer = Signer { credentials: &credentials, region, service: "ssm", style };
    let added = signer.sign(&parts, &payload_hash(body.to_string().as_bytes()), now()).unwrap();
    added.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[tokio::test]
async fn credentials_end_with_their_session_at_once() {
    for mut server in TestServer::on_each_engine().await {
        // The router goes by the machine's clock.
        server.now = now();
        let app = Arc::clone(&server.app);
        let mut sessions = vec![];
        for _ in 0..3 {
            let request = json!({"SignInCode": code(&server).await});
            let (status, set, answer) = send(&app, "Fettle.CreateSession", &[], &request).await;
            assert_eq!(status, 200, "{answer}");
            let set = set.unwrap();
            assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains("Secure"), "{set}");
            let cookie = ("cookie".to_owned(), set.split(';').next().unwrap().to_owned());
            sessions.push((cookie, answer["Credentials"].clone()));
        }
        let list = async |credentials: &Value| {
            let headers = signed(credentials, "AmazonSSM.ListDocuments", &json!({}));
            let (status, _, answer) = send(&app, "AmazonSSM.ListDocuments", &headers, &json!({})).await;
            if status == 200 { "ok".to_owned() } else { answer["__type"].as_str().unwrap().to_owned() }
        };
        for (_, credentials) in &sessions {
            assert_eq!(list(credentials).await, "ok");
        }
        let end = async |cookie: &(String, String), everywhere: bool| {
            let body = json!({"Everywhere": everywhere});
            let (status, set, _) = send(&app, "Fettle.EndSession", std::slice::from_ref(cookie), &body).await;
            assert_eq!((status.as_u16(), set.unwrap().contains("Max-Age=0")), (200, true));
        };
        end(&sessions[0].0, false).await;
        assert_eq!(list(&sessions[0].1).await, "UnrecognizedClientException");
        assert_eq!(list(&sessions[1].1).await, "ok");
        end(&sessions[1].0, true).await;
        for (_, credentials) in &sessions {
            assert_eq!(list(credentials).await, "UnrecognizedClientException");
        }
        // Whoever is signed out already is told no more than that.
        end(&sessions[1].0, true).await;
    }
}

#[tokio::test]
async fn pages_of_others_and_unsigned_calls_are_refused() {
    let mut server = TestServer::on_sqlite().await;
    server.now = now();
    let request = json!({"SignInCode": code(&server).await});
    let foreign = [
        ("sec-fetch-site".to_owned(), "cross-site".to_owned()),
        ("origin".to_owned(), "http://evil.example".to_owned()),
    ];
    for header in &foreign {
        for target in ["Fettle.CreateSession", "Fettle.RefreshSession", "Fettle.EndSession"] {
            let headers = std::slice::from_ref(header);
            let (status, set, answer) = send(&server.app, target, headers, &request).await;
            assert_eq!(
                (status.as_u16(), answer["__type"].as_str()),
                (400, Some("AccessDeniedException")),
                "{target}"
            );
            assert_eq!(set, None, "{target}");
        }
    }
    let own = [("origin".to_owned(), format!("https://{HOST}"))];
    let (status, set, answer) = send(&server.app, "Fettle.CreateSession", &own, &request).await;
    assert_eq!(status, 200, "the code is still good: {answer}");
    let set = set.unwrap();
    assert!(set.ends_with("; Secure"), "{set}");
    // The cookie alone opens nothing else.
    let cookie = [("cookie".to_owned(), set.split(';').next().unwrap().to_owned())];
    for target in ["AmazonSSM.ListDocuments", "Fettle.ListUsers", "Fettle.CreateSignInCode"] {
        let (_, _, answer) = send(&server.app, target, &cookie, &json!({})).await;
        assert_eq!(answer["__type"], "MissingAuthenticationTokenException", "{target}");
    }
}

#[tokio::test]
async fn whoever_signs_in_by_password_comes_to_where_most_nodes_are() {
    for server in TestServer::on_each_engine().await {
        let password = "correct horse battery";
        own(&server.root(), "CreateUser", json!({"UserName": "ann", "Password": password})).await.unwrap();
        let region = async || {
            let request = json!({"UserName": "ann", "Password": password});
            let answer = own(&page(&server, None), "CreateSession", request).await.unwrap();
            answer["Region"].as_str().unwrap().to_owned()
        };
        let nowhere = page(&server, None).region.to_string();
        assert_eq!(region().await, nowhere, "there are no nodes");
        // The last is a tie.
        let steps = [
            ("us-east-1", "us-east-1"),
            ("ap-south-1", "ap-south-1"),
            ("us-east-1", "us-east-1"),
            ("ap-south-1", "ap-south-1"),
        ];
        for (number, (place, expected)) in (1..).zip(steps) {
            add_node_in(&server, number, place).await;
            assert_eq!(region().await, expected, "after {number} nodes");
        }
    }
}

/// A registered node of another region.
async fn add_node_in(server: &TestServer, number: u8, region: &str) {
    let id = server.add_node(number).await;
    let mut tx = server.app.store().write().await.unwrap();
    let (account, own_region) = (&server.root().account, &server.root().region);
    let mut node = store::nodes::find(&mut tx, account, own_region, &id).await.unwrap().unwrap();
    assert!(store::nodes::delete(&mut tx, account, own_region, &id).await.unwrap());
    node.region = region.parse().unwrap();
    store::nodes::insert(&mut tx, &node).await.unwrap();
    tx.commit().await.unwrap();
}
