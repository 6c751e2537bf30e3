//! From a signed request to an operation and back. Authentication comes before anything is told
//! about operations; the body is read once, whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::rest::{self, Route};
use api::{quicksetup, resourcegroups};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use super::{BODY_LIMIT_BYTES, Peer, Scheme, answer};
use crate::app::App;
use crate::auth::{self, Signed};
use crate::commands::now;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::{self, Service};
use crate::sign_in::Browser;

/// A client has this long to send a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Every AWS request that is no websocket.
pub async fn aws(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let request_id = uuid::Uuid::new_v4().to_string();
    let (parts, body) = request.into_parts();
    let (service, operation) = target(&parts);
    let browser = Arc::new(Browser::of(&parts));
    let outcome = answer_one(&app, &parts, body, (service, &operation), &request_id, &browser).await;
    let outcome = match service {
        Service::QuickSetup => outcome.map_err(ApiError::of_quick_setup),
        Service::ResourceGroups => outcome.map_err(ApiError::of_resource_groups),
        _ => outcome,
    };
    let code = outcome.as_ref().err().map_or("ok", |error| error.code.name);
    let took = started.elapsed();
    let label = operations::label(service, &operation);
    app.metrics.request(label, code, took);
    log(&parts, &request_id, label, &outcome, took);
    let mut response = match (outcome, service) {
        (Ok(body), Service::Sts) => answer::xml(StatusCode::OK, &request_id, body_text(body)),
        (Ok(body), Service::QuickSetup | Service::ResourceGroups) => answer::rest_json(&request_id, body),
        (Err(error), Service::QuickSetup | Service::ResourceGroups) => {
            answer::rest_json_error(&request_id, &error)
        }
        (Ok(body), _) => answer::json(&request_id, body),
        (Err(error), Service::Sts) => operations::sts::error_response(&request_id, &error),
        (Err(error), _) => answer::json_error(&request_id, &error),
    };
    if let Some(cookie) = browser.set_cookie() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn answer_one(
    app: &Arc<App>,
    parts: &Parts,
    body: Body,
    (service, operation): (Service, &str),
    request_id: &str,
    browser: &Arc<Browser>,
) -> Result<Vec<u8>, ApiError> {
    if app.is_shutting_down() {
        return Err(error::shutting_down());
    }
    let body = read(body).await?;
    let now = now();
    let signed = auth::authenticate(app, parts, &body, service, operation, now).await?;
    let ctx = context(app, parts, signed, request_id, now);
    let ctx = Ctx { browser: Arc::clone(browser), ..ctx };
    let form = parts.uri.query().filter(|_| service == Service::Sts && body.is_empty());
    let routed = match service {
        Service::QuickSetup => routed(quicksetup::ROUTES, parts, &body),
        Service::ResourceGroups => routed(resourcegroups::ROUTES, parts, &body),
        _ => None,
    };
    let input = match &routed {
        Some(whole) => &whole[..],
        None => form.map_or(&body[..], str::as_bytes),
    };
    operations::dispatch(&ctx, service, operation, input).await
}

/// Of a service whose operations are methods and paths: the whole request, where it has a route.
fn routed<O>(routes: &'static [Route<O>], parts: &Parts, body: &[u8]) -> Option<Vec<u8>> {
    let matched = rest::find(routes, parts.method.as_str(), parts.uri.path())?;
    Some(matched.request(parts.uri.query().unwrap_or_default(), body))
}

/// What such a request names.
fn named<O: ToString>(routes: &'static [Route<O>], parts: &Parts) -> String {
    match rest::find(routes, parts.method.as_str(), parts.uri.path()) {
        Some(matched) => matched.route.operation.to_string(),
        None => format!("{} {}", parts.method, parts.uri.path()),
    }
}

/// The context of one request; also used by the agents' endpoints.
pub fn context(app: &Arc<App>, parts: &Parts, signed: Signed, request_id: &str, now: api::Timestamp) -> Ctx {
    let Signed { account, region, caller } = signed;
    let endpoint = endpoint(parts);
    let request_id = request_id.to_owned();
    let (store, browser) = (app.store(), Arc::default());
    Ctx { app: Arc::clone(app), store, account, region, caller, now, request_id, endpoint, browser }
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    let whole = Limited::new(body, BODY_LIMIT_BYTES).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(error::body_too_large(BODY_LIMIT_BYTES))
        }
        Ok(Err(error)) => Err(error::validation(format!("the request body could not be read: {error}"))),
        Err(_) => Err(error::validation("the request body did not arrive in time")),
    }
}

/// Which service and operation a request names: in its headers, or in the query of a presigned form.
fn target(parts: &Parts) -> (Service, String) {
    let headers = &parts.headers;
    if let Some(target) = headers.get("x-amz-target") {
        let target = String::from_utf8_lossy(target.as_bytes());
        let (prefix, operation) = target.split_once('.').unwrap_or((&target, ""));
        return match Service::of_target(prefix) {
            Some(service) => (service, operation.to_owned()),
            None => (Service::Unknown, target.into_owned()),
        };
    }
    match auth::scope_service(parts).as_deref() {
        Some(operations::QUICK_SETUP) => return (Service::QuickSetup, named(quicksetup::ROUTES, parts)),
        Some(operations::RESOURCE_GROUPS) => {
            return (Service::ResourceGroups, named(resourcegroups::ROUTES, parts));
        }
        _ => {}
    }
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if is_form || is_query_form(parts) {
        (Service::Sts, String::new())
    } else {
        (Service::Unknown, String::new())
    }
}

/// A presigned call of the query protocol has its form in the URL.
fn is_query_form(parts: &Parts) -> bool {
    parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("Action=")))
}

/// This server as the client addressed it, for URLs in answers.
pub(crate) fn endpoint(parts: &Parts) -> String {
    let https = parts.extensions.get::<Scheme>() == Some(&Scheme::Https);
    let scheme = if https { "https" } else { "http" };
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

fn body_text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_default()
}

fn log(
    parts: &Parts,
    request_id: &str,
    operation: &str,
    outcome: &Result<Vec<u8>, ApiError>,
    took: Duration,
) {
    let duration_ms = took.as_secs_f64() * 1000.0;
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
    match outcome {
        Ok(body) => {
            let size_bytes = body.len();
            tracing::info!(request_id, operation, duration_ms, size_bytes, peer, "answered");
        }
        Err(error) if error.code.status >= 500 => {
            let cause = error.chain();
            tracing::error!(
                request_id,
                operation,
                duration_ms,
                peer,
                code = error.code.name,
                cause,
                "failed"
            );
        }
        Err(error) => {
            let (code, message) = (error.code.name, &error.message);
            tracing::info!(request_id, operation, duration_ms, peer, code, message, "refused");
        }
    }
}
