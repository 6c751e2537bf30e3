//! One port for everything: which request goes where.

pub(crate) mod answer;
mod attachments;
mod console;
pub(crate) mod dispatch;
mod events;
mod listener;
mod snapshots;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::{App, Mode};

pub use listener::{Peer, Scheme, serve};

/// Above AWS's own limits for one inventory upload; below what would hurt.
pub(crate) const BODY_LIMIT_BYTES: usize = 8 * 1024 * 1024;

pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .merge(crate::agents::routes())
        .merge(snapshots::routes())
        .merge(attachments::routes())
        .merge(console::routes())
        .merge(events::routes())
        .fallback(dispatch::aws);
    if app.mode == Mode::Ephemeral {
        router = router.route("/_fettle/reset", post(reset));
    }
    // The dispatcher reads bodies itself, with its own limit and error.
    router
        .layer(DefaultBodyLimit::disable())
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), crate::s3::first))
        .with_state(app)
}

/// 200 while the store answers.
async fn health(State(app): State<Arc<App>>) -> Response {
    let answered = async {
        let mut tx = app.store().read_each().await?;
        tx.query("SELECT 1", &[]).await
    };
    match answered.await {
        Ok(_) if !app.is_shutting_down() => (StatusCode::OK, "ok\n").into_response(),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response()
        }
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.to_text()).into_response()
}

async fn reset(State(app): State<Arc<App>>) -> Response {
    match app.wipe().await {
        Ok(()) => (StatusCode::OK, "{}").into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot start over");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
