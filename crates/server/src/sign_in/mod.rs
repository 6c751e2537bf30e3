//! How people sign in: codes that are good once, passwords, and the sessions that these end in. A session is a cookie that
//! the browser keeps and no script reads; it is exchanged for temporary credentials, which end with it.
//! Who signed a request is `auth`'s, what people may do `operations::permission`'s.
//! Decision: docs/decisions/0031-sign-in.md.

pub mod attempts;
pub mod browser;
pub mod passkeys;
pub mod passwords;

pub use attempts::Attempts;
pub use browser::Browser;
pub use passwords::Passwords;

use api::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{AccountId, Region};
use domain::principal::Principal;
use sha2::{Digest, Sha256};
use store::sign_in::{self, Session};
use store::users::{self, User};
use store::{StoreError, Tx};

use crate::error::ApiError;
use crate::keyring::random;

/// A code is good for so long, and once.
pub const CODE_SECONDS: i64 = 10 * 60;
/// After this everybody signs in again.
pub const SESSION_SECONDS: i64 = 12 * 3600;
/// Temporary credentials are renewed by the session's cookie before they end.
pub const CREDENTIALS_SECONDS: i64 = 3600;

/// A text of 256 random bits: a code, or what a cookie holds.
pub fn mint_secret() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// Under which a secret is kept. It is as random as a key, so that nobody finds it by trying.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// For a code or a session that begins now.
pub fn session(
    account: &AccountId,
    region: &Region,
    principal: Principal,
    now: Timestamp,
    seconds: i64,
) -> Session {
    Session {
        account: account.clone(),
        region: region.clone(),
        principal,
        created_at: now,
        expires_at: now.plus_seconds(seconds),
    }
}

/// Somebody whose session goes on: root, or a user who is there and may sign in.
pub async fn may_sign_in(
    tx: &mut Tx,
    account: &AccountId,
    principal: &Principal,
) -> Result<bool, StoreError> {
    Ok(match principal {
        Principal::Root => true,
        Principal::User(name) => {
            users::find(tx, account, name).await?.is_some_and(|user| user.disabled_at.is_none())
        }
    })
}

/// The session of a cookie or of temporary credentials, if it has not ended.
pub async fn open_session(
    tx: &mut Tx,
    session_sha256: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let session = sign_in::find(tx, session_sha256).await?;
    Ok(session.filter(|session| now < session.expires_at))
}

/// Ends whatever somebody is signed in with, but `kept_sha256`.
pub async fn sign_out(tx: &mut Tx, user: &User, kept_sha256: Option<&str>) -> Result<(), ApiError> {
    let principal = Principal::User(user.name.clone());
    sign_in::end_others(tx, &user.account, &principal, kept_sha256).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_differ_and_fit_into_addresses_and_cookies() {
        let (one, other) = (mint_secret(), mint_secret());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{one}");
        assert_ne!(hash(&one), hash(&other));
        assert_eq!(hash("a").len(), 64);
    }
}
