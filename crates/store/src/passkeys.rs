//! Passkeys of people, and the challenges that wait for an authenticator. What makes an answer a good one is the caller's.

use api::Timestamp;
use domain::ids::AccountId;
use domain::principal::Principal;

use crate::sign_in::{column, principal};
use crate::{Result, Row, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Base64url, as are all of WebAuthn's.
    pub credential_id: String,
    pub account: AccountId,
    pub principal: Principal,
    pub name: String,
    pub relying_party_id: String,
    /// COSE's number.
    pub algorithm: i64,
    /// DER, SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    pub sign_count: i64,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// When its counter did not go on.
    pub refused_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub account: AccountId,
    /// Who registers; nobody in particular signs in.
    pub principal: Option<Principal>,
    pub relying_party_id: String,
    pub expires_at: Timestamp,
}

const COLUMNS: &str =
    "credential_id, account, user_name, name, relying_party_id, algorithm, public_key, sign_count,
    created_at, last_used_at, refused_at";

fn read(row: &Row) -> Result<Passkey> {
    Ok(Passkey {
        credential_id: row.get(0)?,
        account: row.parse(1)?,
        principal: principal(row, 2)?,
        name: row.get(3)?,
        relying_party_id: row.get(4)?,
        algorithm: row.get(5)?,
        public_key: row.get(6)?,
        sign_count: row.get(7)?,
        created_at: row.get(8)?,
        last_used_at: row.get(9)?,
        refused_at: row.get(10)?,
    })
}

/// Whether nobody has it yet.
pub async fn insert(tx: &mut Tx, passkey: &Passkey) -> Result<bool> {
    let sql = format!(
        "INSERT INTO passkeys ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (credential_id) DO NOTHING"
    );
    let values = [
        (&passkey.credential_id).into(),
        passkey.account.as_str().into(),
        column(&passkey.principal).into(),
        (&passkey.name).into(),
        (&passkey.relying_party_id).into(),
        passkey.algorithm.into(),
        (&passkey.public_key).into(),
        passkey.sign_count.into(),
        passkey.created_at.into(),
        passkey.last_used_at.into(),
        passkey.refused_at.into(),
    ];
    Ok(tx.execute(&sql, &values).await? == 1)
}

pub async fn find(tx: &mut Tx, credential_id: &str) -> Result<Option<Passkey>> {
    let sql = format!("SELECT {COLUMNS} FROM passkeys WHERE credential_id = $1");
    tx.query_opt(&sql, &[credential_id.into()]).await?.as_ref().map(read).transpose()
}

/// Somebody's, the oldest first. Index: passkeys_by_user.
pub async fn list(tx: &mut Tx, account: &AccountId, principal: &Principal) -> Result<Vec<Passkey>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM passkeys WHERE account = $1 AND user_name = $2 ORDER BY created_at, credential_id"
    );
    let values = [account.as_str().into(), column(principal).into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// Its name and what its last use left. Whether it is there.
pub async fn update(tx: &mut Tx, passkey: &Passkey) -> Result<bool> {
    let sql = "UPDATE passkeys SET name = $2, sign_count = $3, last_used_at = $4, refused_at = $5
        WHERE credential_id = $1";
    let values = [
        (&passkey.credential_id).into(),
        (&passkey.name).into(),
        passkey.sign_count.into(),
        passkey.last_used_at.into(),
        passkey.refused_at.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

pub async fn delete(tx: &mut Tx, credential_id: &str) -> Result<()> {
    tx.execute("DELETE FROM passkeys WHERE credential_id = $1", &[credential_id.into()]).await.map(drop)
}

/// Of somebody who is gone. Index: passkeys_by_user.
pub async fn delete_all(tx: &mut Tx, account: &AccountId, principal: &Principal) -> Result<u64> {
    let sql = "DELETE FROM passkeys WHERE account = $1 AND user_name = $2";
    tx.execute(sql, &[account.as_str().into(), column(principal).into()]).await
}

pub async fn insert_challenge(tx: &mut Tx, challenge_sha256: &str, challenge: &Challenge) -> Result<()> {
    let sql =
        "INSERT INTO passkey_challenges (challenge_sha256, account, user_name, relying_party_id, expires_at)
        VALUES ($1, $2, $3, $4, $5)";
    let values = [
        challenge_sha256.into(),
        challenge.account.as_str().into(),
        challenge.principal.as_ref().map(column).into(),
        (&challenge.relying_party_id).into(),
        challenge.expires_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Takes it away, so that it is good once. Whether its time is over is told by `expires_at`.
pub async fn take_challenge(tx: &mut Tx, challenge_sha256: &str) -> Result<Option<Challenge>> {
    let sql = "DELETE FROM passkey_challenges WHERE challenge_sha256 = $1
        RETURNING account, user_name, relying_party_id, expires_at";
    let Some(row) = tx.query_opt(sql, &[challenge_sha256.into()]).await? else { return Ok(None) };
    let name: Option<String> = row.get(1)?;
    Ok(Some(Challenge {
        account: row.parse(0)?,
        principal: name.map(|_| principal(&row, 1)).transpose()?,
        relying_party_id: row.get(2)?,
        expires_at: row.get(3)?,
    }))
}

/// Challenges whose time is over.
pub async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    tx.execute("DELETE FROM passkey_challenges WHERE expires_at <= $1", &[now.into()]).await
}
