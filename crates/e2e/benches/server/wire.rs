//! A small signing HTTP client over one kept connection: as little client work as can be, since
//! client and server share the machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use api::Timestamp;
use api::sigv4::{Credentials, PathStyle, RequestParts, Signer, payload_hash};
use serde_json::Value;

pub const REGION: &str = "us-east-1";

/// An access key, perhaps with a session token.
pub struct Keys(pub Credentials);

impl Keys {
    pub fn from_environment() -> Self {
        let read = |name: &str| std::env::var(name).unwrap();
        Self(Credentials {
            access_key_id: read("AWS_ACCESS_KEY_ID"),
            secret_access_key: read("AWS_SECRET_ACCESS_KEY"),
            session_token: None,
        })
    }
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Kept,
    Closed,
}

/// One kept connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    pub fn open(host: &str) -> Self {
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), host: host.to_owned() }
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn call(&mut self, keys: &Keys, target: &str, request: &Value) -> Value {
        self.send(keys, target, request.to_string().as_bytes())
    }

    /// Signs with the keys and panics on any answer but a success.
    pub fn send(&mut self, keys: &Keys, target: &str, body: &[u8]) -> Value {
        let host = self.host.clone();
        let headers = [("host", host.as_str()), ("content-type", CONTENT_TYPE), ("x-amz-target", target)];
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
        let service = if target.starts_with("Fettle.") { "fettle" } else { "ssm" };
        let signer = Signer { credentials: &keys.0, region: REGION, service, style: PathStyle::Normalized };
        let added = signer.sign(&parts, &payload_hash(body), now()).unwrap();
        self.exchange(&headers, &added, body)
    }

    /// With headers that the caller has made, or none.
    pub fn exchange(&mut self, headers: &[(&str, &str)], added: &[(&str, String)], body: &[u8]) -> Value {
        let mut head = String::from("POST / HTTP/1.1\r\n");
        let added = added.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in headers.iter().copied().chain(added) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        self.stream.get_mut().write_all(&message).unwrap();
        let (status, answer, end) = self.answer();
        if end == End::Closed {
            *self = Self::open(&self.host);
        }
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn answer(&mut self) -> (u16, Vec<u8>, End) {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let (mut length, mut end) = (0, End::Kept);
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                } else if name.eq_ignore_ascii_case("connection")
                    && value.trim().eq_ignore_ascii_case("close")
                {
                    end = End::Closed;
                }
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (status, body, end)
    }
}

pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}
