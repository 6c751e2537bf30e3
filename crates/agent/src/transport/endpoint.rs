//! The server's address, as given at enrolment: one URL for everything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `https://host[:port]` or `http://host[:port]`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    /// Without brackets.
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("`{0}` does not begin with https:// or http://")]
    Scheme(String),
    #[error("`{0}` has no host, or a port that is not a number")]
    Authority(String),
    #[error("`{0}` must not have a path, query or user name")]
    Excess(String),
}

impl Endpoint {
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The `Host` header: with the port unless it is the scheme's own.
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}{path}", self.host_header())
    }

    /// The same for a websocket.
    pub fn websocket_url(&self, path_and_query: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "ws",
            Scheme::Https => "wss",
        };
        format!("{scheme}://{}{path_and_query}", self.host_header())
    }
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(EndpointError::Scheme(text.to_owned()));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(EndpointError::Excess(text.to_owned()));
        }
        let (host, port) = split_port(authority).ok_or_else(|| EndpointError::Authority(text.to_owned()))?;
        let port = match port {
            None => scheme.default_port(),
            Some(port) => port.parse().map_err(|_| EndpointError::Authority(text.to_owned()))?,
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(EndpointError::Authority(text.to_owned()));
        }
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port })
    }
}

/// IPv6 addresses stand in brackets.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, Some(port))),
        Some(_) => None,
        None => Some((authority, None)),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(""))
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        let check = |text: &str, printed: &str, host: &str, port: u16| {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(
                (endpoint.to_string().as_str(), endpoint.host(), endpoint.port()),
                (printed, host, port)
            );
        };
        check("https://fettle.example.org", "https://fettle.example.org", "fettle.example.org", 443);
        check(
            "https://Fettle.example.org:8443/",
            "https://fettle.example.org:8443",
            "fettle.example.org",
            8443,
        );
        check("http://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1", 80);
        check("https://[::1]:8443", "https://[::1]:8443", "::1", 8443);
        check("http://[fe80::1]", "http://[fe80::1]", "fe80::1", 80);
    }

    #[test]
    fn refuses_what_it_cannot_reach() {
        for text in [
            "",
            "fettle.example.org",
            "ftp://x",
            "https://",
            "https://x:port",
            "https://x:70000",
            "https://::1",
            "https://x/path",
            "https://x?y",
            "https://user@x",
            "https://[::1",
            "https://[::1]x",
            "https://a b",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn makes_websocket_urls() {
        let endpoint: Endpoint = "https://x:8443".parse().unwrap();
        assert_eq!(endpoint.websocket_url("/v1/a?b=c"), "wss://x:8443/v1/a?b=c");
    }
}
