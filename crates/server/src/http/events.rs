//! `GET /_fettle/events`: one stream of server-sent events for each open page. The session's cookie says whose page it is; no
//! event is sent, and no stream goes on, once the session has ended.
//! Source: HTML standard, server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response, header};
use axum::routing::get;
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::answer;
use crate::app::App;
use crate::error::ApiError;
use crate::events::Event;
use crate::sign_in::attempts::throttled;
use crate::sign_in::{self, Browser};

/// A comment keeps what is between from closing the connection, and finds out whether the session goes on.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/_fettle/events", get(events))
}

async fn events(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    match open(&app, &Browser::of(&parts)).await {
        Ok(client) => {
            let body = Body::from_stream(stream::unfold(client, Client::next));
            let mut response = Response::new(body);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            // Proxies would wait for more.
            headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
            response
        }
        Err(error) => answer::json_error(&uuid::Uuid::new_v4().to_string(), &error),
    }
}

async fn open(app: &Arc<App>, browser: &Browser) -> Result<Client, ApiError> {
    browser.require_own_page()?;
    let refused = || ApiError::new(api::fettle::ErrorCode::AccessDeniedException, "nobody is signed in");
    let session_sha256 = sign_in::hash(browser.cookie.as_deref().ok_or_else(refused)?);
    let place = Arc::clone(&app.events.streams).try_acquire_owned().map_err(|_| throttled(60))?;
    // Before the session is looked at, so that nothing is missed between.
    let receiver = app.events.subscribe();
    let mut ticks = interval_at(Instant::now() + COMMENT_EVERY, COMMENT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let client =
        Client { app: Arc::clone(app), session_sha256, receiver, ticks, is_new: true, _place: place };
    if client.is_signed_in().await { Ok(client) } else { Err(refused()) }
}

struct Client {
    app: Arc<App>,
    session_sha256: String,
    receiver: Receiver<Event>,
    ticks: Interval,
    is_new: bool,
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// The next lines, or the end.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let lines = if std::mem::take(&mut self.is_new) {
            // Pages that lose the connection come back after so many milliseconds.
            "retry: 2000\n\n".to_owned()
        } else {
            let app = Arc::clone(&self.app);
            tokio::select! {
                event = self.receiver.recv() => match event {
                    Ok(event) => data(&event),
                    Err(RecvError::Lagged(_)) => data(&Event { topic: "all", id: None }),
                    Err(RecvError::Closed) => return None,
                },
                _ = self.ticks.tick() => ":\n\n".to_owned(),
                () = app.shutting_down() => return None,
            }
        };
        self.is_signed_in().await.then(|| (Ok(Bytes::from(lines)), self))
    }

    /// Where the store does not answer, the page comes back.
    async fn is_signed_in(&self) -> bool {
        let found = async {
            let mut tx = self.app.store().read_each().await?;
            sign_in::open_session(&mut tx, &self.session_sha256, self.app.now()).await
        };
        found.await.is_ok_and(|session| session.is_some())
    }
}

fn data(event: &Event) -> String {
    format!("data: {}\n\n", serde_json::to_string(event).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;
    use tokio::time::timeout;
    use tower::ServiceExt;

    use super::*;
    use crate::commands::now;
    use crate::jobs;
    use crate::operations::Service;
    use crate::testing::{TestServer, call};

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn get(app: &Arc<App>, cookie: Option<&str>) -> Response<Body> {
        let mut request =
            Request::get("/_fettle/events").header("host", "a").header("sec-fetch-site", "same-origin");
        if let Some(cookie) = cookie {
            request = request.header("cookie", format!("fettle_session={cookie}"));
        }
        crate::http::router(Arc::clone(app)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn line(body: &mut Body) -> Option<String> {
        let frame = timeout(PATIENCE, body.frame()).await.unwrap()?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    }

    async fn until(body: &mut Body, wanted: &str) {
        loop {
            if line(body).await.expect("the stream goes on").contains(wanted) {
                return;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_hears_of_changes_here_and_on_other_servers_until_it_is_signed_out() {
        for mut server in TestServer::on_each_engine().await {
            server.now = now();
            let here = jobs::start(Arc::clone(&server.app));
            for cookie in [None, Some("x")] {
                assert_eq!(get(&server.app, cookie).await.status(), 400);
            }

            let cookie = "secret";
            let session = sign_in::session(
                &server.root().account,
                &server.root().region,
                domain::principal::Principal::Root,
                server.now,
                3600,
            );
            let mut tx = server.app.store().write().await.unwrap();
            store::sign_in::insert(&mut tx, &sign_in::hash(cookie), &session).await.unwrap();
            tx.commit().await.unwrap();

            let response = get(&server.app, Some(cookie)).await;
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
            let mut body = response.into_body();
            assert_eq!(line(&mut body).await.as_deref(), Some("retry: 2000\n\n"));
            let baseline = json!({"Name": "mine", "OperatingSystem": "DEBIAN"});
            server.answer("CreatePatchBaseline", baseline).await;
            until(&mut body, r#"{"topic":"baselines"}"#).await;
            let secret = json!({"Name": "/db/password", "Value": "v", "Type": "SecureString"});
            server.answer("PutParameter", secret).await;
            until(&mut body, r#"{"topic":"parameters"}"#).await;

            if !server.app.store().is_embedded() {
                let there = server.another().await;
                let far = jobs::start(Arc::clone(&there));
                let mut far_body = get(&there, Some(cookie)).await.into_body();
                let request = json!({"UserName": "ann"});
                call(&server.root(), Service::Fettle, "CreateUser", request).await.unwrap();
                until(&mut far_body, r#"{"topic":"users"}"#).await;
                far.stop().await;
            }

            let mut tx = server.app.store().write().await.unwrap();
            store::sign_in::end(&mut tx, &sign_in::hash(cookie)).await.unwrap();
            tx.commit().await.unwrap();
            server.add_node(1).await;
            while let Some(line) = line(&mut body).await {
                assert!(!line.contains("nodes"), "{line}");
            }
            here.stop().await;
        }
    }
}
