//! People who may sign in, with the policies that say what they may do. What a policy means is `domain::policy`'s, how a
//! password is hashed the caller's.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::{AccountId, UserName};

use crate::{Result, Row, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub account: AccountId,
    pub name: UserName,
    /// `AIDA…`: another user of the same name later has another.
    pub id: String,
    pub password: Option<Password>,
    /// Documents as they were given, by name.
    pub policies: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// A PHC string.
    pub hash: String,
    pub changed_at: Timestamp,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password").field("changed_at", &self.changed_at).finish_non_exhaustive()
    }
}

const COLUMNS: &str =
    "account, user_name, user_id, password_hash, password_changed_at, policies, created_at, disabled_at";

fn read(row: &Row) -> Result<User> {
    let (hash, changed_at): (Option<String>, Option<Timestamp>) = (row.get(3)?, row.get(4)?);
    Ok(User {
        account: row.parse(0)?,
        name: row.parse(1)?,
        id: row.get(2)?,
        password: hash.zip(changed_at).map(|(hash, changed_at)| Password { hash, changed_at }),
        policies: row.json(5)?,
        created_at: row.get(6)?,
        disabled_at: row.get(7)?,
    })
}

fn values(user: &User) -> [Value<'_>; 8] {
    let policies = serde_json::to_string(&user.policies).expect("a map of texts");
    [
        user.account.as_str().into(),
        user.name.as_str().into(),
        (&user.id).into(),
        user.password.as_ref().map(|password| &password.hash).into(),
        user.password.as_ref().map(|password| password.changed_at).into(),
        policies.into(),
        user.created_at.into(),
        user.disabled_at.into(),
    ]
}

pub async fn find(tx: &mut Tx, account: &AccountId, name: &UserName) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE account = $1 AND user_name = $2");
    let values = [account.as_str().into(), name.as_str().into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// By name, after `after`. Primary key order.
pub async fn list(tx: &mut Tx, account: &AccountId, after: Option<&str>, limit: i64) -> Result<Vec<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM users WHERE account = $1 AND user_name > $2 ORDER BY user_name LIMIT $3"
    );
    let values = [account.as_str().into(), after.unwrap_or_default().into(), limit.into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

pub async fn count(tx: &mut Tx, account: &AccountId) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM users WHERE account = $1";
    tx.query_opt(sql, &[account.as_str().into()]).await?.map_or(Ok(0), |row| row.get(0))
}

/// Whether the name was free.
pub async fn insert(tx: &mut Tx, user: &User) -> Result<bool> {
    let sql = format!(
        "INSERT INTO users ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (account, user_name) DO NOTHING"
    );
    Ok(tx.execute(&sql, &values(user)).await? == 1)
}

/// All but its name, its id and its age. Whether it is there.
pub async fn update(tx: &mut Tx, user: &User) -> Result<bool> {
    let sql = "UPDATE users SET password_hash = $3, password_changed_at = $4, policies = $5, disabled_at = $6
        WHERE account = $1 AND user_name = $2";
    let [account, name, _, hash, changed_at, policies, _, disabled_at] = values(user);
    Ok(tx.execute(sql, &[account, name, hash, changed_at, policies, disabled_at]).await? == 1)
}

/// Whether it was there. Its sessions and codes are the caller's to end.
pub async fn delete(tx: &mut Tx, account: &AccountId, name: &UserName) -> Result<bool> {
    let sql = "DELETE FROM users WHERE account = $1 AND user_name = $2";
    Ok(tx.execute(sql, &[account.as_str().into(), name.as_str().into()]).await? == 1)
}
