//! The node's temporary credentials: asked for with the node's key, kept on disk, renewed at half their life.
//! Signing with them belongs to `sign`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::Timestamp;
use api::ssm::{
    PublicKeyType, RequestManagedInstanceRoleTokenRequest, RequestManagedInstanceRoleTokenResult,
    UpdateManagedInstancePublicKeyRequest,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::call::{CALL_TIMEOUT, CallError, Caller, now};
use super::rsa_key::{KeyError, NodeKey};
use super::sign;
use crate::enroll::Registration;
use crate::files;
use crate::patch_run::memory;

/// For programs that scripts start: the usual shared credentials file.
pub const SHARED_FILE: &str = "aws-credentials";
const FILE: &str = "credentials.json";
pub const KEY_FILE: &str = "node-key.pem";
/// A new key that the server may or may not know yet.
const NEXT_KEY_FILE: &str = "node-key-next.pem";

/// What belongs to one registration, besides the key that every enrolment writes anew.
pub const FILES: [&str; 3] = [FILE, SHARED_FILE, NEXT_KEY_FILE];

/// Not worth using for less.
const LEAST_LIFE_SECONDS: i64 = 60;

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub obtained_at: Timestamp,
    pub expires_at: Timestamp,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, until {})", self.access_key_id, self.expires_at)
    }
}

impl Credentials {
    fn is_usable(&self, at: Timestamp) -> bool {
        self.expires_at.millis_since(at) > LEAST_LIFE_SECONDS * 1000
    }

    /// Until half of the lifetime is over; zero when it is.
    fn until_renewal(&self, at: Timestamp) -> Duration {
        let half_ms = self.expires_at.millis_since(self.obtained_at) / 2;
        let left_ms = self.obtained_at.plus_millis(half_ms).millis_since(at);
        Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{path}")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Asks for credentials and keeps them. Blocking.
#[derive(Clone, Debug)]
pub struct Source {
    pub caller: Caller,
    pub registration: Registration,
    pub data_dir: PathBuf,
}

impl Source {
    /// Those of an earlier run, while they are good.
    pub fn stored(&self) -> Option<Credentials> {
        let text = files::read_if_present(&self.data_dir.join(FILE)).ok()??;
        let stored: Credentials = serde_json::from_str(&text).ok()?;
        stored.is_usable(now()).then_some(stored)
    }

    /// The stored ones, or new ones.
    pub fn stored_or_new(&self) -> Result<Credentials, CredentialsError> {
        self.stored().map_or_else(|| self.obtain(), Ok)
    }

    /// New ones from the server. Makes a new key when the server asks for that.
    pub fn obtain(&self) -> Result<Credentials, CredentialsError> {
        let obtained_at = now();
        let (key, token) = self.request_token()?;
        let credentials = Credentials {
            access_key_id: token.access_key_id,
            secret_access_key: token.secret_access_key,
            session_token: token.session_token,
            obtained_at,
            expires_at: token.token_expiration_date,
        };
        self.store(&credentials)?;
        // A root that is about to go back would come up with the key of now.
        if token.update_key_pair
            && !memory::goes_back(&self.data_dir)
            && let Err(error) = self.rotate(&key)
        {
            tracing::warn!(error = %chain(&error), "the node's key was not rotated; the old one stays in use");
        }
        Ok(credentials)
    }

    /// With the key in use, or, after a rotation whose answer was lost, with whichever the server knows.
    fn request_token(&self) -> Result<(NodeKey, RequestManagedInstanceRoleTokenResult), CredentialsError> {
        let key = self.read_key(KEY_FILE)?;
        let next_path = self.data_dir.join(NEXT_KEY_FILE);
        let with_old = self.request_token_with(&key);
        let Some(pem) = self.read(&next_path)? else {
            return Ok((key, with_old?));
        };
        match with_old {
            Ok(token) => {
                self.done(&next_path, fs::remove_file(&next_path))?;
                Ok((key, token))
            }
            Err(CallError::Refused { .. }) => {
                let next = NodeKey::from_pem(&pem)?;
                let token = self.request_token_with(&next)?;
                self.adopt_next()?;
                Ok((next, token))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn request_token_with(&self, key: &NodeKey) -> Result<RequestManagedInstanceRoleTokenResult, CallError> {
        let request =
            RequestManagedInstanceRoleTokenRequest { fingerprint: self.registration.fingerprint.clone() };
        self.caller.send(&request, CALL_TIMEOUT, |unsigned| {
            sign::with_node_key(unsigned, &self.registration.instance_id, key)
        })
    }

    /// The new key is on disk before the server hears of it.
    fn rotate(&self, old: &NodeKey) -> Result<(), CredentialsError> {
        let next = NodeKey::generate()?;
        let path = self.data_dir.join(NEXT_KEY_FILE);
        self.done(&path, files::write_atomically(&path, next.to_pem()?.as_bytes()))?;
        let request = UpdateManagedInstancePublicKeyRequest {
            new_public_key: next.public_base64()?,
            new_public_key_type: Some(PublicKeyType::Rsa),
        };
        let answer = self.caller.send(&request, CALL_TIMEOUT, |unsigned| {
            sign::with_node_key(unsigned, &self.registration.instance_id, old)
        });
        match answer {
            Ok(_) => self.adopt_next(),
            Err(refused @ CallError::Refused { .. }) => {
                self.done(&path, fs::remove_file(&path))?;
                Err(refused.into())
            }
            // The next request finds out which key the server knows.
            Err(error) => Err(error.into()),
        }
    }

    fn adopt_next(&self) -> Result<(), CredentialsError> {
        let next = self.data_dir.join(NEXT_KEY_FILE);
        self.done(&next, fs::rename(&next, self.data_dir.join(KEY_FILE)))?;
        self.done(&self.data_dir, crate::platform::sync_dir(&self.data_dir))?;
        tracing::info!("the node's key was rotated");
        Ok(())
    }

    fn read_key(&self, name: &str) -> Result<NodeKey, CredentialsError> {
        let path = self.data_dir.join(name);
        let pem = self.done(&path, fs::read_to_string(&path))?;
        Ok(NodeKey::from_pem(&pem)?)
    }

    fn read(&self, path: &Path) -> Result<Option<String>, CredentialsError> {
        self.done(path, files::read_if_present(path))
    }

    fn store(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        let json = serde_json::to_string(credentials).expect("credentials are strings and numbers");
        let shared = format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
            credentials.access_key_id, credentials.secret_access_key, credentials.session_token
        );
        for (name, content) in [(FILE, json), (SHARED_FILE, shared)] {
            let path = self.data_dir.join(name);
            self.done(&path, files::write_atomically(&path, content.as_bytes()))?;
        }
        Ok(())
    }

    fn done<T>(&self, path: &Path, result: std::io::Result<T>) -> Result<T, CredentialsError> {
        result.map_err(|source| CredentialsError::File { path: path.to_owned(), source })
    }
}

/// Writes the key that enrolment made.
pub fn store_key(data_dir: &Path, key_pem: &str) -> std::io::Result<()> {
    files::write_atomically(&data_dir.join(KEY_FILE), key_pem.as_bytes())
}

/// Offers credentials and renews them at half of their life, or at once when `refused` says the server did not take them.
/// Runs until the receivers are gone.
pub async fn keep_fresh(source: Source, offer: watch::Sender<Option<Credentials>>, refused: &Notify) {
    let mut current = source.stored();
    let mut failures = 0;
    loop {
        if let Some(credentials) = &current {
            offer.send_replace(Some(credentials.clone()));
            let renewal = credentials.until_renewal(now());
            tokio::select! {
                () = sleep(renewal) => {}
                () = refused.notified() => tracing::info!("the server did not take the credentials; asking for new ones"),
                () = offer.closed() => return,
            }
        }
        let asking = source.clone();
        let wait = match tokio::task::spawn_blocking(move || asking.obtain()).await {
            Ok(Ok(credentials)) => {
                tracing::info!(expires_at = %credentials.expires_at, "credentials received");
                current = Some(credentials);
                failures = 0;
                continue;
            }
            Ok(Err(error)) => {
                let wait = backoff(&error, failures, crate::random_fraction());
                tracing::warn!(error = %chain(&error), retry_in_s = wait.as_secs(), "no credentials from the server");
                wait
            }
            Err(_) => return,
        };
        failures += 1;
        // What is still good stays in use, without its renewal time coming round again.
        current = None;
        if offer.borrow().as_ref().is_some_and(|credentials| !credentials.is_usable(now())) {
            offer.send_replace(None);
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = offer.closed() => return,
        }
    }
}

const MAX_BACKOFF: Duration = Duration::from_secs(30 * 60);

/// How long to wait after failure number `failures` (from zero); `random` is in 0..1.
fn backoff(error: &CredentialsError, failures: u32, random: f64) -> Duration {
    let code = match error {
        CredentialsError::Call(call) => call.code(),
        _ => None,
    };
    if matches!(code, Some("AccessDeniedException" | "MachineFingerprintDoesNotMatch")) {
        return Duration::from_secs(25 * 60).mul_f64(1.0 + random * 0.2);
    }
    let doubling = Duration::from_secs(1 << failures.min(11)).mul_f64(1.0 + random * 0.2);
    let extra = if code.is_some() { Duration::from_secs(10).mul_f64(1.0 + random) } else { Duration::ZERO };
    (doubling + extra).min(MAX_BACKOFF)
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(obtained_at: i64, expires_at: i64) -> Credentials {
        Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "very secret".into(),
            session_token: "token".into(),
            obtained_at: Timestamp::from_seconds(obtained_at),
            expires_at: Timestamp::from_seconds(expires_at),
        }
    }

    #[test]
    fn renewal_is_due_at_half_life() {
        let credentials = credentials(1_000, 4_600);
        assert_eq!(credentials.until_renewal(Timestamp::from_seconds(1_000)).as_secs(), 1_800);
        assert_eq!(credentials.until_renewal(Timestamp::from_seconds(2_799)).as_secs(), 1);
        assert_eq!(credentials.until_renewal(Timestamp::from_seconds(4_000)).as_secs(), 0);
        assert!(credentials.is_usable(Timestamp::from_seconds(4_500)));
        assert!(!credentials.is_usable(Timestamp::from_seconds(4_550)));
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    #[test]
    fn waits_longer_after_each_failure() {
        let refused = |code: &str| {
            CredentialsError::Call(CallError::Refused {
                operation: "x",
                code: code.into(),
                message: String::new(),
            })
        };
        let lost = || CredentialsError::Call(CallError::Stopped);
        let check = |error: CredentialsError, failures, random, seconds| {
            assert_eq!(backoff(&error, failures, random).as_secs(), seconds, "{error} {failures}");
        };
        check(refused("AccessDeniedException"), 0, 0.0, 25 * 60);
        check(refused("MachineFingerprintDoesNotMatch"), 9, 1.0, 30 * 60);
        check(refused("InternalServerError"), 0, 0.0, 11);
        check(refused("InternalServerError"), 3, 1.0, 29);
        check(lost(), 0, 0.0, 1);
        check(lost(), 5, 0.0, 32);
        check(lost(), 40, 0.0, 30 * 60);
    }
}
