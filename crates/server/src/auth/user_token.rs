//! Temporary credentials of people: bound to the session that they came from, and over with it. The token carries them
//! sealed, so that they are valid on every server that has the same key file; whether the session goes on is in the store.

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keyring::Keyring;
use crate::root_key::{mint_access_key_id, mint_secret};

const PURPOSE: &str = "user-session-token";

/// What a token says once it is opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserToken {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Hex SHA-256 of the session's cookie.
    pub session_sha256: String,
    pub expires_at: Timestamp,
}

impl UserToken {
    pub fn mint(session_sha256: String, expires_at: Timestamp) -> Self {
        Self {
            access_key_id: mint_access_key_id("ASIA"),
            secret_access_key: mint_secret(),
            session_sha256,
            expires_at,
        }
    }

    pub fn to_token(&self, keyring: &Keyring) -> String {
        let json = serde_json::to_vec(self).expect("it holds only text and a number");
        keyring.seal_text(PURPOSE, &json)
    }

    /// `None`: not one of ours.
    pub fn from_token(keyring: &Keyring, token: &str) -> Option<Self> {
        serde_json::from_slice(&keyring.open_text(PURPOSE, token)?).ok()
    }
}
