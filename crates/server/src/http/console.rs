//! The web console: files of its build, below `/console/`. Its pages ask the API like every other client; nothing
//! here knows who asks. Where the server was built without it, a page says how to get it.
//! Source: docs/decisions/0030-console.md.

use std::io::Read as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use console_assets::{Asset, Content};

use crate::app::App;

/// Everything comes from this server, no script or style stands in a page, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The names of these files change with their content.
const HASHED: &str = "assets/";
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>Fettle</title><h1>This server has no console</h1>\
    <p>It was built without it. Where node 18 or newer and npm are installed, <code>make console</code> makes it, and \
    <code>make up</code> builds a server that has it.</p><p>Everything else works: see the AWS CLI in the README.</p></html>\n";

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/console", get(|| async { Redirect::permanent("/console/") }))
        .route("/console/", get(index))
        .route("/console/{*path}", get(file))
}

async fn index(headers: HeaderMap) -> Response<Body> {
    match console_assets::find("index.html") {
        Some(asset) => answer(asset, &headers),
        None => not_built(),
    }
}

async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response<Body> {
    match console_assets::find(&path) {
        Some(asset) => answer(asset, &headers),
        None if console_assets::is_built() => {
            guarded((StatusCode::NOT_FOUND, "the console has no such file\n").into_response())
        }
        None => not_built(),
    }
}

fn not_built() -> Response<Body> {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    guarded((StatusCode::NOT_FOUND, kind, NOT_BUILT).into_response())
}

fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response<Body> {
    let cache = if asset.path.starts_with(HASHED) { FOR_GOOD } else { ASK_AGAIN };
    let fixed = [
        (header::CONTENT_TYPE, kind_of(asset.path)),
        (header::CACHE_CONTROL, cache),
        (header::ETAG, asset.tag),
        (header::VARY, "accept-encoding"),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.tag)) {
        return guarded((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let (bytes, encoding) = match asset.content {
        Content::Plain(bytes) => (bytes.to_vec(), None),
        Content::Packed { brotli, .. } if accepts(headers, "br") => (brotli.to_vec(), Some("br")),
        Content::Packed { gzip, .. } if accepts(headers, "gzip") => (gzip.to_vec(), Some("gzip")),
        Content::Packed { gzip, .. } => match unpacked(gzip) {
            Ok(bytes) => (bytes, None),
            Err(error) => {
                tracing::error!(%error, path = asset.path, "a file of the console cannot be unpacked");
                return guarded(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            }
        },
    };
    let mut response = (fixed, bytes).into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    guarded(response)
}

fn guarded(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whether the client named this coding, and not to refuse it.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case(coding)
            && weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

fn unpacked(gzip: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepted: &'static str, coding: &str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        assert_eq!(accepts(&headers, coding), expected, "{accepted} {coding}");
    }

    #[test]
    fn sends_only_what_is_accepted() {
        check("gzip, deflate, br", "br", true);
        check("gzip;q=1.0, br;q=0", "br", false);
        check("gzip;q=1.0, br;q=0", "gzip", true);
        check("brotli", "br", false);
        check("", "gzip", false);
    }

    static PAGE: Asset = Asset {
        path: "index.html",
        tag: "\"1\"",
        content: Content::Packed { brotli: b"packed", gzip: b"no gzip" },
    };

    #[test]
    fn pages_are_guarded_and_asked_for_again() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br"));
        let response = answer(&PAGE, &headers);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
        assert_eq!(response.headers()[header::CACHE_CONTROL], ASK_AGAIN);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe"), "{policy}");

        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"0\", W/\"1\""));
        assert_eq!(answer(&PAGE, &headers).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn what_cannot_be_unpacked_is_no_page() {
        assert_eq!(answer(&PAGE, &HeaderMap::new()).status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
