//! Temporary credentials of nodes. The token carries them sealed, so that they are valid after a
//! restart and on every server that has the same key file.
//! Source: agent-protocol.md 1.4, 1.5.

use api::Timestamp;
use domain::ids::{AccountId, NodeId, Region};
use serde::{Deserialize, Serialize};

use crate::keyring::Keyring;
use crate::root_key::{mint_access_key_id, mint_secret};

const PURPOSE: &str = "session-token";
/// Agents refresh at half of this.
pub const LIFETIME_SECONDS: i64 = 3600;

/// What a token says once it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub account: AccountId,
    pub region: Region,
    pub node: NodeId,
    pub iam_role: String,
    pub expires_at: Timestamp,
}

impl Session {
    pub fn mint(account: AccountId, region: Region, node: NodeId, role: String, now: Timestamp) -> Self {
        Self {
            access_key_id: mint_access_key_id("ASIA"),
            secret_access_key: mint_secret(),
            account,
            region,
            node,
            iam_role: role,
            expires_at: now.plus_seconds(LIFETIME_SECONDS),
        }
    }

    pub fn to_token(&self, keyring: &Keyring) -> String {
        let json = serde_json::to_vec(self).expect("a session holds only text and a number");
        keyring.seal_text(PURPOSE, &json)
    }

    /// `None`: not one of ours.
    pub fn from_token(keyring: &Keyring, token: &str) -> Option<Self> {
        serde_json::from_slice(&keyring.open_text(PURPOSE, token)?).ok()
    }
}
