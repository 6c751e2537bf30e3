//! Access keys of people, and the server's own few values. Secrets arrive here already sealed.

use api::Timestamp;

use crate::{Result, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    pub access_key_id: String,
    pub account: String,
    pub principal_arn: String,
    pub sealed_secret: Vec<u8>,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

pub async fn find_access_key(tx: &mut Tx, access_key_id: &str) -> Result<Option<AccessKey>> {
    let sql = "SELECT access_key_id, account, principal_arn, sealed_secret, created_at, disabled_at
        FROM access_keys WHERE access_key_id = $1";
    let row = tx.query_opt(sql, &[access_key_id.into()]).await?;
    row.map(|row| {
        Ok(AccessKey {
            access_key_id: row.get(0)?,
            account: row.get(1)?,
            principal_arn: row.get(2)?,
            sealed_secret: row.get(3)?,
            created_at: row.get(4)?,
            disabled_at: row.get(5)?,
        })
    })
    .transpose()
}

/// The oldest enabled key of a principal. Index: access_keys_by_principal.
pub async fn find_key_of(tx: &mut Tx, account: &str, principal_arn: &str) -> Result<Option<String>> {
    let sql = "SELECT access_key_id FROM access_keys
        WHERE account = $1 AND principal_arn = $2 AND disabled_at IS NULL
        ORDER BY created_at, access_key_id LIMIT 1";
    tx.query_opt(sql, &[account.into(), principal_arn.into()]).await?.map(|row| row.get(0)).transpose()
}

pub async fn insert_access_key(tx: &mut Tx, key: &AccessKey) -> Result<()> {
    let sql = "INSERT INTO access_keys
        (access_key_id, account, principal_arn, sealed_secret, created_at, disabled_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        (&key.access_key_id).into(),
        (&key.account).into(),
        (&key.principal_arn).into(),
        (&key.sealed_secret).into(),
        key.created_at.into(),
        key.disabled_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub async fn find_value(tx: &mut Tx, name: &str) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT value FROM server_values WHERE name = $1";
    tx.query_opt(sql, &[name.into()]).await?.map(|row| row.get(0)).transpose()
}

pub async fn insert_value(tx: &mut Tx, name: &str, value: &[u8]) -> Result<()> {
    let sql = "INSERT INTO server_values (name, value) VALUES ($1, $2)";
    tx.execute(sql, &[name.into(), value.into()]).await.map(drop)
}
