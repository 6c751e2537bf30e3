//! ClientToken: a repeated request gets the first answer, a different one under the same token is
//! refused. Rows live for at least a day: `jobs::forget_client_tokens`.
//! Source: spec systems-manager 0.6.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use store::client_tokens::{self, FirstAnswer, TokenKey};
use store::{StoreError, Tx};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// What is needed to recognise a repeat.
pub struct Repeat {
    operation: &'static str,
    client_token: Option<String>,
    request_sha256: String,
}

impl Repeat {
    /// `request` without its token. Without a token every request is a first one.
    pub fn new(operation: &'static str, client_token: Option<String>, request: &impl Serialize) -> Self {
        let text = api::encode(request);
        Self { operation, client_token, request_sha256: hex::encode(Sha256::digest(text)) }
    }

    fn key<'a>(&'a self, ctx: &'a Ctx) -> Option<TokenKey<'a>> {
        let client_token = self.client_token.as_deref()?;
        Some(TokenKey { account: &ctx.account, region: &ctx.region, operation: self.operation, client_token })
    }
}

/// The answer to the first request of this token, if this is not the first.
pub async fn first_answer<T: DeserializeOwned>(
    tx: &mut Tx,
    ctx: &Ctx,
    repeat: &Repeat,
) -> Result<Option<T>, ApiError> {
    let Some(key) = repeat.key(ctx) else { return Ok(None) };
    let Some(first) = client_tokens::find(tx, key).await? else { return Ok(None) };
    if first.request_sha256 != repeat.request_sha256 {
        return Err(error::idempotent_parameter_mismatch(key.client_token));
    }
    let result = serde_json::from_str(&first.result);
    Ok(Some(result.map_err(|error| StoreError::Corrupt(error.to_string()))?))
}

/// In the transaction that does the work.
pub async fn remember(
    tx: &mut Tx,
    ctx: &Ctx,
    repeat: &Repeat,
    result: &impl Serialize,
) -> Result<(), ApiError> {
    let Some(key) = repeat.key(ctx) else { return Ok(()) };
    let first = FirstAnswer {
        request_sha256: repeat.request_sha256.clone(),
        result: String::from_utf8_lossy(&api::encode(result)).into_owned(),
        created_at: ctx.now,
    };
    Ok(client_tokens::insert(tx, key, &first).await?)
}
