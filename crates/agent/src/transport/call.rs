//! Calls of the JSON 1.1 operations with the node's credentials, and what their failures mean.
//! Blocking; [`Caller::call`] moves the work to a thread that may wait.

use std::sync::Arc;
use std::time::Duration;

use api::{Request, Timestamp};
use serde::Deserialize;

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::http::{Answer, Http, TransportError, Trust, TrustError};
use super::sign::{self, Service, Unsigned};

/// For everything but the long poll, which brings its own.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server refused.
    #[error("{operation}: {code}: {message}")]
    Refused { operation: &'static str, code: String, message: String },
    #[error("{operation}: answered with status {status} and no error code")]
    Status { operation: &'static str, status: u16 },
    #[error("{operation}: the answer cannot be read")]
    Unreadable {
        operation: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("{operation}")]
    Transport {
        operation: &'static str,
        #[source]
        source: TransportError,
    },
    #[error("the call was given up because the agent stops")]
    Stopped,
}

impl CallError {
    /// The server's error code, when there is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether other credentials would help.
    pub fn is_about_credentials(&self) -> bool {
        let codes = [
            "ExpiredTokenException",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "AuthorizationFailureException",
        ];
        self.code().is_some_and(|code| codes.contains(&code))
    }
}

/// One server, over one pool of connections.
#[derive(Clone, Debug)]
pub struct Caller {
    pub endpoint: Endpoint,
    pub region: Arc<str>,
    http: Http,
}

impl Caller {
    pub fn new(endpoint: Endpoint, region: &str, trust: &Trust) -> Result<Self, TrustError> {
        let http = Http::to(&endpoint, trust)?;
        Ok(Self { endpoint, region: region.into(), http })
    }

    pub fn http(&self) -> &Http {
        &self.http
    }

    /// With the node's temporary credentials.
    pub fn call_blocking<R: Request>(
        &self,
        credentials: &Credentials,
        request: &R,
        timeout: Duration,
    ) -> Result<R::Response, CallError> {
        let service = Service::of_target(R::TARGET);
        self.send(request, timeout, |unsigned| sign::with_credentials(unsigned, credentials, service))
    }

    /// Without any signature.
    pub fn call_anonymously<R: Request>(&self, request: &R) -> Result<R::Response, CallError> {
        self.send(request, CALL_TIMEOUT, |_| Vec::new())
    }

    /// Signed by a function of the request; see [`sign`].
    pub fn send<R: Request>(
        &self,
        request: &R,
        timeout: Duration,
        sign: impl FnOnce(&Unsigned<'_>) -> Vec<(String, String)>,
    ) -> Result<R::Response, CallError> {
        let operation = R::TARGET;
        let body =
            serde_json::to_vec(request).map_err(|source| CallError::Unreadable { operation, source })?;
        let mut headers = vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), operation.to_owned()),
        ];
        let host = self.endpoint.host_header();
        let signature = sign(&Unsigned {
            method: "POST",
            path: "/",
            query: "",
            host: &host,
            headers: &headers,
            body: &body,
            region: &self.region,
            at: now(),
        });
        headers.extend(signature);
        let answer = self
            .http
            .post(&self.endpoint.url("/"), &headers, &body, timeout)
            .map_err(|source| CallError::Transport { operation, source })?;
        read_answer(operation, &answer)
    }

    /// The same as [`Self::call_blocking`], on a thread of its own.
    pub async fn call<R>(
        &self,
        credentials: Credentials,
        request: R,
        timeout: Duration,
    ) -> Result<R::Response, CallError>
    where
        R: Request + Send + 'static,
        R::Response: Send + 'static,
    {
        let caller = self.clone();
        tokio::task::spawn_blocking(move || caller.call_blocking(&credentials, &request, timeout))
            .await
            .unwrap_or(Err(CallError::Stopped))
    }
}

fn read_answer<T: serde::de::DeserializeOwned>(
    operation: &'static str,
    answer: &Answer,
) -> Result<T, CallError> {
    if answer.status == 200 {
        let body = if answer.body.is_empty() { b"{}".as_slice() } else { &answer.body };
        return serde_json::from_slice(body).map_err(|source| CallError::Unreadable { operation, source });
    }
    #[derive(Deserialize)]
    struct ErrorBody {
        #[serde(rename = "__type")]
        code: String,
        // The model spells it both ways, and a server may send both.
        message: Option<String>,
        #[serde(rename = "Message")]
        capital_message: Option<String>,
    }
    match serde_json::from_slice::<ErrorBody>(&answer.body) {
        Ok(error) => {
            let code = error.code.rsplit('#').next().unwrap_or_default().to_owned();
            let message = error.message.or(error.capital_message).unwrap_or_default();
            Err(CallError::Refused { operation, code, message })
        }
        Err(_) => Err(CallError::Status { operation, status: answer.status }),
    }
}

/// The clock, for signatures, journal and reports.
pub fn now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// A new random id.
pub fn new_id() -> api::agent::MessageId {
    api::agent::MessageId::from_bytes(uuid::Uuid::new_v4().into_bytes())
}

#[cfg(test)]
mod tests {
    use api::ssm::UpdateInstanceInformationResult as Empty;

    use super::*;

    fn read(status: u16, body: &str) -> Result<Empty, CallError> {
        read_answer("AmazonSSM.Test", &Answer { status, body: body.as_bytes().to_vec(), bucket_region: None })
    }

    #[test]
    fn reads_answers_and_errors() {
        assert!(read(200, "{}").is_ok());
        assert!(read(200, "").is_ok());
        let refused =
            read(400, r#"{"__type":"com.example#AccessDeniedException","message":"no"}"#).unwrap_err();
        assert_eq!(refused.code(), Some("AccessDeniedException"));
        assert_eq!(refused.to_string(), "AmazonSSM.Test: AccessDeniedException: no");
        for body in [r#"{"__type":"X","Message":"no"}"#, r#"{"__type":"X","message":"no","Message":"no"}"#] {
            assert_eq!(read(400, body).unwrap_err().to_string(), "AmazonSSM.Test: X: no", "{body}");
        }
        assert_eq!(read(502, "<html>").unwrap_err().code(), None);
        assert!(matches!(read(200, "<html>"), Err(CallError::Unreadable { .. })));
    }
}
