//! Paging: opaque tokens that hold the key of the last row, bound to operation and filters.
//! Source: systems-manager.md 0.5.

use api::ssm::{ErrorCode, Operation};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// Which rows to read: those after a key, so many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The key of the last row of the page before.
    pub after: Option<String>,
    pub limit: usize,
    purpose: Purpose,
}

/// What a token is bound to. Spelled out only where there is a token: most lists fit one page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Purpose {
    operation: String,
    scope: Vec<u8>,
}

impl Purpose {
    fn to_text(&self, ctx: &Ctx) -> String {
        let scope = hex::encode(Sha256::digest(&self.scope));
        format!("page:{}:{}:{}:{scope}", ctx.account, ctx.region, self.operation)
    }
}

/// One page's rows, and whether there are more.
pub struct Cut<T> {
    pub rows: Vec<T>,
    pub next_token: Option<String>,
}

impl Page {
    /// `scope` is whatever must not change between pages: the request's filters.
    pub fn open(
        ctx: &Ctx,
        operation: &str,
        scope: &impl Serialize,
        next_token: Option<&str>,
        limit: usize,
    ) -> Result<Self, ApiError> {
        let scope = serde_json::to_vec(scope).unwrap_or_default();
        let purpose = Purpose { operation: operation.to_owned(), scope };
        let after = match next_token {
            None | Some("") => None,
            Some(token) => {
                let key = ctx.app.keyring.open_text(&purpose.to_text(ctx), token);
                let key = key.and_then(|key| String::from_utf8(key).ok());
                Some(key.ok_or_else(|| invalid_next_token(operation))?)
            }
        };
        Ok(Self { after, limit, purpose })
    }

    /// How many rows to ask the store for: one more than fits, to know whether there are more.
    pub fn fetch(&self) -> i64 {
        i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX)
    }

    /// A token for what comes after `key`, for pages that end before they are full.
    pub fn token(&self, ctx: &Ctx, key: &str) -> String {
        ctx.app.keyring.seal_text(&self.purpose.to_text(ctx), key.as_bytes())
    }

    /// Cuts what was fetched to the page; `key` tells the key of a row.
    pub fn cut<T>(&self, ctx: &Ctx, mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Cut<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| more);
        let next_token = last.map(|row| self.token(ctx, &key(row)));
        Cut { rows, next_token }
    }
}

/// `MaxResults`, which the constraint check has bounded, or the operation's default.
pub fn page_size(max_results: Option<i32>, default: i32) -> usize {
    usize::try_from(max_results.unwrap_or(default)).unwrap_or(1)
}

/// Operations that do not declare the error for it have the common one.
fn invalid_next_token(operation: &str) -> ApiError {
    let declares = |operation: Operation| operation.errors().contains(&ErrorCode::InvalidNextToken);
    let code = match Operation::parse(operation) {
        Some(operation) if !declares(operation) => ErrorCode::ValidationException,
        _ => ErrorCode::InvalidNextToken,
    };
    ApiError::new(code, "the NextToken is not one of this operation with these filters")
}
