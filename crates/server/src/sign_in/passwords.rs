//! Passwords as argon2id: 19 MiB, two passes, one lane, 16 bytes of salt. Hashing is slow on purpose, so that it runs beside
//! the threads that serve requests, a few at a time; whoever finds too many waiting is asked to come again.
//! Source: RFC 9106; OWASP's password storage cheat sheet.

use std::sync::Arc;

use api::fettle::ErrorCode;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::attempts::throttled;
use crate::error::ApiError;
use crate::keyring::random;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Each takes a processor and [`MEMORY_KIB`] for some tens of milliseconds.
const AT_ONCE: usize = 2;
/// So many more may wait.
const WAITING: usize = 30;

/// Of no password: what is compared where a user or a password is missing, so that the answer takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub struct Passwords {
    turns: Arc<Semaphore>,
    room: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), room: Semaphore::new(AT_ONCE + WAITING) }
    }
}

impl Passwords {
    /// A PHC string of a new password.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.run(move || hash(&password)).await?
    }

    /// Takes as long without a hash as with one.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        self.run(move || verifies(&password, hash.as_deref().unwrap_or(NOBODY)) && hash.is_some()).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let _room = self.room.try_acquire().map_err(|_| throttled(1))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| broken())?;
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also where nobody waits for it any more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| broken())
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, ApiError> {
    let salt = SaltString::encode_b64(&random::<16>()).expect("16 bytes are a salt");
    let hashed = argon2().hash_password(password.as_bytes(), &salt);
    hashed.map(|hash| hash.to_string()).map_err(|_| broken())
}

/// By the parameters that the hash itself names.
fn verifies(password: &str, hash: &str) -> bool {
    let parsed = PasswordHash::new(hash);
    parsed.is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

fn broken() -> ApiError {
    ApiError::new(ErrorCode::InternalServerError, "the password could not be worked on; try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_its_own_and_says_how_it_was_hashed() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |password: &str, hash: Option<&str>| {
            passwords.verify(password.to_owned(), hash.map(str::to_owned))
        };
        assert!(verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!verify("correct horse ", Some(&hash)).await.unwrap());
        assert!(!verify("", None).await.unwrap());
        assert!(!verify("x", Some("damaged")).await.unwrap());
        assert_ne!(hash, passwords.hash("correct horse".to_owned()).await.unwrap(), "salted");
    }

    #[test]
    fn nobodys_hash_is_worked_on_like_any_other() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(nobody.params.get_decimal("m"), Some(MEMORY_KIB));
        assert_eq!(nobody.params.get_decimal("t"), Some(PASSES));
        assert_eq!(nobody.salt.unwrap().decode_b64(&mut [0; 32]).unwrap().len(), 16);
        assert_eq!(nobody.hash.unwrap().len(), 32);
    }

    #[tokio::test]
    async fn too_many_at_once_are_sent_away() {
        let passwords = Passwords::default();
        let held = passwords.room.acquire_many(u32::try_from(AT_ONCE + WAITING).unwrap()).await.unwrap();
        let refused = passwords.verify("x".to_owned(), None).await.unwrap_err();
        assert_eq!(refused.code.name, "ThrottlingException");
        drop(held);
        assert!(!passwords.verify("x".to_owned(), None).await.unwrap());
    }
}
