//! Refusals of the object store, as S3's clients know them: a code, a status and an XML body.
//! Source: S3 API reference, error responses.

use api::sigv4::Refusal;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use domain::ids::InvalidId;
use domain::object::{BucketName, InvalidKey, ObjectKey};
use store::StoreError;

use crate::error::ApiError;
use crate::http::answer::escape_xml;
use crate::objects::{ContentError, WriteError};

/// What a client is told; the cause goes to the log.
#[derive(Debug)]
pub struct S3Error {
    pub code: &'static str,
    pub status: u16,
    pub message: String,
    pub cause: Option<String>,
    is_conflict: bool,
}

impl S3Error {
    pub fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), cause: None, is_conflict: false }
    }

    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }

    fn internal(cause: String) -> Self {
        let message = "the request could not be completed; try again";
        Self { cause: Some(cause), ..Self::new("InternalError", 500, message) }
    }

    /// A signature that does not prove who sent the request.
    pub fn refused(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Missing => Self::access_denied(message),
            Refusal::Incomplete(_) | Refusal::Unfit(_) => {
                Self::new("AuthorizationHeaderMalformed", 400, message)
            }
            Refusal::Expired(_) | Refusal::NotYetCurrent(_) => {
                Self::new("RequestTimeTooSkewed", 403, message)
            }
            Refusal::Mismatch => Self::new("SignatureDoesNotMatch", 403, message),
        }
    }

    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::new("AccessDenied", 403, message)
    }

    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new("InvalidArgument", 400, message)
    }

    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequest", 400, message)
    }

    pub fn malformed_xml(message: impl Into<String>) -> Self {
        Self::new("MalformedXML", 400, message)
    }

    pub fn not_implemented(what: &str) -> Self {
        Self::new("NotImplemented", 501, format!("this object store does not have {what}"))
    }

    pub fn no_such_bucket(bucket: &BucketName) -> Self {
        Self::new("NoSuchBucket", 404, format!("the bucket {bucket} does not exist"))
    }

    pub fn no_such_key(key: &ObjectKey) -> Self {
        Self::new("NoSuchKey", 404, format!("the key {key} does not exist"))
    }

    pub fn no_such_upload() -> Self {
        let message = "the upload does not exist: the id is another's, or it was completed or aborted";
        Self::new("NoSuchUpload", 404, message)
    }

    pub fn shutting_down() -> Self {
        Self::new("ServiceUnavailable", 503, "the server is shutting down; try again")
    }

    /// `path` without its query: that may hold a signature.
    pub fn to_response(&self, request_id: &str, path: &str, is_head: bool) -> Response<Body> {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
             <Resource>{}</Resource><RequestId>{request_id}</RequestId></Error>",
            self.code,
            escape_xml(&self.message),
            escape_xml(path)
        );
        let mut response = Response::new(if is_head { Body::empty() } else { Body::from(body) });
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response
    }
}

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

/// What authentication says, in the words of this service.
impl From<ApiError> for S3Error {
    fn from(error: ApiError) -> Self {
        let message = error.message.clone();
        match error.code.name {
            "UnrecognizedClientException" => Self::new("InvalidAccessKeyId", 403, message),
            "ExpiredTokenException" => Self::new("ExpiredToken", 400, message),
            "InvalidSignatureException" => Self::new("SignatureDoesNotMatch", 403, message),
            "AccessDeniedException" => Self::access_denied(message),
            _ if error.code.status < 500 => Self::invalid_request(message),
            _ => Self { is_conflict: error.is_conflict(), ..Self::internal(error.chain()) },
        }
    }
}

impl From<ContentError> for S3Error {
    fn from(error: ContentError) -> Self {
        match error {
            // 507: clients do not repeat it at once, and a person sees why.
            ContentError::Full(reason) => {
                let message =
                    "the object store is full: nothing of this object was kept; make room and try again";
                Self { cause: Some(reason), ..Self::new("InsufficientStorage", 507, message) }
            }
            other => Self::internal(chain(&other)),
        }
    }
}

impl From<WriteError> for S3Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Content(error) => error.into(),
            WriteError::Store(error) => (*error).into(),
        }
    }
}

impl From<InvalidId> for S3Error {
    fn from(error: InvalidId) -> Self {
        Self::new("InvalidBucketName", 400, error.to_string())
    }
}

impl From<InvalidKey> for S3Error {
    fn from(error: InvalidKey) -> Self {
        match error {
            InvalidKey::TooLong => Self::new("KeyTooLongError", 400, error.to_string()),
            _ => Self::invalid_argument(error.to_string()),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(&format!(": {error}"));
        next = error.source();
    }
    text
}
