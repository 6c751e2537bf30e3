//! Who signed a request.

mod node_key;
mod session_token;

pub use node_key::NodeKey;
pub use session_token::Session;

use std::sync::Arc;

use api::Timestamp;
use api::ssm::ErrorCode;
use axum::http::request::Parts;
use domain::ids::{AccountId, Region};

use crate::app::{App, Mode};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::operations::{Service, UNSIGNED_OPERATIONS};
use crate::root_key::{FIRST_ACCOUNT, root_arn};

/// What a signature proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub account: AccountId,
    pub region: Region,
    pub caller: Caller,
}

pub async fn authenticate(
    app: &Arc<App>,
    parts: &Parts,
    _body: &[u8],
    service: Service,
    operation: &str,
    _now: Timestamp,
) -> Result<Signed, ApiError> {
    let account: AccountId = FIRST_ACCOUNT.parse()?;
    let header = parts.headers.get("authorization").and_then(|h| h.to_str().ok());
    let Some(header) = header else {
        if service == Service::Ssm && UNSIGNED_OPERATIONS.contains(&operation) {
            return Ok(Signed { account, region: "us-east-1".parse()?, caller: Caller::Anonymous });
        }
        return Err(ApiError::new(
            ErrorCode::MissingAuthenticationTokenException,
            "the request is not signed",
        ));
    };
    if app.mode != Mode::Ephemeral {
        return Err(ApiError::new(ErrorCode::InvalidSignatureException, "only --ephemeral is served"));
    }
    let region = header.split('/').nth(2).unwrap_or("us-east-1").parse()?;
    let caller = Caller::User { arn: root_arn(FIRST_ACCOUNT), access_key_id: "AKIAEPHEMERAL".into() };
    Ok(Signed { account, region, caller })
}
