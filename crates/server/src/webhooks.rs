//! Webhooks: the addresses that the operator of this server lets tasks of maintenance windows and steps of runbooks call, and calling one.
//! What is sent is decided in `domain::window`; when it is, and what an answer means for a run, in `windows::call`.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::window::WebhookCall;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::uri::{Authority, Parts, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From asking for a connection to the beginning of the answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_NAME: usize = 140;
/// Of what a step of a runbook takes of an answer.
const MAX_ANSWER_BYTES: usize = 200 * 1024;
/// The same for every attempt of one piece of work, so that its receiver can tell a repetition.
const KEY: &str = "idempotency-key";

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[derive(Clone, Default)]
pub struct Webhooks {
    addresses: BTreeMap<String, Address>,
    /// Where there is an address.
    client: Option<HttpClient>,
}

/// May hold a secret, and so is never shown.
#[derive(Clone)]
struct Address {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("line {line}: {reason}")]
    Line { line: usize, reason: String },
    #[error("this machine's certificate authorities cannot be read")]
    Authorities(#[source] std::io::Error),
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200 to 299.
    Accepted,
    /// Anything else that was said, or that nothing could be asked.
    Refused(String),
    /// Nothing was said in time.
    Silent(String),
}

impl Webhooks {
    /// Lines of a name and an address; `#` begins a remark.
    pub fn parse(text: &str) -> Result<Self, WebhookError> {
        let mut webhooks = Self::default();
        for (line, content) in (1..).zip(text.lines()) {
            let wrong = |reason: String| WebhookError::Line { line, reason };
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let mut words = content.split_whitespace();
            let (Some(name), Some(url), None) = (words.next(), words.next(), words.next()) else {
                return Err(wrong("expected a name and a URL".to_owned()));
            };
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            if name.len() > MAX_NAME || !name.bytes().all(is_plain) {
                return Err(wrong(format!(
                    "`{}` is not a name: letters, digits, `_`, `-` and `.`, at most {MAX_NAME}",
                    name.chars().take(MAX_NAME).collect::<String>()
                )));
            }
            let address = Address::parse(url).map_err(wrong)?;
            if webhooks.addresses.insert(name.to_owned(), address).is_some() {
                return Err(wrong(format!("the name `{name}` stands here for the second time")));
            }
        }
        if !webhooks.addresses.is_empty() {
            webhooks.client = Some(client().map_err(WebhookError::Authorities)?);
        }
        Ok(webhooks)
    }

    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    pub fn has(&self, name: &str) -> bool {
        self.addresses.contains_key(name)
    }

    /// Asks once. `id` is that of the piece of work.
    pub async fn call(&self, call: &WebhookCall, id: &str) -> Answer {
        match self.send(call, id).await {
            Ok(answer) if answer.status().is_success() => Answer::Accepted,
            Ok(answer) => Answer::Refused(format!("The webhook answered {}.", answer.status())),
            Err(answer) => answer,
        }
    }

    /// As [`Self::call`], for who wants to know what is said: the status and the body, or why there is none.
    pub async fn ask(&self, call: &WebhookCall, id: &str) -> Result<(u16, String), String> {
        let answer = match self.send(call, id).await {
            Ok(answer) => answer,
            Err(Answer::Refused(reason) | Answer::Silent(reason)) => return Err(reason),
            Err(Answer::Accepted) => return Ok((200, String::new())),
        };
        let code = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect();
        match tokio::time::timeout(ANSWER_TIMEOUT, body).await {
            Ok(Ok(body)) => Ok((code, String::from_utf8_lossy(&body.to_bytes()).into_owned())),
            Ok(Err(_)) => {
                Err(format!("The webhook's answer broke off, or has more than {MAX_ANSWER_BYTES} bytes."))
            }
            Err(_) => Err(silence()),
        }
    }

    async fn send(&self, call: &WebhookCall, id: &str) -> Result<Response<Incoming>, Answer> {
        let (Some(address), Some(client)) = (self.addresses.get(&call.name), &self.client) else {
            return Err(Answer::Refused(format!("This server has no webhook `{}`.", call.name)));
        };
        let request = address.request(call, id);
        let request =
            request.map_err(|error| Answer::Refused(format!("The webhook was not called: {error}.")))?;
        match tokio::time::timeout(ANSWER_TIMEOUT, client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(webhook = call.name, error = %chain(&error), "a webhook was not reached");
                let what = if error.is_connect() { "cannot be reached" } else { "did not answer" };
                Err(Answer::Refused(format!("The webhook {what}; the server's log says why.")))
            }
            Err(_) => Err(Answer::Silent(silence())),
        }
    }
}

fn silence() -> String {
    format!("The webhook did not answer within {} seconds.", ANSWER_TIMEOUT.as_secs())
}

fn client() -> std::io::Result<HttpClient> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
    let https = tls.https_or_http().enable_http1().wrap_connector(tcp);
    // Calls are rare: no connection waits for the next one.
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https))
}

impl Address {
    /// A refusal does not repeat the address.
    fn parse(url: &str) -> Result<Self, String> {
        let invalid = || "the address is not a URL such as https://hooks.example.org/drain".to_owned();
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let mut parts: Parts = uri.into_parts();
        let authority = parts.authority.take().ok_or_else(invalid)?;
        let (user, host) = authority
            .as_str()
            .rsplit_once('@')
            .map_or((None, authority.as_str()), |(user, host)| (Some(user), host));
        let host: Authority = host.parse().map_err(|_| invalid())?;
        match &parts.scheme {
            Some(scheme) if *scheme == Scheme::HTTPS => {}
            Some(scheme) if *scheme == Scheme::HTTP && is_loopback(host.host()) => {}
            Some(scheme) if *scheme == Scheme::HTTP => {
                return Err(
                    "http:// is for this machine alone (127.0.0.1, ::1, localhost); use https://".to_owned()
                );
            }
            _ => return Err(invalid()),
        }
        let authorization = user.map(|user| {
            let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user)))
                .expect("base64 is made of characters that a header may have");
            value.set_sensitive(true);
            value
        });
        parts.authority = Some(host);
        let uri = Uri::from_parts(parts).map_err(|_| invalid())?;
        Ok(Self { uri, authorization })
    }

    fn request(&self, call: &WebhookCall, id: &str) -> http::Result<Request<Full<Bytes>>> {
        let mut request =
            Request::post(self.uri.clone()).header(CONTENT_TYPE, "application/json").header(KEY, id);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        request.body(Full::new(Bytes::from(call.body.clone())))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_webhooks_is_read() {
        let text = "# what may be called\n\ndrain https://user:secret@hooks.example.org/drain?x=1\n night http://[::1]:99/\n";
        let webhooks = Webhooks::parse(text).unwrap();
        assert!(webhooks.has("drain") && webhooks.has("night") && !webhooks.has("other"));
        let drain = &webhooks.addresses["drain"];
        assert_eq!(drain.uri.to_string(), "https://hooks.example.org/drain?x=1");
        assert_eq!(drain.authorization.as_ref().unwrap(), "Basic dXNlcjpzZWNyZXQ=");
        assert!(Webhooks::parse("").unwrap().client.is_none());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_address() {
        let rows = [
            ("drain", "line 1: expected a name and a URL"),
            ("\ndrain https://a.example/ more", "line 2: expected a name"),
            ("dr/ain https://a.example/", "`dr/ain` is not a name"),
            ("drain a.example/secret", "the address is not a URL"),
            ("drain ftp://a.example/secret", "the address is not a URL"),
            ("drain http://a.example/secret", "http:// is for this machine alone"),
            ("drain https://a.example/\ndrain https://b.example/secret", "line 2: the name `drain`"),
        ];
        for (text, expected) in rows {
            let error = Webhooks::parse(text).err().unwrap().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
