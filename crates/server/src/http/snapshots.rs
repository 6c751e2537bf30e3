//! The addresses that GetDeployablePatchSnapshotForInstance gives out. They need no signature:
//! whoever has one may read, until it expires.
//! Source: spec patch-manager 4.4.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use store::{StoreError, snapshots};

use crate::app::App;
use crate::commands::now;
use crate::operations::patch_baselines::snapshot;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/_fettle/snapshots/{token}", get(download))
}

async fn download(State(app): State<Arc<App>>, Path(token): Path<String>) -> Response {
    let now = now();
    // Forged and expired look alike, as with presigned addresses elsewhere.
    let Some(key) = snapshot::open_token(&app.keyring, &token, now) else {
        return (StatusCode::FORBIDDEN, "this address is not valid or has expired\n").into_response();
    };
    let found = async {
        let mut tx = app.store().read_each().await?;
        snapshots::find(&mut tx, &key, snapshot::gone_since(now)).await
    };
    answer(found.await)
}

fn answer(found: Result<Option<snapshots::Snapshot>, StoreError>) -> Response {
    match found {
        Ok(Some(snapshot)) => {
            ([(header::CONTENT_TYPE, "application/json")], snapshot.content).into_response()
        }
        Ok(None) => (StatusCode::NOT_FOUND, "this snapshot is no longer kept\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "a snapshot could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer; try again\n").into_response()
        }
    }
}
