//! Who signed a request: people with access keys, nodes with temporary credentials, nodes with
//! their own RSA key. Verified from the headers that the request declares as signed.
//! Source: agent-protocol.md 0.3, 1.3-1.7; systems-manager.md 0.3, 19.1.

mod key_cache;
mod node_key;
pub mod s3;
mod session_token;
mod user_token;

pub use key_cache::KeyCache;
pub use node_key::NodeKey;
pub use session_token::Session;
pub use user_token::UserToken;

use std::sync::Arc;

use api::Timestamp;
use api::sigv4::{PathStyle, Presented, Refusal, RequestParts, SigningKey, payload_hash};
use api::ssm::ErrorCode;
use axum::http::request::Parts;
use domain::ids::{AccountId, NodeId, Region};
use store::StoreError;
use store::accounts;
use store::nodes::{self, Node};
use subtle::ConstantTimeEq;

use key_cache::OpenKey;

use crate::app::{App, Mode};
use crate::caller::{Caller, node_arn};
use crate::error::{self, ApiError};
use crate::operations::{NODE_KEY_OPERATIONS, Service, UNSIGNED_OPERATIONS};
use crate::root_key::{FIRST_ACCOUNT, KEY_PURPOSE, root_arn};
use crate::sign_in;

/// Stands in where nothing names a region: a registration takes its activation's.
const UNSIGNED_REGION: &str = "us-east-1";

/// What a signature proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub account: AccountId,
    pub region: Region,
    pub caller: Caller,
}

/// The service in the scope of a request's credentials, in its headers or in a presigned address; not verified yet.
pub fn scope_service(parts: &Parts) -> Option<String> {
    let service = |credential: &str| credential.split('/').rev().nth(1).map(str::to_owned);
    let header = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    if let Some(header) = header {
        let credential = header.split("Credential=").nth(1).and_then(|rest| rest.split([',', ' ']).next());
        return credential.and_then(service);
    }
    let query = parts.uri.query().unwrap_or_default();
    let credential = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="));
    credential.and_then(|credential| service(&api::sigv4::percent_decode(credential)))
}

/// Checks the signature of a request to one of the services that headers choose.
pub async fn authenticate(
    app: &Arc<App>,
    parts: &Parts,
    body: &[u8],
    service: Service,
    operation: &str,
    now: Timestamp,
) -> Result<Signed, ApiError> {
    let is_open = UNSIGNED_OPERATIONS.contains(&(service, operation));
    if is_open && !parts.headers.contains_key("authorization") {
        let (account, region) = (FIRST_ACCOUNT.parse()?, UNSIGNED_REGION.parse()?);
        return Ok(Signed { account, region, caller: Caller::Anonymous });
    }
    let is_key_call = service == Service::Ssm && NODE_KEY_OPERATIONS.contains(&operation);
    let kind = if is_key_call { Kind::NodeKey } else { Kind::Secret };
    verify(app, parts, body, service.signing_name(), kind, now).await
}

/// Checks the signature of a request to the agents' channels, `ssmmessages`.
pub async fn authenticate_channel(
    app: &Arc<App>,
    parts: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Result<Signed, ApiError> {
    verify(app, parts, body, Some("ssmmessages"), Kind::Secret, now).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An HMAC with a secret that both sides know.
    Secret,
    /// The node's own RSA key.
    NodeKey,
}

async fn verify(
    app: &Arc<App>,
    parts: &Parts,
    body: &[u8],
    service: Option<&str>,
    kind: Kind,
    now: Timestamp,
) -> Result<Signed, ApiError> {
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let request = RequestParts {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
    };
    let presented = Presented::from_request(&request)?;
    let region: Region = presented.scope.region.parse().map_err(|_| wrong_region())?;
    if kind == Kind::NodeKey {
        presented.check_time(now)?;
        presented.check_service("ssm")?;
        return with_node_key(app, &request, &presented, body, region, now).await;
    }
    if app.mode == Mode::Ephemeral && !is_session_of_ours(app, &presented) {
        return ephemeral(&presented, region);
    }
    presented.check_time(now)?;
    if let Some(service) = service {
        presented.check_service(service)?;
    }
    let (signed, _) = with_secret(app, &request, &presented, Payload::Body(body), region, now).await?;
    Ok(signed)
}

/// What of the body a signature covers.
#[derive(Clone, Copy)]
enum Payload<'a> {
    Body(&'a [u8]),
    /// S3's: the hash that the request declares, or a word in place of one. The body is checked as it arrives.
    Declared(&'a str),
}

impl Payload<'_> {
    fn hash(&self) -> String {
        match self {
            Self::Body(body) => payload_hash(body),
            Self::Declared(hash) => (*hash).to_owned(),
        }
    }

    fn style(&self) -> PathStyle {
        match self {
            Self::Body(_) => PathStyle::Normalized,
            Self::Declared(_) => PathStyle::ObjectKey,
        }
    }
}

/// Also returns the key, with which parts of the body may be signed.
async fn with_secret(
    app: &Arc<App>,
    request: &RequestParts<'_>,
    presented: &Presented,
    payload: Payload<'_>,
    region: Region,
    now: Timestamp,
) -> Result<(Signed, SigningKey), ApiError> {
    match &presented.session_token {
        Some(token) => with_session(app, request, presented, token, payload, region, now).await,
        None => with_access_key(app, request, presented, payload, region, now).await,
    }
}

async fn with_access_key(
    app: &App,
    request: &RequestParts<'_>,
    presented: &Presented,
    payload: Payload<'_>,
    region: Region,
    now: Timestamp,
) -> Result<(Signed, SigningKey), ApiError> {
    let id = &presented.access_key_id;
    let key = match app.keys.find(id, now) {
        Some(key) => key,
        None => app.keys.keep(id, read_access_key(app, id).await?, now),
    };
    let signing_key = key.signing_key(&presented.scope);
    check(request, presented, &signing_key, payload)?;
    let caller = Caller::User { arn: key.principal_arn.clone(), access_key_id: id.clone() };
    Ok((Signed { account: key.account.clone(), region, caller }, signing_key))
}

async fn read_access_key(app: &App, id: &str) -> Result<OpenKey, ApiError> {
    let mut tx = app.store().read_each().await?;
    let key = accounts::find_access_key(&mut tx, id).await?;
    let key = key.filter(|key| key.disabled_at.is_none()).ok_or_else(unrecognized)?;
    let secret = app.keyring.open_sealed(KEY_PURPOSE, &key.sealed_secret);
    let secret = secret.and_then(|secret| String::from_utf8(secret).ok()).ok_or_else(unrecognized)?;
    Ok(OpenKey::new(key.account.parse()?, key.principal_arn, secret))
}

async fn with_session(
    app: &App,
    request: &RequestParts<'_>,
    presented: &Presented,
    token: &str,
    payload: Payload<'_>,
    region: Region,
    now: Timestamp,
) -> Result<(Signed, SigningKey), ApiError> {
    // Nodes first: theirs are most.
    let Some(session) = Session::from_token(&app.keyring, token) else {
        let token = UserToken::from_token(&app.keyring, token).ok_or_else(unrecognized)?;
        let secret = (token.access_key_id.as_str(), token.secret_access_key.as_str());
        let signing_key = with_temporary(request, presented, secret, token.expires_at, payload, now)?;
        return Ok((of_user(app, &token, region, now).await?, signing_key));
    };
    let secret = (session.access_key_id.as_str(), session.secret_access_key.as_str());
    let signing_key = with_temporary(request, presented, secret, session.expires_at, payload, now)?;
    if session.region != region {
        return Err(wrong_region());
    }
    let node = registered(app, &session.node).await?;
    record_sign_of_life(app, &node, now).await?;
    Ok((as_node(node), signing_key))
}

/// Credentials that a token carried: they are the ones presented, they signed, and their time is not over.
fn with_temporary(
    request: &RequestParts<'_>,
    presented: &Presented,
    (access_key_id, secret_access_key): (&str, &str),
    expires_at: Timestamp,
    payload: Payload<'_>,
    now: Timestamp,
) -> Result<SigningKey, ApiError> {
    let is_its_key = access_key_id.as_bytes().ct_eq(presented.access_key_id.as_bytes());
    if !bool::from(is_its_key) {
        return Err(unrecognized());
    }
    let signing_key = SigningKey::derive(secret_access_key, &presented.scope);
    check(request, presented, &signing_key, payload)?;
    if expires_at <= now {
        let message = "The security token included in the request is expired";
        return Err(ApiError::new(ErrorCode::ExpiredTokenException, message));
    }
    Ok(signing_key)
}

/// Somebody whose session goes on: it is asked for with every request, so that ending it ends everything.
async fn of_user(app: &App, token: &UserToken, region: Region, now: Timestamp) -> Result<Signed, ApiError> {
    let mut tx = app.store().read_each().await?;
    let session =
        sign_in::open_session(&mut tx, &token.session_sha256, now).await?.ok_or_else(unrecognized)?;
    let arn = session.principal.arn(&session.account);
    let caller = Caller::User { arn, access_key_id: token.access_key_id.clone() };
    Ok(Signed { account: session.account, region, caller })
}

async fn with_node_key(
    app: &App,
    request: &RequestParts<'_>,
    presented: &Presented,
    body: &[u8],
    region: Region,
    now: Timestamp,
) -> Result<Signed, ApiError> {
    let id: NodeId = presented.access_key_id.parse().map_err(|_| unrecognized())?;
    let node = registered(app, &id).await?;
    if node.region != region {
        return Err(wrong_region());
    }
    let text = presented.string_to_sign(request, &payload_hash(body), PathStyle::Normalized)?;
    let signed_by =
        |key: &str| NodeKey::parse(key).is_some_and(|key| key.verifies(&text, &presented.signature));
    if signed_by(&node.public_key) {
        if node.previous_public_key.is_some() {
            let mut tx = app.store().write_by_locks().await?;
            nodes::retire_previous_key(&mut tx, &node.id).await?;
            tx.commit().await?;
        }
    } else if !node.previous_public_key.as_deref().is_some_and(signed_by) {
        return Err(Refusal::Mismatch.into());
    }
    record_sign_of_life(app, &node, now).await?;
    Ok(as_node(node))
}

/// Credentials outlive a deregistration; the node does not.
async fn registered(app: &App, id: &NodeId) -> Result<Node, ApiError> {
    let mut tx = app.store().read_each().await?;
    let node = nodes::find_unscoped(&mut tx, id).await?;
    node.ok_or_else(|| {
        let message = format!("{id} is not registered, or not any more");
        ApiError::new(ErrorCode::AccessDeniedException, message)
    })
}

async fn record_sign_of_life(app: &App, node: &Node, now: Timestamp) -> Result<(), ApiError> {
    if nodes::is_due(node, now) {
        let written = async {
            let mut tx = app.store().write_by_locks().await?;
            nodes::record_seen(&mut tx, &node.id, now).await?;
            tx.commit().await
        };
        match written.await {
            // Who got in between has recorded a sign of life as well.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

fn as_node(node: Node) -> Signed {
    let arn = node_arn(node.account.as_str(), &node.iam_role, &node.id);
    Signed { account: node.account, region: node.region, caller: Caller::Node { node: node.id, arn } }
}

fn check(
    request: &RequestParts<'_>,
    presented: &Presented,
    key: &SigningKey,
    payload: Payload<'_>,
) -> Result<(), ApiError> {
    Ok(presented.verify(request, &payload.hash(), payload.style(), key)?)
}

/// Nodes and people who signed in sign for real on an ephemeral server: that is how it knows which of them is calling.
fn is_session_of_ours(app: &App, presented: &Presented) -> bool {
    let token = presented.session_token.as_deref();
    token.is_some_and(|token| {
        Session::from_token(&app.keyring, token).is_some()
            || UserToken::from_token(&app.keyring, token).is_some()
    })
}

fn ephemeral(presented: &Presented, region: Region) -> Result<Signed, ApiError> {
    let access_key_id = presented.access_key_id.clone();
    let caller = Caller::User { arn: root_arn(FIRST_ACCOUNT), access_key_id };
    Ok(Signed { account: FIRST_ACCOUNT.parse()?, region, caller })
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = ErrorCode::parse(refusal.code()).unwrap_or(ErrorCode::InvalidSignatureException);
        Self::new(code, refusal.to_string())
    }
}

fn unrecognized() -> ApiError {
    let message = "The security token included in the request is invalid.";
    ApiError::new(ErrorCode::UnrecognizedClientException, message)
}

fn wrong_region() -> ApiError {
    error::invalid_signature("Credential should be scoped to the region of the node.")
}
