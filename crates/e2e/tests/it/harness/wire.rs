//! Requests as bytes, so that tests can send what no client would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use api::Timestamp;
use api::sigv4::{Credentials, PathStyle, RequestParts, Signer, payload_hash};
use serde_json::Value;

use super::server::REGION;

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A request that is right in every respect until a test spoils it.
#[derive(Clone)]
pub struct Call {
    pub address: SocketAddr,
    pub target: String,
    pub service: String,
    pub region: String,
    pub credentials: Credentials,
    pub at: Timestamp,
    pub body: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Call {
    pub fn new(address: SocketAddr, credentials: &Credentials, service: &str, target: &str) -> Self {
        Self {
            address,
            target: target.to_owned(),
            service: service.to_owned(),
            region: REGION.to_owned(),
            credentials: credentials.clone(),
            at: cli::client::now(),
            body: b"{}".to_vec(),
        }
    }

    pub fn headers(&self) -> Vec<(String, String)> {
        let plain = [
            ("host", self.address.to_string()),
            ("content-type", CONTENT_TYPE.to_owned()),
            ("x-amz-target", self.target.clone()),
        ];
        plain.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub fn signed_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers();
        let borrowed: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &borrowed };
        let signer = Signer {
            credentials: &self.credentials,
            region: &self.region,
            service: &self.service,
            style: PathStyle::Normalized,
        };
        let added = signer.sign(&parts, &payload_hash(&self.body), self.at).unwrap();
        headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        headers
    }

    pub fn send(&self) -> Answer {
        self.send_with(&self.signed_headers())
    }

    pub fn send_unsigned(&self) -> Answer {
        self.send_with(&self.headers())
    }

    pub fn send_with(&self, headers: &[(String, String)]) -> Answer {
        exchange(self.address, "POST", "/", headers, &self.body)
            .unwrap_or_else(|error| panic!("{}: the connection was dropped: {error}", self.target))
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The error code; `ok` for a success. Whatever else comes back fails the test.
    pub fn code(&self) -> String {
        if self.status == 200 {
            return "ok".to_owned();
        }
        let body = self.json();
        let code = body["__type"].as_str().unwrap_or_else(|| panic!("no __type in {body}")).to_owned();
        assert!(body["message"].is_string(), "{body}");
        assert!(self.status < 500, "HTTP {}: {body}", self.status);
        let head = self.head.to_lowercase();
        assert!(head.contains(&format!("x-amzn-errortype: {}\r\n", code.to_lowercase())), "{head}");
        code
    }
}

/// One request on a connection of its own.
pub fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    // A server may answer and close before it has read everything: the answer counts.
    let written = stream.write_all(&bytes);
    let mut answer = vec![];
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        written?;
        read?;
    }
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("no answer in {} bytes", answer.len())))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end + 4].to_vec()).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = answer[end + 4..].to_vec();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    (length == Some(body.len())).then_some(Answer { status, head, body })
}
