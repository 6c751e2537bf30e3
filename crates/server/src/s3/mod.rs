//! The object store as S3's clients see it: a subset of its REST protocol on the same port, known by the `s3` in the
//! scope of a request's credentials. Where the bytes are is `objects`' business, which key has which the store's.
//! Source: S3 API reference; spec systems-manager 16.

mod authorise;
mod body;
mod buckets;
mod checksum;
mod copy_object;
mod delete_objects;
pub mod error;
mod get_object;
mod list_objects;
mod put_object;
mod request;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod untrusted;
mod uploads;
mod xml;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use axum::middleware::Next;

use crate::app::App;
use crate::auth;
use crate::auth::s3::BodyProof;
use crate::commands::now;
use crate::ctx::Ctx;
use crate::http::Peer;
use crate::http::dispatch;
pub use authorise::of_server;
use error::S3Error;
use request::{Operation, Target};

/// Work that met a concurrent transaction runs again this often.
const ATTEMPTS: u32 = 10;

/// Takes what is signed for the object store; everything else goes on. Before all routes: a bucket may have any name.
pub async fn first(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if auth::s3::is_addressed(&parts) {
        return serve(&app, parts, body).await;
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn serve(app: &Arc<App>, parts: Parts, body: Body) -> Response<Body> {
    let started = Instant::now();
    let request_id = uuid::Uuid::new_v4().to_string();
    let mut label = "s3";
    let has_body = !body.is_end_stream();
    let outcome = answer_one(app, &parts, body, &request_id, &mut label).await;
    let code = outcome.as_ref().err().map_or("ok", |error| error.code);
    let took = started.elapsed();
    app.metrics.request(label, code, took);
    log(&parts, &request_id, label, outcome.as_ref().err(), took);
    // Of a body that was refused nobody reads the rest, so that the connection ends: clients who are told do not try to
    // use it once more.
    let ends = has_body && outcome.is_err();
    let mut response = outcome.unwrap_or_else(|error| {
        error.to_response(&request_id, parts.uri.path(), parts.method == Method::HEAD)
    });
    if ends {
        header(&mut response, "connection", "close");
    }
    header(&mut response, "x-amz-request-id", &request_id);
    response
}

async fn answer_one(
    app: &Arc<App>,
    parts: &Parts,
    body: Body,
    request_id: &str,
    label: &mut &'static str,
) -> Result<Response<Body>, S3Error> {
    if app.is_shutting_down() {
        return Err(S3Error::shutting_down());
    }
    let now = now();
    let (signed, proof) = auth::s3::authenticate(app, parts, now).await?;
    let ctx = dispatch::context(app, parts, signed, request_id, now);
    let target = Target::read(parts, app.objects.domain.as_deref())?;
    let operation = target.operation(parts)?;
    *label = operation.name();
    authorise::authorise(&ctx, operation, &target).await?;
    Box::pin(carry_out(&ctx, operation, &target, parts, body, proof)).await
}

async fn carry_out(
    ctx: &Ctx,
    operation: Operation,
    target: &Target,
    parts: &Parts,
    body: Body,
    proof: BodyProof,
) -> Result<Response<Body>, S3Error> {
    let headers = &parts.headers;
    match operation {
        Operation::ListBuckets => buckets::list_buckets(ctx).await,
        Operation::CreateBucket => {
            let body = body::read_small(headers, body, proof).await?;
            buckets::create_bucket(ctx, target, &body).await
        }
        Operation::HeadBucket => buckets::head_bucket(ctx, target).await,
        Operation::DeleteBucket => buckets::delete_bucket(ctx, target).await,
        Operation::GetBucketLocation => buckets::get_bucket_location(ctx, target).await,
        Operation::ListObjectsV2 => list_objects::list_objects_v2(ctx, target).await,
        Operation::DeleteObjects => {
            let body = body::read_small(headers, body, proof).await?;
            delete_objects::delete_objects(ctx, target, &body).await
        }
        Operation::PutObject => put_object::put_object(ctx, target, headers, body, proof).await,
        Operation::CopyObject => copy_object::copy_object(ctx, target, headers).await,
        Operation::GetObject => get_object::get_object(ctx, target, headers, get_object::Want::Content).await,
        Operation::HeadObject => {
            get_object::get_object(ctx, target, headers, get_object::Want::HeadOnly).await
        }
        Operation::DeleteObject => delete_objects::delete_object(ctx, target).await,
        Operation::CreateMultipartUpload => uploads::create_multipart_upload(ctx, target, headers).await,
        Operation::UploadPart => uploads::upload_part(ctx, target, headers, body, proof).await,
        Operation::CompleteMultipartUpload => {
            let body = body::read_small(headers, body, proof).await?;
            uploads::complete_multipart_upload(ctx, target, headers, &body).await
        }
        Operation::AbortMultipartUpload => uploads::abort_multipart_upload(ctx, target).await,
    }
}

/// Runs again what met a concurrent transaction: nothing of a failed one remains.
async fn retry<T, F>(ctx: &Ctx, work: impl Fn() -> F) -> Result<T, S3Error>
where
    F: Future<Output = Result<T, S3Error>> + Send,
{
    let mut attempt = 1;
    loop {
        match work().await {
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                ctx.app.metrics.conflicts.inc();
                let [spread] = crate::keyring::random::<1>();
                let pause = u64::from(attempt) * (500 + 40 * u64::from(spread));
                tokio::time::sleep(Duration::from_micros(pause)).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

fn answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// What is no header is left out: it was checked when it came.
fn header(response: &mut Response<Body>, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

fn log(parts: &Parts, request_id: &str, operation: &str, error: Option<&S3Error>, took: Duration) {
    let duration_ms = took.as_secs_f64() * 1000.0;
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
    match error {
        None => tracing::info!(request_id, operation, duration_ms, peer, "answered"),
        Some(error) => {
            let (code, message) = (error.code, &error.message);
            let cause = error.cause.as_deref().unwrap_or_default();
            match error.status {
                500 => tracing::error!(request_id, operation, duration_ms, peer, code, cause, "failed"),
                507 => tracing::warn!(request_id, operation, duration_ms, peer, code, cause, "no room"),
                _ => tracing::info!(request_id, operation, duration_ms, peer, code, message, "refused"),
            }
        }
    }
}
