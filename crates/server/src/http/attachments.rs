//! The addresses that GetDocument gives out for files of packages. They need no signature: whoever has one may read, until it
//! expires.
//! Source: spec agent-protocol 9.2.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt, TryStreamExt, stream};
use store::document_attachments::Attachment;

use crate::app::App;
use crate::commands::now;
use crate::operations::documents::attachments;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/_fettle/attachments/{token}/{file}", get(download))
}

/// The name at the end is for people and tools: what counts is sealed.
async fn download(State(app): State<Arc<App>>, Path((token, _file)): Path<(String, String)>) -> Response {
    match attachments::open(&app, &token, now()).await {
        None => (StatusCode::FORBIDDEN, "this address is not valid or has expired\n").into_response(),
        Some(Ok(None)) => (StatusCode::NOT_FOUND, "this file is no longer kept\n").into_response(),
        Some(Ok(Some(attachment))) => send(app, attachment),
        Some(Err(error)) => {
            tracing::error!(%error, "an attachment could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer; try again\n").into_response()
        }
    }
}

/// Content by content, as it is read.
fn send(app: Arc<App>, attachment: Attachment) -> Response {
    let size = attachment.size_bytes;
    let contents = stream::iter(attachment.contents).then(move |content| {
        let app = Arc::clone(&app);
        async move {
            let bytes = app.objects.contents.read(&content.id, 0..content.size_bytes).await;
            bytes.map_err(|error| {
                tracing::error!(%error, content = content.id, "an attachment could not be read");
                std::io::Error::other("the object store failed")
            })
        }
    });
    let mut response = Response::new(Body::from_stream(contents.try_flatten()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    response
}
