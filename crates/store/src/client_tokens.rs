//! First answers to requests that carried a ClientToken, so that a repeat gets the same.
//! Which operations take one, and how long it is kept, is the server's decision.

use api::Timestamp;
use domain::ids::{AccountId, Region};

use crate::{Result, Tx};

/// A token is known within its account, region and operation.
#[derive(Clone, Copy, Debug)]
pub struct TokenKey<'a> {
    pub account: &'a AccountId,
    pub region: &'a Region,
    pub operation: &'a str,
    pub client_token: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Hex SHA-256 of the request without its token.
    pub request_sha256: String,
    /// JSON.
    pub result: String,
    pub created_at: Timestamp,
}

pub async fn find(tx: &mut Tx, key: TokenKey<'_>) -> Result<Option<FirstAnswer>> {
    let sql = "SELECT request_sha256, result, created_at FROM client_tokens
        WHERE account = $1 AND region = $2 AND operation = $3 AND client_token = $4";
    let values = [
        key.account.as_str().into(),
        key.region.as_str().into(),
        key.operation.into(),
        key.client_token.into(),
    ];
    let row = tx.query_opt(sql, &values).await?;
    row.map(|row| {
        Ok(FirstAnswer { request_sha256: row.get(0)?, result: row.get(1)?, created_at: row.get(2)? })
    })
    .transpose()
}

pub async fn insert(tx: &mut Tx, key: TokenKey<'_>, first: &FirstAnswer) -> Result<()> {
    let sql = "INSERT INTO client_tokens
        (account, region, operation, client_token, request_sha256, result, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = [
        key.account.as_str().into(),
        key.region.as_str().into(),
        key.operation.into(),
        key.client_token.into(),
        (&first.request_sha256).into(),
        (&first.result).into(),
        first.created_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Deletes those made at `created_until` or before; how many. Index: client_tokens_by_age.
pub async fn delete_older(tx: &mut Tx, created_until: Timestamp) -> Result<u64> {
    tx.execute("DELETE FROM client_tokens WHERE created_at <= $1", &[created_until.into()]).await
}
