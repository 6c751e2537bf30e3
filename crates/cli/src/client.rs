//! The typed client: one signed request per call, blocking.
//! Signing is `api::sigv4`; what a request may hold is checked by the server.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api::sigv4::{Credentials, PathStyle, RequestParts, Signer, payload_hash};
use api::{Request, Timestamp};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A server that does not answer within this time is given up.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No answer of the API comes near this.
const BODY_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Where to send requests, and as whom.
pub struct ClientOptions {
    /// `http://127.0.0.1:4510`
    pub endpoint: String,
    pub region: String,
    pub credentials: Credentials,
    /// Certificates to trust instead of the system's: a PEM file's content.
    pub ca_bundle: Option<Vec<u8>>,
}

pub struct Client {
    endpoint: String,
    host: String,
    region: String,
    credentials: Credentials,
    agent: ureq::Agent,
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused: an AWS error code and its text.
    #[error("{message} ({code})")]
    Refused { code: String, message: String, status: u16 },
    #[error("cannot reach {endpoint}")]
    Unreachable { endpoint: String, source: Box<ureq::Error> },
    #[error("the answer of {endpoint} to {target} is not understood: {reason}")]
    Unintelligible { endpoint: String, target: String, reason: String },
    #[error("{0}")]
    Unusable(String),
}

impl ClientError {
    /// The AWS error code, when the server answered with one.
    pub fn code(&self) -> Option<&str> {
        if let Self::Refused { code, .. } = self { Some(code) } else { None }
    }
}

impl Client {
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let endpoint = options.endpoint.trim_end_matches('/').to_owned();
        let host = host_of(&endpoint)?.to_owned();
        let agent = agent(&endpoint, options.ca_bundle.as_deref())?;
        Ok(Self { endpoint, host, region: options.region, credentials: options.credentials, agent })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// Sends a request of any of the JSON services and reads its response.
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Response, ClientError> {
        let body = self.post(R::TARGET, &api::encode(request))?;
        api::decode_response(&body).map_err(|error| self.unintelligible(R::TARGET, &error.to_string()))
    }

    fn post(&self, target: &str, body: &[u8]) -> Result<Vec<u8>, ClientError> {
        let headers =
            [("host", self.host.as_str()), ("content-type", CONTENT_TYPE), ("x-amz-target", target)];
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
        let service = signing_name(target);
        let signer = Signer {
            credentials: &self.credentials,
            region: &self.region,
            service,
            style: PathStyle::Normalized,
        };
        let proof = signer
            .sign(&parts, &payload_hash(body), now())
            .map_err(|error| ClientError::Unusable(format!("the request cannot be signed: {error}")))?;

        let mut request = self.agent.post(format!("{}/", self.endpoint));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in proof {
            request = request.header(name, value);
        }
        let mut response = request.send(body).map_err(|error| self.unreachable(error))?;
        let status = response.status().as_u16();
        let reading = response.body_mut().with_config().limit(BODY_LIMIT_BYTES).read_to_vec();
        let answer = reading.map_err(|error| self.unreachable(error))?;
        if status == 200 { Ok(answer) } else { Err(self.refusal(target, status, &answer)) }
    }

    fn refusal(&self, target: &str, status: u16, answer: &[u8]) -> ClientError {
        let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer) else {
            return self.unintelligible(target, &format!("HTTP status {status}, and not JSON"));
        };
        let text = |name: &str| answer.get(name).and_then(serde_json::Value::as_str);
        let Some(code) = text("__type") else {
            return self.unintelligible(target, &format!("HTTP status {status} without an error code"));
        };
        // Some services put a namespace before the code.
        let code = code.rsplit('#').next().unwrap_or(code).to_owned();
        let message = text("message").or(text("Message")).unwrap_or("no further explanation").to_owned();
        ClientError::Refused { code, message, status }
    }

    fn unreachable(&self, source: ureq::Error) -> ClientError {
        ClientError::Unreachable { endpoint: self.endpoint.clone(), source: Box::new(source) }
    }

    fn unintelligible(&self, target: &str, reason: &str) -> ClientError {
        let (endpoint, target, reason) = (self.endpoint.clone(), target.to_owned(), reason.to_owned());
        ClientError::Unintelligible { endpoint, target, reason }
    }
}

/// As in credential scopes.
fn signing_name(target: &str) -> &'static str {
    match target.split('.').next() {
        Some(api::fettle::TARGET_PREFIX) => "fettle",
        Some(api::mds::TARGET_PREFIX) => "ec2messages",
        _ => "ssm",
    }
}

fn host_of(endpoint: &str) -> Result<&str, ClientError> {
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => Ok(host),
        _ => Err(ClientError::Unusable(format!(
            "`{endpoint}` is not an endpoint: expected http://HOST:PORT or https://HOST:PORT"
        ))),
    }
}

/// For what is fetched from elsewhere: follows the environment's proxy, trusts the system's certificates.
pub fn fetcher() -> Result<ureq::Agent, ClientError> {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(roots(None)?);
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("fettle/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .tls_config(tls.build());
    Ok(config.build().new_agent())
}

fn agent(endpoint: &str, ca_bundle: Option<&[u8]>) -> Result<ureq::Agent, ClientError> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .user_agent(concat!("fettle/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_global(Some(TIMEOUT));
    if endpoint.starts_with("https://") {
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(roots(ca_bundle)?);
        config = config.tls_config(tls.build());
    }
    Ok(config.build().new_agent())
}

fn roots(ca_bundle: Option<&[u8]>) -> Result<RootCerts, ClientError> {
    let mut certificates = vec![];
    match ca_bundle {
        Some(pem) => {
            for item in ureq::tls::parse_pem(pem) {
                match item {
                    Ok(ureq::tls::PemItem::Certificate(certificate)) => certificates.push(certificate),
                    Ok(_) => {}
                    Err(error) => {
                        let text = format!("the file with trusted certificates is not PEM: {error}");
                        return Err(ClientError::Unusable(text));
                    }
                }
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs().certs;
            certificates.extend(system.iter().map(|der| Certificate::from_der(der).to_owned()));
        }
    }
    if certificates.is_empty() {
        return Err(ClientError::Unusable("no trusted certificates: give --ca-bundle FILE".to_owned()));
    }
    Ok(RootCerts::from(certificates))
}

/// The system's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_endpoints_without_paths() {
        assert_eq!(host_of("http://127.0.0.1:4510").unwrap(), "127.0.0.1:4510");
        assert_eq!(host_of("https://fettle.example").unwrap(), "fettle.example");
        for text in ["", "127.0.0.1:4510", "ftp://a", "http://", "http://a/b", "http://user@a"] {
            assert!(host_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn signs_for_the_service_of_the_target() {
        assert_eq!(signing_name("AmazonSSM.SendCommand"), "ssm");
        assert_eq!(signing_name("Fettle.GetNodeReport"), "fettle");
        assert_eq!(signing_name("EC2WindowsMessageDeliveryService.GetMessages"), "ec2messages");
    }
}
