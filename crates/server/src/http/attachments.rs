//! The addresses that GetDocument gives out for files of packages, and documents' steps for the patch engine. They need no
//! signature: whoever has one may read, until it expires.
//! Source: spec agent-protocol 7.5, 9.2.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt, TryStreamExt, stream};
use store::StoreError;
use store::objects::Content;

use crate::agents::engine;
use crate::app::App;
use crate::commands::now;
use crate::operations::documents::attachments;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/_fettle/attachments/{token}/{file}", get(download))
        .route("/_fettle/engines/{token}", get(download_engine))
}

/// The name at the end is for people and tools: what counts is sealed.
async fn download(State(app): State<Arc<App>>, Path((token, _file)): Path<(String, String)>) -> Response {
    let found = attachments::open(&app, &token, now()).await;
    answer(app, found.map(|found| found.map(|file| file.map(|file| (file.size_bytes, file.contents)))))
}

async fn download_engine(State(app): State<Arc<App>>, Path(token): Path<String>) -> Response {
    let found = engine::open(&app, &token, now()).await;
    answer(app, found.map(|found| found.map(|build| build.map(|build| (build.size_bytes, build.contents)))))
}

/// A file's size and what it consists of.
type File = (u64, Vec<Content>);

fn answer(app: Arc<App>, found: Option<Result<Option<File>, StoreError>>) -> Response {
    match found {
        None => (StatusCode::FORBIDDEN, "this address is not valid or has expired\n").into_response(),
        Some(Ok(None)) => (StatusCode::NOT_FOUND, "this file is no longer kept\n").into_response(),
        Some(Ok(Some(file))) => send(app, file),
        Some(Err(error)) => {
            tracing::error!(%error, "a file could not be found");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer; try again\n").into_response()
        }
    }
}

/// Content by content, as it is read.
fn send(app: Arc<App>, (size_bytes, contents): File) -> Response {
    let contents = stream::iter(contents).then(move |content| {
        let app = Arc::clone(&app);
        async move {
            let bytes = app.objects.contents.read(&content.id, 0..content.size_bytes).await;
            bytes.map_err(|error| {
                tracing::error!(%error, content = content.id, "a file could not be read");
                std::io::Error::other("the object store failed")
            })
        }
    });
    let mut response = Response::new(Body::from_stream(contents.try_flatten()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    response
}
