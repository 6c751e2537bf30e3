//! Passkeys through the dispatcher on each engine, with an authenticator of our own.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::jobs::forget_sessions;
use crate::operations::Service;
use crate::sign_in::Browser;
use crate::sign_in::attempts::BY_ADDRESS;
use crate::sign_in::passkeys::{CHALLENGE_SECONDS, MOST_PASSKEYS};
use crate::testing::{Refused, TestServer, call};

const ORIGIN: &str = "http://localhost:4510";
/// SubjectPublicKeyInfo of a point of P-256, up to the point.
const P256: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

async fn own(ctx: &Ctx, operation: &str, request: Value) -> Result<Value, Refused> {
    call(ctx, Service::Fettle, operation, request).await
}

async fn refusal(ctx: &Ctx, operation: &str, request: Value) -> String {
    let (name, text) = own(ctx, operation, request).await.unwrap_err();
    format!("{name}: {text}")
}

fn at(ctx: Ctx) -> Ctx {
    Ctx { endpoint: ORIGIN.to_owned(), ..ctx }
}

fn page(server: &TestServer) -> Ctx {
    at(Ctx { browser: Arc::new(Browser::with_cookie(None)), ..server.ctx(Caller::Anonymous) })
}

fn user(server: &TestServer, name: &str) -> Ctx {
    let arn = format!("arn:aws:iam::123456789012:user/{name}");
    at(server.ctx(Caller::User { arn, access_key_id: "ASIAUSER".to_owned() }))
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

struct Authenticator {
    id: Vec<u8>,
    pair: EcdsaKeyPair,
    user_handle: String,
    counter: u32,
    origin: &'static str,
}

impl Authenticator {
    fn new(id: &[u8]) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { id: id.to_vec(), pair, user_handle: String::new(), counter: 1, origin: ORIGIN }
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> String {
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false}).to_string()
    }

    fn data(&self, flags: u8, rest: &[u8]) -> Vec<u8> {
        let party = Sha256::digest(b"localhost");
        [party.as_slice(), &[flags], &self.counter.to_be_bytes(), rest].concat()
    }

    fn make(&mut self, asked: &Value, name: &str) -> Value {
        self.user_handle = asked["UserHandle"].as_str().unwrap().to_owned();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = self.data(0x45, &[&[0; 16][..], &length, &self.id].concat());
        let key = [&hex::decode(P256).unwrap()[..], self.pair.public_key().as_ref()].concat();
        json!({"Name": name, "PasskeyId": text(&self.id), "AuthenticatorData": text(data),
            "ClientData": text(self.client_data("webauthn.create", &asked["Challenge"])),
            "PublicKey": text(key), "Algorithm": -7})
    }

    fn answer(&mut self, asked: &Value) -> Value {
        self.counter += 1;
        let (client, data) = (self.client_data("webauthn.get", &asked["Challenge"]), self.data(5, &[]));
        let message = [&data[..], Sha256::digest(client.as_bytes()).as_slice()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        json!({"Passkey": {"PasskeyId": text(&self.id), "ClientData": text(client), "UserHandle": self.user_handle,
            "AuthenticatorData": text(data), "Signature": text(signature)}})
    }

    async fn register(&mut self, ctx: &Ctx, name: &str) -> Value {
        let asked = own(ctx, "StartPasskeyRegistration", json!({})).await.unwrap();
        let made = self.make(&asked, name);
        own(ctx, "RegisterPasskey", made).await.unwrap()["Passkey"].clone()
    }
}

async fn add_user(server: &TestServer, name: &str) {
    own(&server.root(), "CreateUser", json!({"UserName": name})).await.unwrap();
}

#[tokio::test]
async fn a_passkey_from_its_registration_to_its_end() {
    for server in TestServer::on_each_engine().await {
        add_user(&server, "ann").await;
        let ann = user(&server, "ann");
        let mut key = Authenticator::new(b"first");
        let made = key.register(&ann, "laptop").await;
        assert_eq!(
            (made["Name"].as_str(), made["RelyingPartyId"].as_str()),
            (Some("laptop"), Some("localhost"))
        );
        let asked = own(&ann, "StartPasskeyRegistration", json!({})).await.unwrap();
        assert_eq!(asked["PasskeyIds"], json!([text("first")]));
        assert_eq!(asked["UserName"], "ann");

        let asked = own(&page(&server), "StartPasskeySignIn", json!({})).await.unwrap();
        let answer = key.answer(&asked);
        let ctx = page(&server);
        let session = own(&ctx, "CreateSession", answer.clone()).await.unwrap();
        assert_eq!(session["UserName"], "ann");
        assert!(ctx.browser.set_cookie().is_some());
        let refused = refusal(&page(&server), "CreateSession", answer).await;
        assert!(refused.contains("was used before"), "{refused}");

        let renamed = json!({"PasskeyId": text("first"), "Name": "old laptop"});
        own(&ann, "UpdatePasskey", renamed).await.unwrap();
        let listed = own(&ann, "ListPasskeys", json!({})).await.unwrap();
        assert_eq!(listed["Passkeys"][0]["Name"], "old laptop");
        assert!(listed["Passkeys"][0]["LastUsedAt"].is_number(), "{listed}");

        own(&ann, "DeletePasskey", json!({"PasskeyId": text("first")})).await.unwrap();
        let asked = own(&page(&server), "StartPasskeySignIn", json!({})).await.unwrap();
        let refused = refusal(&page(&server), "CreateSession", key.answer(&asked)).await;
        assert!(
            refused.starts_with("AccessDeniedException") && refused.contains("may have been deleted"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn what_is_no_answer_is_refused() {
    for mut server in TestServer::on_each_engine().await {
        add_user(&server, "ann").await;
        let ann = user(&server, "ann");
        let mut key = Authenticator::new(b"first");
        key.register(&ann, "laptop").await;
        let asked =
            async |server: &TestServer| own(&page(server), "StartPasskeySignIn", json!({})).await.unwrap();

        key.origin = "http://localhost:4511";
        let answer = key.answer(&asked(&server).await);
        let refused = refusal(&page(&server), "CreateSession", answer).await;
        assert!(refused.contains("`http://localhost:4511`, which is not this server's origin"), "{refused}");
        key.origin = ORIGIN;

        let mut forged = key.answer(&asked(&server).await);
        forged["Passkey"]["Signature"] = text([0; 70]).into();
        let refused = refusal(&page(&server), "CreateSession", forged).await;
        assert!(refused.contains("the signature is not the passkey's"), "{refused}");

        let mut other = key.answer(&asked(&server).await);
        other["Passkey"]["UserHandle"] = text("somebody").into();
        let refused = refusal(&page(&server), "CreateSession", other).await;
        assert!(refused.contains("UserHandle"), "{refused}");

        // A challenge for a registration signs nobody in.
        let registering = own(&ann, "StartPasskeyRegistration", json!({})).await.unwrap();
        let refused = refusal(&page(&server), "CreateSession", key.answer(&registering)).await;
        assert!(refused.contains("the challenge is not known"), "{refused}");

        let late = asked(&server).await;
        server.now = server.now.plus_seconds(CHALLENGE_SECONDS);
        let refused = refusal(&page(&server), "CreateSession", key.answer(&late)).await;
        assert!(refused.contains("older than five minutes"), "{refused}");

        let answer = key.answer(&asked(&server).await);
        own(&page(&server), "CreateSession", answer).await.unwrap();
        key.counter -= 1;
        let copied = key.answer(&asked(&server).await);
        let refused = refusal(&page(&server), "CreateSession", copied).await;
        assert!(refused.contains("it may have been copied"), "{refused}");
        let listed = own(&user(&server, "ann"), "ListPasskeys", json!({})).await.unwrap();
        assert!(listed["Passkeys"][0]["RefusedAt"].is_number(), "{listed}");

        let status = json!({"UserName": "ann", "Status": "DISABLED"});
        own(&server.root(), "UpdateUser", status).await.unwrap();
        let answer = key.answer(&asked(&server).await);
        let refused = refusal(&page(&server), "CreateSession", answer).await;
        assert!(refused.starts_with("AccessDeniedException"), "{refused}");
    }
}

#[tokio::test]
async fn passkeys_are_their_users_own() {
    for mut server in TestServer::on_each_engine().await {
        add_user(&server, "ann").await;
        add_user(&server, "bob").await;
        let (ann, bob) = (user(&server, "ann"), user(&server, "bob"));
        let mut key = Authenticator::new(b"first");
        key.register(&ann, "laptop").await;
        for (operation, request) in [
            ("UpdatePasskey", json!({"PasskeyId": text("first"), "Name": "mine"})),
            ("DeletePasskey", json!({"PasskeyId": text("first")})),
        ] {
            let refused = refusal(&bob, operation, request).await;
            assert!(refused.starts_with("ResourceNotFoundException"), "{refused}");
        }
        assert_eq!(own(&bob, "ListPasskeys", json!({})).await.unwrap()["Passkeys"], json!([]));
        // Of ann's challenge bob makes none.
        let asked = own(&ann, "StartPasskeyRegistration", json!({})).await.unwrap();
        let made = Authenticator::new(b"second").make(&asked, "mine");
        assert!(refusal(&bob, "RegisterPasskey", made).await.starts_with("AccessDeniedException"));
        let asked = own(&bob, "StartPasskeyRegistration", json!({})).await.unwrap();
        let made = Authenticator::new(b"first").make(&asked, "the same id");
        assert!(refusal(&bob, "RegisterPasskey", made).await.starts_with("EntityAlreadyExistsException"));

        // Signing out everywhere leaves it, another user of the name does not get it.
        let mut root_key = Authenticator::new(b"of root");
        root_key.register(&at(server.root()), "root's").await;
        own(&server.root(), "DeleteUser", json!({"UserName": "ann"})).await.unwrap();
        add_user(&server, "ann").await;
        assert_eq!(own(&ann, "ListPasskeys", json!({})).await.unwrap()["Passkeys"], json!([]));
        let asked = own(&page(&server), "StartPasskeySignIn", json!({})).await.unwrap();
        let session = own(&page(&server), "CreateSession", root_key.answer(&asked)).await.unwrap();
        assert_eq!(session["UserName"], "root");

        own(&page(&server), "StartPasskeySignIn", json!({})).await.unwrap();
        server.now = server.now.plus_seconds(CHALLENGE_SECONDS);
        forget_sessions::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(store::testing::count(&server.app.store(), "passkey_challenges").await, 0);
    }
}

#[tokio::test]
async fn challenges_are_made_so_often_and_no_more() {
    let mut server = TestServer::on_sqlite().await;
    for _ in 0..BY_ADDRESS {
        own(&page(&server), "StartPasskeySignIn", json!({})).await.unwrap();
    }
    let refused = refusal(&page(&server), "StartPasskeySignIn", json!({})).await;
    assert!(refused.starts_with("ThrottlingException: too many attempts: wait"), "{refused}");
    server.now = server.now.plus_seconds(3600);
    own(&page(&server), "StartPasskeySignIn", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_registration_is_checked_whole() {
    let server = TestServer::on_sqlite().await;
    let root = at(server.root());
    for (member, value, expected) in [
        ("Algorithm", json!(-36), "Algorithm -36"),
        ("PublicKey", text("no key").into(), "PublicKey"),
        ("PasskeyId", text("another").into(), "PasskeyId is not the one in AuthenticatorData"),
        ("AuthenticatorData", text("short").into(), "AuthenticatorData"),
        ("ClientData", text("{}").into(), "ClientData"),
        ("ClientData", "no base64!".into(), "ValidationException"),
    ] {
        let asked = own(&root, "StartPasskeyRegistration", json!({})).await.unwrap();
        let mut made = Authenticator::new(b"first").make(&asked, "laptop");
        made[member] = value;
        let refused = refusal(&root, "RegisterPasskey", made).await;
        assert!(
            refused.starts_with("ValidationException") && refused.contains(expected),
            "{member}: {refused}"
        );
    }
    let by_address = server.root();
    let refused = refusal(&by_address, "StartPasskeyRegistration", json!({})).await;
    assert!(refused.contains("open the console as http://localhost"), "{refused}");
    for number in 0..MOST_PASSKEYS {
        Authenticator::new(format!("id {number}").as_bytes()).register(&root, "laptop").await;
    }
    let asked = own(&root, "StartPasskeyRegistration", json!({})).await.unwrap();
    let made = Authenticator::new(b"one more").make(&asked, "laptop");
    assert!(refusal(&root, "RegisterPasskey", made).await.starts_with("LimitExceededException"));
}
