//! HTTP and TLS, outbound only. Blocking: call it from a thread that may wait.
//! Signatures and meanings of answers belong to `sign` and `call`.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::{Endpoint, Scheme};
use super::objects::REGION_HEADER;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// Longest answer that is read into memory.
const MAX_ANSWER_BYTES: u64 = 32 << 20;

/// What is read of an answer that is a refusal.
const REFUSAL_BYTES: u64 = 16 << 10;

/// Connecting, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that nobody used for this long is closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct Http {
    agent: ureq::Agent,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Where an object store says that a bucket is.
    pub bucket_region: Option<String>,
}

/// What was said of a body that went elsewhere.
#[derive(Debug)]
pub struct Saved {
    pub status: u16,
    /// Of an answer that sends its reader elsewhere.
    pub location: Option<String>,
    pub bucket_region: Option<String>,
    /// The beginning of the body when it was not the one that was asked for.
    pub refusal: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("{url}: it has more than {limit_bytes} bytes")]
    TooLarge { url: String, limit_bytes: u64 },
    #[error("{url}: it cannot be kept")]
    Kept {
        url: String,
        #[source]
        source: io::Error,
    },
}

/// The server was not reached, or did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer from {url}")]
pub struct TransportError {
    url: String,
    #[source]
    source: Box<ureq::Error>,
}

impl TransportError {
    /// Whether the way to the server was cut or nobody listened there, which may be over in a moment.
    pub fn is_of_the_way(&self) -> bool {
        use ureq::Error::{ConnectionFailed, HostNotFound, Io, Timeout};
        matches!(*self.source, ConnectionFailed | HostNotFound | Io(_) | Timeout(_))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("the certificate file is not PEM")]
    NotPem(#[source] rustls::pki_types::pem::Error),
    #[error("the certificate file holds no certificate")]
    Empty,
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

/// Whom to trust: the system's roots, and the certificates of the file given at enrolment.
/// Built anew for every use, so that nothing large stays in memory.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// PEM; empty when no file was given.
    pub extra_pem: String,
}

impl Trust {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TrustError> {
        let mut certificates = Vec::new();
        if !self.extra_pem.is_empty() {
            for certificate in CertificateDer::pem_slice_iter(self.extra_pem.as_bytes()) {
                certificates.push(certificate.map_err(TrustError::NotPem)?);
            }
            if certificates.is_empty() {
                return Err(TrustError::Empty);
            }
        }
        let native = rustls_native_certs::load_native_certs();
        if native.certs.is_empty() && certificates.is_empty() {
            tracing::warn!(errors = ?native.errors, "this system has no trusted certificates");
        }
        certificates.extend(native.certs);
        Ok(certificates)
    }

    /// For the websocket.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.certificates()?);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

impl Http {
    /// Plain HTTP only.
    pub fn without_tls() -> Self {
        Self { agent: config(TlsConfig::builder().provider(TlsProvider::Rustls).build()) }
    }

    pub fn with_tls(trust: &Trust) -> Result<Self, TrustError> {
        let certificates: Vec<Certificate<'static>> = trust
            .certificates()?
            .iter()
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(certificates)))
            .build();
        Ok(Self { agent: config(tls) })
    }

    /// With TLS where the endpoint asks for it.
    pub fn to(endpoint: &Endpoint, trust: &Trust) -> Result<Self, TrustError> {
        match endpoint.scheme() {
            Scheme::Http => Ok(Self::without_tls()),
            Scheme::Https => Self::with_tls(trust),
        }
    }

    /// Any status is an answer.
    pub fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        timeout: Duration,
    ) -> Result<Answer, TransportError> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.config().timeout_global(Some(timeout)).build().send(body);
        read(url, answer, MAX_ANSWER_BYTES)
    }

    pub fn get(&self, url: &str, timeout: Duration) -> Result<Answer, TransportError> {
        self.get_signed(url, &[], timeout, MAX_ANSWER_BYTES)
    }

    /// With headers, and no more of the answer than `limit_bytes`.
    pub fn get_signed(
        &self,
        url: &str,
        headers: &[(String, String)],
        timeout: Duration,
        limit_bytes: u64,
    ) -> Result<Answer, TransportError> {
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        read(url, request.config().timeout_global(Some(timeout)).build().call(), limit_bytes)
    }

    /// The body of an answer with status 200 goes into `sink` as it comes, up to `limit_bytes`.
    pub fn save(
        &self,
        url: &str,
        headers: &[(String, String)],
        timeout: Duration,
        limit_bytes: u64,
        sink: &mut dyn Write,
    ) -> Result<Saved, SaveError> {
        let failed = |source| failure(url, source);
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.config().timeout_global(Some(timeout)).build().call();
        let mut answer = answer.map_err(failed)?;
        let status = answer.status().as_u16();
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let (location, bucket_region) = (header("location"), header(REGION_HEADER));
        let mut body = answer.body_mut().as_reader();
        if status != 200 {
            let mut refusal = Vec::new();
            body.take(REFUSAL_BYTES).read_to_end(&mut refusal).map_err(io_error).map_err(failed)?;
            return Ok(Saved { status, location, bucket_region, refusal });
        }
        let mut left = limit_bytes;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = body.read(&mut buffer).map_err(io_error).map_err(failed)?;
            if count == 0 {
                return Ok(Saved { status, location, bucket_region, refusal: Vec::new() });
            }
            let too_large = || SaveError::TooLarge { url: shown(url), limit_bytes };
            left = left.checked_sub(count as u64).ok_or_else(too_large)?;
            let kept = |source| SaveError::Kept { url: shown(url), source };
            sink.write_all(&buffer[..count]).map_err(kept)?;
        }
    }

    /// Sends the rest of a file; `headers` say how long that is.
    pub fn put_signed(
        &self,
        url: &str,
        headers: &[(String, String)],
        file: &std::fs::File,
        timeout: Duration,
    ) -> Result<Answer, TransportError> {
        let mut request = self.agent.put(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut file = file;
        let body = ureq::SendBody::from_reader(&mut file);
        let answer = request.config().timeout_global(Some(timeout)).build().send(body);
        read(url, answer, MAX_ANSWER_BYTES)
    }

    pub fn put_empty(
        &self,
        url: &str,
        headers: &[(String, String)],
        timeout: Duration,
    ) -> Result<Answer, TransportError> {
        let mut request = self.agent.put(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.config().timeout_global(Some(timeout)).build().send_empty();
        read(url, answer, MAX_ANSWER_BYTES)
    }
}

fn config(tls: TlsConfig) -> ureq::Agent {
    ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .max_idle_connections(2)
        .max_idle_connections_per_host(2)
        .max_idle_age(IDLE_CONNECTION)
        .input_buffer_size(16 << 10)
        .output_buffer_size(16 << 10)
        .user_agent(concat!("fettle-agent/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("")
        .build()
        .new_agent()
}

fn read(
    url: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    limit_bytes: u64,
) -> Result<Answer, TransportError> {
    let failed = |source| failure(url, source);
    let mut answer = answer.map_err(failed)?;
    let mut body = Vec::new();
    answer
        .body_mut()
        .as_reader()
        .take(limit_bytes)
        .read_to_end(&mut body)
        .map_err(io_error)
        .map_err(failed)?;
    let region = answer.headers().get(REGION_HEADER).and_then(|region| region.to_str().ok());
    Ok(Answer { status: answer.status().as_u16(), body, bucket_region: region.map(str::to_owned) })
}

fn failure(url: &str, source: ureq::Error) -> TransportError {
    TransportError { url: shown(url), source: Box::new(source) }
}

/// Path and query of a download's address are secrets.
fn shown(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

fn io_error(error: io::Error) -> ureq::Error {
    ureq::Error::Io(error)
}
