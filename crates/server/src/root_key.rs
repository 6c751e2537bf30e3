//! The account that exists from the start, and its root access key.

use std::path::Path;

use api::Timestamp;
use store::accounts::{self, AccessKey};
use store::{Store, StoreError};

use crate::keyring::{Keyring, random_text};

/// The one account of a new installation.
pub const FIRST_ACCOUNT: &str = "123456789012";
/// Sealed access key secrets.
pub(crate) const KEY_PURPOSE: &str = "access-key-secret";
/// The file with the server's own secret, inside the data folder.
pub const KEYRING_FILE: &str = "server.key";

const KEY_ID_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Both halves of an access key.
#[derive(Clone, PartialEq, Eq)]
pub struct RootKey {
    pub access_key_id: String,
    pub secret_access_key: String,
}

pub fn root_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

pub fn mint_access_key_id(prefix: &str) -> String {
    format!("{prefix}{}", random_text(KEY_ID_ALPHABET, 16))
}

pub fn mint_secret() -> String {
    random_text(SECRET_ALPHABET, 40)
}

/// The root key of the first account, made on the first call.
pub async fn ensure(store: &Store, keyring: &Keyring, now: Timestamp) -> Result<RootKey, StoreError> {
    let mut tx = store.write().await?;
    let arn = root_arn(FIRST_ACCOUNT);
    if let Some(id) = accounts::find_key_of(&mut tx, FIRST_ACCOUNT, &arn).await? {
        let key = accounts::find_access_key(&mut tx, &id).await?;
        let sealed = key.map(|key| key.sealed_secret).unwrap_or_default();
        let secret =
            keyring.open_sealed(KEY_PURPOSE, &sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        let secret = secret.ok_or_else(|| {
            StoreError::Corrupt(format!("access key {id} was not sealed with this {KEYRING_FILE}"))
        })?;
        return Ok(RootKey { access_key_id: id, secret_access_key: secret });
    }
    let root = RootKey { access_key_id: mint_access_key_id("AKIA"), secret_access_key: mint_secret() };
    let row = AccessKey {
        access_key_id: root.access_key_id.clone(),
        account: FIRST_ACCOUNT.into(),
        principal_arn: arn,
        sealed_secret: keyring.seal(KEY_PURPOSE, root.secret_access_key.as_bytes()),
        created_at: now,
        disabled_at: None,
    };
    accounts::insert_access_key(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(root)
}

/// Where a data folder keeps its SQLite database.
pub fn database_file(data: &Path) -> std::path::PathBuf {
    data.join("fettle.db")
}
