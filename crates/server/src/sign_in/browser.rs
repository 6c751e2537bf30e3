//! What a browser sends beside its request, and gets back beside the answer: the cookie of its session, and the page that
//! asked. Requests of other pages are refused wherever the cookie alone says who asks.
//! Source: Fetch Metadata Request Headers; RFC 6265bis.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use api::fettle::ErrorCode;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use super::SESSION_SECONDS;
use crate::error::ApiError;
use crate::http::{Peer, Scheme};

const COOKIE: &str = "fettle_session";

#[derive(Debug, Default)]
pub struct Browser {
    /// What the session's cookie holds.
    pub cookie: Option<String>,
    pub address: Option<IpAddr>,
    is_foreign: bool,
    is_https: bool,
    /// For the answer: what the cookie is to hold, or nothing.
    answer: Mutex<Option<Option<String>>>,
}

impl Browser {
    pub fn of(parts: &Parts) -> Self {
        let is_https = parts.extensions.get::<Scheme>() == Some(&Scheme::Https)
            || text(&parts.headers, "origin").is_some_and(|origin| origin.starts_with("https://"));
        Self {
            cookie: cookie(&parts.headers),
            address: parts.extensions.get::<Peer>().map(|peer| peer.0.ip()),
            is_foreign: is_foreign(&parts.headers),
            is_https,
            answer: Mutex::default(),
        }
    }

    #[cfg(test)]
    pub fn with_cookie(cookie: Option<&str>) -> Self {
        Self { cookie: cookie.map(str::to_owned), ..Self::default() }
    }

    /// Refuses what a page of another origin has the browser send.
    pub fn require_own_page(&self) -> Result<(), ApiError> {
        match self.is_foreign {
            true => {
                let message = "the request comes from a page of another origin";
                Err(ApiError::new(ErrorCode::AccessDeniedException, message))
            }
            false => Ok(()),
        }
    }

    /// The answer makes the browser keep this, or forget what it has.
    pub fn answer_with(&self, cookie: Option<String>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(cookie);
    }

    /// `None`: the browser keeps what it has.
    pub fn set_cookie(&self) -> Option<HeaderValue> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, seconds) = match answer.as_ref()? {
            Some(value) => (value.as_str(), SESSION_SECONDS),
            None => ("", 0),
        };
        let secure = if self.is_https { "; Secure" } else { "" };
        let text = format!("{COOKIE}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
        .filter(|value| !value.is_empty())
}

/// Browsers say so themselves; older ones name the page's origin, which is then the address of this server. Who says
/// neither is no page that runs in a browser.
fn is_foreign(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin";
    }
    let Some(origin) = headers.get("origin") else { return false };
    let host = text(headers, "host").unwrap_or_default();
    let named = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    !named.is_some_and(|(_, named)| named.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn pages_of_other_origins() {
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            assert_eq!(is_foreign(&headers(pairs)), expected, "{pairs:?}");
        };
        check(&[("host", "a:1")], false);
        check(&[("host", "a:1"), ("sec-fetch-site", "same-origin")], false);
        check(&[("host", "a:1"), ("sec-fetch-site", "same-site")], true);
        check(&[("host", "a:1"), ("sec-fetch-site", "cross-site"), ("origin", "http://a:1")], true);
        check(&[("host", "a:1"), ("sec-fetch-site", "none")], true);
        check(&[("host", "a:1"), ("origin", "http://a:1")], false);
        check(&[("host", "A:1"), ("origin", "https://a:1")], false);
        check(&[("host", "a:1"), ("origin", "http://a:2")], true);
        check(&[("host", "a:1"), ("origin", "null")], true);
        check(&[("host", ""), ("origin", "null")], true);
    }

    #[test]
    fn reads_and_writes_its_cookie() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(cookie(&headers(&[("cookie", line)])).as_deref(), expected, "{line}");
        };
        check("fettle_session=abc", Some("abc"));
        check("a=b; fettle_session=abc; c", Some("abc"));
        check("xfettle_session=abc", None);
        check("fettle_session=", None);
        assert_eq!(cookie(&HeaderMap::new()), None);

        let browser = Browser::default();
        assert_eq!(browser.set_cookie(), None);
        browser.answer_with(Some("abc".to_owned()));
        let set = "fettle_session=abc; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict";
        assert_eq!(browser.set_cookie().unwrap(), set);
        browser.answer_with(None);
        assert_eq!(
            browser.set_cookie().unwrap(),
            "fettle_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
        );
        let browser = Browser { is_https: true, ..Browser::default() };
        browser.answer_with(Some("abc".to_owned()));
        assert!(browser.set_cookie().unwrap().to_str().unwrap().ends_with("; Secure"));
    }
}
