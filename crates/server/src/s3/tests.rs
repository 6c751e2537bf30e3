//! The object store through the router, as clients that sign for themselves.

use std::collections::BTreeSet;

use api::sigv4::chunked::STREAMING_SIGNED;
use api::sigv4::{
    Credentials, PathStyle, RequestParts, Scope, Signer, SigningKey, UNSIGNED_PAYLOAD, payload_hash,
};
use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::auth::Session;
use crate::jobs::sweep_objects;
use crate::testing::{REGION, TestServer};
use crate::{http, root_key};

struct Client {
    router: Router,
    credentials: Credentials,
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The error code, or `ok`.
    fn code(&self) -> String {
        between(&self.text(), "<Code>", "</Code>").unwrap_or_else(|| match self.status {
            200..300 => "ok".to_owned(),
            status => status.to_string(),
        })
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let rest = text.split_once(start)?.1;
    Some(rest.split_once(end)?.0.to_owned())
}

/// All texts of an element.
fn all(text: &str, element: &str) -> Vec<String> {
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    text.split(&start).skip(1).filter_map(|rest| Some(rest.split_once(&end)?.0.to_owned())).collect()
}

impl Client {
    async fn root(server: &TestServer) -> Self {
        let app = &server.app;
        let key = root_key::ensure(&app.store(), &app.keyring, now()).await.unwrap();
        let credentials = Credentials {
            access_key_id: key.access_key_id,
            secret_access_key: key.secret_access_key,
            session_token: None,
        };
        Self { router: http::router(Arc::clone(app)), credentials }
    }

    fn node(server: &TestServer, id: &domain::ids::NodeId) -> Self {
        let account = root_key::FIRST_ACCOUNT.parse().unwrap();
        let session = Session::mint(account, REGION.parse().unwrap(), id.clone(), "role".into(), now());
        let credentials = Credentials {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret_access_key.clone(),
            session_token: Some(session.to_token(&server.app.keyring)),
        };
        Self { router: http::router(Arc::clone(&server.app)), credentials }
    }

    fn signed(&self, method: &str, uri: &str, headers: &[(&str, &str)], hash: &str) -> Vec<(String, String)> {
        let mut headers: Vec<(&str, &str)> = [("host", "127.0.0.1:4510"), ("x-amz-content-sha256", hash)]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let parts = RequestParts { method, path, query, headers: &headers };
        let signer = Signer {
            credentials: &self.credentials,
            region: REGION,
            service: "s3",
            style: PathStyle::ObjectKey,
        };
        let added = signer.sign(&parts, hash, now()).unwrap();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    async fn exchange(&self, method: &str, uri: &str, headers: &[(String, String)], body: Body) -> Answered {
        let mut request = axum::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        let mut signed = self.signed(method, uri, headers, &payload_hash(body));
        signed.push(("content-length".to_owned(), body.len().to_string()));
        self.exchange(method, uri, &signed, Body::from(body.to_vec())).await
    }

    async fn put(&self, uri: &str, body: &[u8]) -> String {
        self.send("PUT", uri, &[], body).await.code()
    }

    async fn get(&self, uri: &str) -> Answered {
        self.send("GET", uri, &[], b"").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_put_read_listed_and_deleted() {
    for server in TestServer::on_each_engine().await {
        let client = Client::root(&server).await;
        let refused = client.send("PUT", "/lists/a", &[], b"x").await;
        assert_eq!((refused.code().as_str(), refused.header("connection")), ("NoSuchBucket", "close"));
        let refused = client.get("/lists/a").await;
        assert_eq!((refused.code().as_str(), refused.header("connection")), ("NoSuchBucket", ""));
        assert_eq!(client.put("/lists", b"").await, "ok");
        assert_eq!(client.put("/lists", b"").await, "BucketAlreadyOwnedByYou");
        let answer = client.send("PUT", "/lists/a/b%20c", &[("x-amz-meta-owner", "ops")], b"hello").await;
        assert_eq!(
            (answer.code().as_str(), answer.header("etag")),
            ("ok", "\"5d41402abc4b2a76b9719d911017c592\"")
        );
        let read = client.get("/lists/a/b%20c").await;
        assert_eq!((read.text().as_str(), read.header("x-amz-meta-owner")), ("hello", "ops"));
        assert_eq!(read.header("content-length"), "5");
        let part = client.send("GET", "/lists/a/b%20c", &[("range", "bytes=1-3")], b"").await;
        assert_eq!(
            (part.status, part.text().as_str(), part.header("content-range")),
            (206, "ell", "bytes 1-3/5")
        );
        let head = client.send("HEAD", "/lists/a/b%20c", &[], b"").await;
        assert_eq!((head.status, head.header("content-length")), (200, "5"));
        assert_eq!(client.send("HEAD", "/lists/none", &[], b"").await.status, 404);
        assert_eq!(client.get("/lists/none").await.code(), "NoSuchKey");
        assert_eq!(client.send("DELETE", "/lists", &[], b"").await.code(), "BucketNotEmpty");
        assert_eq!(client.send("DELETE", "/lists/a/b%20c", &[], b"").await.status, 204);
        assert_eq!(client.send("DELETE", "/lists/a/b%20c", &[], b"").await.status, 204);
        assert_eq!(client.send("DELETE", "/lists", &[], b"").await.status, 204);
        assert_eq!(client.get("/lists?location").await.code(), "NoSuchBucket");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_visits_each_key_once_in_pages_of_any_size() {
    for server in TestServer::on_each_engine().await {
        let client = Client::root(&server).await;
        client.put("/lists", b"").await;
        let keys = ["a", "a/1", "a/2", "a/b/1", "b", "b/%C3%A9", "b/%F0%9F%98%80", "c%25", "a%21"];
        for key in keys {
            assert_eq!(client.put(&format!("/lists/{key}"), b"x").await, "ok");
        }
        for (query, expected) in [
            ("", "a a! a/1 a/2 a/b/1 b b/é b/😀 c%"),
            ("&prefix=a%2F", "a/1 a/2 a/b/1"),
            ("&delimiter=%2F", "a a! a/ b b/ c%"),
            ("&delimiter=%2F&prefix=a%2F", "a/1 a/2 a/b/"),
            ("&start-after=a%2F2", "a/b/1 b b/é b/😀 c%"),
            ("&prefix=zz", ""),
        ] {
            for size in [1, 2, 3, 1000] {
                let (mut seen, mut token) = (Vec::new(), String::new());
                loop {
                    let uri = format!("/lists?list-type=2&max-keys={size}{query}{token}");
                    let text = client.get(&uri).await.text();
                    let mut page = all(&text, "Key");
                    let folded = all(&text, "CommonPrefixes");
                    page.extend(folded.iter().flat_map(|group| all(group, "Prefix")));
                    assert!(page.len() <= size, "{text}");
                    assert_eq!(between(&text, "<KeyCount>", "</KeyCount>"), Some(page.len().to_string()));
                    seen.extend(page);
                    match between(&text, "<NextContinuationToken>", "</NextContinuationToken>") {
                        Some(next) => token = format!("&continuation-token={next}"),
                        None => break,
                    }
                }
                let unique: BTreeSet<&String> = seen.iter().collect();
                assert_eq!(unique.len(), seen.len(), "{query} {size}: {seen:?}");
                let expected: BTreeSet<String> = expected.split_whitespace().map(str::to_owned).collect();
                assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected, "{query} {size}");
            }
        }
        let encoded = client.get("/lists?list-type=2&encoding-type=url&prefix=b%2F").await.text();
        assert!(encoded.contains("<Key>b/%F0%9F%98%80</Key>"), "{encoded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_become_one_object() {
    for server in TestServer::on_each_engine().await {
        let client = Client::root(&server).await;
        client.put("/lists", b"").await;
        let begun = client.send("POST", "/lists/big?uploads", &[("content-type", "text/plain")], b"").await;
        let id = between(&begun.text(), "<UploadId>", "</UploadId>").unwrap();
        let (first, last) = (vec![b'a'; 5 << 20], vec![b'z'; 1000]);
        let mut parts = String::new();
        for (number, bytes) in [(1, &first), (2, &last), (2, &last)] {
            let uri = format!("/lists/big?partNumber={number}&uploadId={id}");
            let sent = client.send("PUT", &uri, &[], bytes).await;
            assert_eq!(sent.code(), "ok");
            if !parts.contains(&format!("<PartNumber>{number}<")) {
                parts.push_str(&format!(
                    "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
                    sent.header("etag")
                ));
            }
        }
        assert_eq!(client.get("/lists/big").await.code(), "NoSuchKey");
        let complete =
            |parts: &str| format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into_bytes();
        let uri = format!("/lists/big?uploadId={id}");
        let wrong = "<Part><PartNumber>1</PartNumber><ETag>\"00\"</ETag></Part>";
        assert_eq!(client.send("POST", &uri, &[], &complete(wrong)).await.code(), "InvalidPart");
        let other = format!("/lists/other?uploadId={id}");
        assert_eq!(client.send("POST", &other, &[], &complete(&parts)).await.code(), "NoSuchUpload");
        let done = client.send("POST", &uri, &[], &complete(&parts)).await;
        assert_eq!(done.code(), "ok", "{}", done.text());
        let again = client.send("POST", &uri, &[], &complete(&parts)).await;
        assert_eq!(again.code(), "ok", "the answer to the first may have been lost");
        let read = client.get("/lists/big").await;
        assert!(read.body == [first.clone(), last.clone()].concat());
        assert!(read.header("etag").ends_with("-2\"") && read.header("content-type") == "text/plain");
        let seam = client.send("GET", "/lists/big", &[("range", "bytes=5242878-5242881")], b"").await;
        assert_eq!(seam.text(), "aazz");
        // The part that was sent twice is waste once.
        let swept = sweep_objects::run_once(Arc::clone(&server.app), now().plus_seconds(3600)).await.unwrap();
        assert_eq!(swept, 1);
        assert!(client.get("/lists/big").await.body.len() > 5 << 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_parts_and_aborted_uploads_leave_nothing() {
    let server = TestServer::on_sqlite().await;
    let client = Client::root(&server).await;
    client.put("/lists", b"").await;
    let begun = client.send("POST", "/lists/big?uploads", &[], b"").await;
    let id = between(&begun.text(), "<UploadId>", "</UploadId>").unwrap();
    let mut parts = String::new();
    for number in 1..=2 {
        let sent =
            client.send("PUT", &format!("/lists/big?partNumber={number}&uploadId={id}"), &[], b"x").await;
        let etag = sent.header("etag");
        parts.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    }
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let uri = format!("/lists/big?uploadId={id}");
    assert_eq!(client.send("POST", &uri, &[], body.as_bytes()).await.code(), "EntityTooSmall");
    assert_eq!(client.send("DELETE", &uri, &[], b"").await.status, 204);
    assert_eq!(client.send("DELETE", &uri, &[], b"").await.code(), "NoSuchUpload");
    let part = client.send("PUT", &format!("/lists/big?partNumber=1&uploadId={id}"), &[], b"x").await;
    assert_eq!(part.code(), "NoSuchUpload");
    assert_eq!(
        client.send("PUT", "/lists/big?partNumber=0&uploadId=x", &[], b"x").await.code(),
        "InvalidArgument"
    );
    let swept = sweep_objects::run_once(Arc::clone(&server.app), now().plus_seconds(3600)).await.unwrap();
    assert_eq!((swept, waste(&server).await), (2, 0));
}

async fn waste(server: &TestServer) -> i64 {
    store::testing::count(&server.app.store(), "object_waste").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_was_said_is_not_kept() {
    let server = TestServer::on_sqlite().await;
    let client = Client::root(&server).await;
    client.put("/lists", b"").await;
    let refuse = |headers: &'static [(&'static str, &'static str)], body: &'static [u8]| {
        let client = &client;
        async move { client.send("PUT", "/lists/a", headers, body).await.code() }
    };
    assert_eq!(refuse(&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], b"hello").await, "BadDigest");
    assert_eq!(refuse(&[("content-md5", "AAAA")], b"hello").await, "InvalidDigest");
    assert_eq!(refuse(&[("x-amz-checksum-crc32", "AAAAAA==")], b"hello").await, "BadDigest");
    assert_eq!(refuse(&[("x-amz-checksum-crc32", "NhCmhg==")], b"hello").await, "ok");
    assert_eq!(client.get("/lists/a").await.text(), "hello");
    let checked = client.send("GET", "/lists/a", &[("x-amz-checksum-mode", "ENABLED")], b"").await;
    assert_eq!(checked.header("x-amz-checksum-crc32"), "NhCmhg==");

    // The hash is of another body.
    let mut signed = client.signed("PUT", "/lists/b", &[], &payload_hash(b"other"));
    signed.push(("content-length".into(), "5".into()));
    let answer = client.exchange("PUT", "/lists/b", &signed, Body::from("hello")).await;
    assert_eq!(answer.code(), "XAmzContentSHA256Mismatch");
    // Cut off, and too long.
    for (length, code) in [("9", "IncompleteBody"), ("3", "IncompleteBody"), ("6000000000", "EntityTooLarge")]
    {
        let mut signed = client.signed("PUT", "/lists/b", &[], UNSIGNED_PAYLOAD);
        signed.push(("content-length".into(), length.into()));
        assert_eq!(client.exchange("PUT", "/lists/b", &signed, Body::from("hello")).await.code(), code);
    }
    let unsigned = client.signed("PUT", "/lists/b", &[], UNSIGNED_PAYLOAD);
    assert_eq!(
        client.exchange("PUT", "/lists/b", &unsigned, Body::from("hello")).await.code(),
        "MissingContentLength"
    );
    assert_eq!(client.get("/lists/b").await.code(), "NoSuchKey");
    assert_eq!(waste(&server).await, 0, "what was refused is gone at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_chunks_are_taken_apart_and_checked() {
    let server = TestServer::on_sqlite().await;
    let client = Client::root(&server).await;
    client.put("/lists", b"").await;
    for (spoil, code) in [(false, "ok"), (true, "SignatureDoesNotMatch")] {
        let headers = [("x-amz-decoded-content-length", "5"), ("content-encoding", "aws-chunked")];
        let mut signed = client.signed("PUT", "/lists/a", &headers, STREAMING_SIGNED);
        let value = |name: &str| signed.iter().find(|(known, _)| known == name).unwrap().1.clone();
        let (date, authorization) = (value("x-amz-date"), value("authorization"));
        let scope = Scope::new(api::sigv4::parse_time(&date).unwrap(), REGION, "s3");
        let key = SigningKey::derive(&client.credentials.secret_access_key, &scope);
        let mut previous = authorization.rsplit('=').next().unwrap().to_owned();
        let mut body = String::new();
        for chunk in ["hel", "lo", ""] {
            let (empty, hash) = (payload_hash(b""), payload_hash(chunk.as_bytes()));
            previous = key.signature(&format!(
                "AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{previous}\n{empty}\n{hash}"
            ));
            body.push_str(&format!("{:x};chunk-signature={previous}\r\n{chunk}\r\n", chunk.len()));
        }
        if spoil {
            body = body.replace("\r\nlo\r\n", "\r\nlO\r\n");
        }
        signed.push(("content-length".into(), body.len().to_string()));
        assert_eq!(client.exchange("PUT", "/lists/a", &signed, Body::from(body)).await.code(), code);
        let read = client.get("/lists/a").await;
        assert_eq!((read.text().as_str(), read.header("content-encoding")), ("hello", ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_decide() {
    let server = TestServer::on_sqlite().await;
    let client = Client::root(&server).await;
    client.put("/lists", b"").await;
    let new = [("if-none-match", "*")];
    assert_eq!(client.send("PUT", "/lists/a", &new, b"hello").await.code(), "ok");
    assert_eq!(client.send("PUT", "/lists/a", &new, b"other").await.code(), "PreconditionFailed");
    let tag = "\"5d41402abc4b2a76b9719d911017c592\"";
    let get = |name: &'static str, value: &'static str| {
        let client = &client;
        async move { client.send("GET", "/lists/a", &[(name, value)], b"").await.code() }
    };
    assert_eq!(get("if-match", tag).await, "ok");
    assert_eq!(get("if-match", "\"00\"").await, "PreconditionFailed");
    assert_eq!(get("if-none-match", tag).await, "304");
    assert_eq!(get("if-modified-since", "Sat, 31 Jan 2026 12:00:00 GMT").await, "ok");
    assert_eq!(get("if-unmodified-since", "Sat, 31 Jan 2026 12:00:00 GMT").await, "PreconditionFailed");
    assert_eq!(get("range", "bytes=9-").await, "InvalidRange");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_copied_and_deleted_together() {
    let server = TestServer::on_sqlite().await;
    let client = Client::root(&server).await;
    client.put("/lists", b"").await;
    client.send("PUT", "/lists/a%20b", &[("x-amz-meta-owner", "ops")], b"hello").await;
    let copy = client.send("PUT", "/lists/c", &[("x-amz-copy-source", "/lists/a%20b")], b"").await;
    assert!(copy.text().contains("<CopyObjectResult"), "{}", copy.text());
    let read = client.get("/lists/c").await;
    assert_eq!((read.text().as_str(), read.header("x-amz-meta-owner")), ("hello", "ops"));
    let onto_itself = client.send("PUT", "/lists/c", &[("x-amz-copy-source", "lists/c")], b"").await;
    assert_eq!(onto_itself.code(), "InvalidRequest");
    assert_eq!(
        client.send("PUT", "/lists/c", &[("x-amz-copy-source", "lists/none")], b"").await.code(),
        "NoSuchKey"
    );
    let body = b"<Delete><Object><Key>a b</Key></Object><Object><Key>none</Key></Object><Object><Key>../x</Key></Object></Delete>";
    let deleted = client.send("POST", "/lists?delete", &[], body).await.text();
    assert_eq!(all(&deleted, "Key"), ["a b", "none", "../x"]);
    assert_eq!(all(&deleted, "Code"), ["InvalidArgument"]);
    assert_eq!(client.get("/lists/a%20b").await.code(), "NoSuchKey");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_proven_in_their_headers_or_their_address() {
    let server = TestServer::on_sqlite().await;
    let client = Client::root(&server).await;
    client.put("/lists", b"").await;
    client.put("/lists/a", b"hello").await;
    let host = [("host", "127.0.0.1:4510")];
    let parts = RequestParts { method: "GET", path: "/lists/a", query: "", headers: &host };
    let signer = Signer {
        credentials: &client.credentials,
        region: REGION,
        service: "s3",
        style: PathStyle::ObjectKey,
    };
    let open = |at, seconds| {
        let query = signer.presign(&parts, UNSIGNED_PAYLOAD, at, seconds).unwrap();
        let client = &client;
        async move {
            let headers = [("host".to_owned(), "127.0.0.1:4510".to_owned())];
            client.exchange("GET", &format!("/lists/a?{query}"), &headers, Body::empty()).await
        }
    };
    assert_eq!(open(now(), 60).await.text(), "hello");
    let late = open(now().plus_seconds(-61), 60).await;
    assert_eq!((late.code().as_str(), late.text().contains("Request has expired")), ("AccessDenied", true));

    // A presigned address makes no copies.
    let query = Signer { ..signer }
        .presign(&RequestParts { method: "PUT", ..parts }, UNSIGNED_PAYLOAD, now(), 60)
        .unwrap();
    let headers = [("host", "127.0.0.1:4510"), ("x-amz-copy-source", "lists/secret")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let forged = client.exchange("PUT", &format!("/lists/a?{query}"), &headers, Body::empty()).await;
    assert_eq!(forged.code(), "AccessDenied");

    let mut wrong = client.signed("GET", "/lists/a", &[], &payload_hash(b""));
    for (_, value) in wrong.iter_mut().filter(|(name, _)| name == "authorization") {
        let last = if value.pop() == Some('0') { '1' } else { '0' };
        value.push(last);
    }
    let refused = client.exchange("GET", "/lists/a", &wrong, Body::empty()).await;
    assert_eq!(refused.code(), "SignatureDoesNotMatch");
    let mut other = Client::root(&server).await;
    other.credentials.access_key_id = "AKIAUNKNOWN".into();
    assert_eq!(other.get("/lists/a").await.code(), "InvalidAccessKeyId");
    other.credentials = Credentials { secret_access_key: "wrong".into(), ..client.credentials.clone() };
    assert_eq!(other.get("/lists/a").await.code(), "SignatureDoesNotMatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_reads_what_a_command_names_and_writes_its_own_output() {
    let server = TestServer::on_sqlite().await;
    let root = Client::root(&server).await;
    root.put("/lists", b"").await;
    root.put("/lists/core.yaml", b"patches: []").await;
    root.put("/lists/other.yaml", b"secret").await;
    let (ours, others) = (server.add_node(1).await, server.add_node(2).await);
    let (node, other) = (Client::node(&server, &ours), Client::node(&server, &others));
    assert_eq!(node.get("/lists/core.yaml").await.code(), "AccessDenied");

    let sent = server
        .answer(
            "SendCommand",
            json!({
                "DocumentName": "AWS-RunPatchBaseline",
                "InstanceIds": [ours.as_str()],
                "Parameters": {"Operation": ["Install"], "InstallOverrideList": ["s3://lists/core.yaml"]},
            }),
        )
        .await;
    assert_eq!(node.get("/lists/core.yaml").await.text(), "patches: []");
    assert_eq!(node.send("HEAD", "/lists", &[], b"").await.status, 200);
    assert_eq!(node.get("/lists/other.yaml").await.code(), "AccessDenied");
    assert_eq!(other.get("/lists/core.yaml").await.code(), "AccessDenied");
    for (method, uri) in [
        ("PUT", "/lists/core.yaml"),
        ("DELETE", "/lists/core.yaml"),
        ("GET", "/lists?list-type=2"),
        ("GET", "/"),
        ("PUT", "/mine"),
    ] {
        assert_eq!(node.send(method, uri, &[], b"").await.code(), "AccessDenied", "{method} {uri}");
    }

    let id = sent["Command"]["CommandId"].as_str().unwrap().to_owned();
    server.answer("CancelCommand", json!({"CommandId": id})).await;
    assert_eq!(node.get("/lists/core.yaml").await.code(), "AccessDenied", "the command is over");
}
