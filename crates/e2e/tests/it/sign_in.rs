//! Signing in as a browser does, over the wire: by a link that the command prints and by a password that it sets; and what
//! is left of it after a restart and after signing out everywhere.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use api::sigv4::Credentials;
use api::ssm::{DescribeActivationsRequest, ListDocumentsRequest};
use serde_json::{Value, json};

use crate::harness::server::clean;
use crate::harness::wire::{Answer, Call};
use crate::harness::{Server, engines, program};

/// A command of the operator's, as root by the environment.
fn fettle(server: &Server, arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(program("fettle"));
    clean(&mut command);
    command.env("AWS_ACCESS_KEY_ID", &server.credentials.access_key_id);
    command.env("AWS_SECRET_ACCESS_KEY", &server.credentials.secret_access_key);
    command.args(arguments).args(["--endpoint", &server.endpoint, "--region", "eu-central-1"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a page of this server sends.
fn page(server: &Server, target: &str, cookie: Option<&str>, body: &Value) -> Answer {
    let mut call = Call::new(server.address, &server.credentials, "fettle", target);
    call.body = body.to_string().into_bytes();
    let mut headers = call.headers();
    headers.push(("sec-fetch-site".to_owned(), "same-origin".to_owned()));
    headers.extend(cookie.map(|cookie| ("cookie".to_owned(), cookie.to_owned())));
    call.send_with(&headers)
}

/// The cookie and the credentials of whoever signs in so.
fn sign_in(server: &Server, body: &Value) -> (String, Credentials) {
    let answer = page(server, "Fettle.CreateSession", None, body);
    assert_eq!(answer.code(), "ok");
    let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    (set.split(';').next().unwrap().to_owned(), credentials(&answer))
}

fn credentials(answer: &Answer) -> Credentials {
    let credentials = answer.json()["Credentials"].clone();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
    }
}

fn lists(server: &Server, credentials: &Credentials) -> Result<(), String> {
    let listed = server.client_of(credentials.clone()).call(&ListDocumentsRequest::default());
    listed.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
}

#[test]
fn a_link_signs_root_in_once_and_signing_out_ends_everything() {
    for engine in engines() {
        let mut server = Server::start(engine);
        let link = said(&fettle(&server, &["sign-in-link"], ""));
        let code = link.trim_end().strip_prefix(&format!("{}/console/#/sign-in?code=", server.endpoint));
        let request = json!({"SignInCode": code.unwrap()});
        let (cookie, first) = sign_in(&server, &request);
        assert_eq!(page(&server, "Fettle.CreateSession", None, &request).code(), "AccessDeniedException");
        lists(&server, &first).unwrap();

        // Both are of the store and the key file, not of the process.
        server.kill();
        server.start_again();
        lists(&server, &first).unwrap();
        let renewed = credentials(&page(&server, "Fettle.RefreshSession", Some(&cookie), &json!({})));
        assert_ne!(renewed.access_key_id, first.access_key_id);
        lists(&server, &renewed).unwrap();
        assert_eq!(
            page(&server, "Fettle.EndSession", Some(&cookie), &json!({"Everywhere": true})).code(),
            "ok"
        );
        for credentials in [&first, &renewed] {
            assert_eq!(lists(&server, credentials), Err("UnrecognizedClientException".to_owned()));
        }
        assert_eq!(
            page(&server, "Fettle.RefreshSession", Some(&cookie), &json!({})).code(),
            "AccessDeniedException"
        );
    }
}

#[test]
fn a_user_signs_in_by_password_and_does_what_the_policy_says() {
    let server = Server::start(engines()[0]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("documents.json");
    let policy = json!({"Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "ssm:ListDocuments", "Resource": "*"}});
    std::fs::write(&file, policy.to_string()).unwrap();
    let add = ["users", "add", "ann", "--policy", file.to_str().unwrap()];
    said(&fettle(&server, &add, "correct horse battery\n"));
    let listed = said(&fettle(&server, &["users", "list"], ""));
    assert!(listed.contains("ann") && listed.contains("documents"), "{listed}");
    let wrong = json!({"UserName": "ann", "Password": "incorrect horse"});
    assert_eq!(page(&server, "Fettle.CreateSession", None, &wrong).code(), "AccessDeniedException");
    let (_, ann) = sign_in(&server, &json!({"UserName": "ann", "Password": "correct horse battery"}));
    lists(&server, &ann).unwrap();
    let refused = server.client_of(ann.clone()).call(&DescribeActivationsRequest::default()).unwrap_err();
    let expected =
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ssm:DescribeActivations";
    assert!(refused.to_string().starts_with(expected), "{refused}");

    said(&fettle(&server, &["users", "password", "ann"], "another horse battery\n"));
    assert_eq!(lists(&server, &ann), Err("UnrecognizedClientException".to_owned()));
    let (_, ann) = sign_in(&server, &json!({"UserName": "ann", "Password": "another horse battery"}));
    lists(&server, &ann).unwrap();
    said(&fettle(&server, &["users", "remove", "ann"], ""));
    assert_eq!(lists(&server, &ann), Err("UnrecognizedClientException".to_owned()));
    let missing = fettle(&server, &["users", "remove", "ann"], "");
    assert!(!missing.status.success());
}
