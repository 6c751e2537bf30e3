//! Who is signed in, and the codes that sign in once. Of both only hashes arrive here.

use api::Timestamp;
use domain::ids::{AccountId, Region};
use domain::principal::Principal;

use crate::{Result, Row, Tx};

/// What a code or a cookie stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub account: AccountId,
    /// What the console shows first.
    pub region: Region,
    pub principal: Principal,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

fn read(row: &Row) -> Result<Session> {
    Ok(Session {
        account: row.parse(0)?,
        region: row.parse(1)?,
        principal: principal(row, 2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
    })
}

pub(crate) fn principal(row: &Row, index: usize) -> Result<Principal> {
    let name: String = row.get(index)?;
    Ok(match name.is_empty() {
        true => Principal::Root,
        false => Principal::User(row.parse(index)?),
    })
}

/// As the tables have it: empty for root.
pub(crate) fn column(principal: &Principal) -> &str {
    match principal {
        Principal::Root => "",
        Principal::User(name) => name.as_str(),
    }
}

/// A code of which the time it was made is not kept.
pub async fn insert_code(tx: &mut Tx, code_sha256: &str, session: &Session) -> Result<()> {
    let sql = "INSERT INTO sign_in_codes (code_sha256, account, region, user_name, expires_at)
        VALUES ($1, $2, $3, $4, $5)";
    let values = [
        code_sha256.into(),
        session.account.as_str().into(),
        session.region.as_str().into(),
        column(&session.principal).into(),
        session.expires_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Takes a code away, so that it is good once. Whether its time is over is told by `expires_at`.
pub async fn take_code(tx: &mut Tx, code_sha256: &str) -> Result<Option<Session>> {
    let sql = "DELETE FROM sign_in_codes WHERE code_sha256 = $1
        RETURNING account, region, user_name, expires_at, expires_at";
    tx.query_opt(sql, &[code_sha256.into()]).await?.as_ref().map(read).transpose()
}

pub async fn insert(tx: &mut Tx, session_sha256: &str, session: &Session) -> Result<()> {
    let sql =
        "INSERT INTO sign_in_sessions (session_sha256, account, region, user_name, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        session_sha256.into(),
        session.account.as_str().into(),
        session.region.as_str().into(),
        column(&session.principal).into(),
        session.created_at.into(),
        session.expires_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Also one whose time is over, until it is swept.
pub async fn find(tx: &mut Tx, session_sha256: &str) -> Result<Option<Session>> {
    let sql = "SELECT account, region, user_name, created_at, expires_at FROM sign_in_sessions
        WHERE session_sha256 = $1";
    tx.query_opt(sql, &[session_sha256.into()]).await?.as_ref().map(read).transpose()
}

/// Whether it was there.
pub async fn end(tx: &mut Tx, session_sha256: &str) -> Result<bool> {
    let sql = "DELETE FROM sign_in_sessions WHERE session_sha256 = $1";
    Ok(tx.execute(sql, &[session_sha256.into()]).await? == 1)
}

/// All sessions of somebody but one, and the codes that wait. Index: sign_in_sessions_by_user.
pub async fn end_others(
    tx: &mut Tx,
    account: &AccountId,
    principal: &Principal,
    kept_sha256: Option<&str>,
) -> Result<u64> {
    let values = [account.as_str().into(), column(principal).into()];
    tx.execute("DELETE FROM sign_in_codes WHERE account = $1 AND user_name = $2", &values).await?;
    let [account, name] = values;
    let sql = "DELETE FROM sign_in_sessions WHERE account = $1 AND user_name = $2 AND session_sha256 <> $3";
    tx.execute(sql, &[account, name, kept_sha256.unwrap_or_default().into()]).await
}

/// Sessions and codes whose time is over.
pub async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let codes = tx.execute("DELETE FROM sign_in_codes WHERE expires_at <= $1", &[now.into()]).await?;
    let sessions = tx.execute("DELETE FROM sign_in_sessions WHERE expires_at <= $1", &[now.into()]).await?;
    Ok(codes + sessions)
}
