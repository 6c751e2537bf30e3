//! Access keys that were used a moment ago, opened: most requests come with the same few.
//! A key that is disabled on any server is refused by all of them once its entry is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use api::Timestamp;
use api::sigv4::{Scope, SigningKey};
use domain::ids::AccountId;

/// How long a disabled key may still be taken.
const LIFETIME_MS: i64 = 5_000;
/// A server has far fewer callers than this; past it, the cache starts over.
const MOST_KEYS: usize = 1024;

/// Scopes that one key is used for at a time: a day, a few regions, a few services.
const MOST_SCOPES: usize = 16;

/// An enabled access key with its secret.
pub struct OpenKey {
    pub account: AccountId,
    pub principal_arn: String,
    secret: String,
    /// What the secret was narrowed to. Gone with the entry, so that a disabled key leaves nothing.
    narrowed: Mutex<Vec<(Scope, SigningKey)>>,
}

impl OpenKey {
    pub fn new(account: AccountId, principal_arn: String, secret: String) -> Self {
        Self { account, principal_arn, secret, narrowed: Mutex::default() }
    }

    /// Deriving one takes four times as long as using it.
    pub fn signing_key(&self, scope: &Scope) -> SigningKey {
        let mut narrowed = self.narrowed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = narrowed.iter().find(|(known, _)| known == scope) {
            return key.clone();
        }
        let key = SigningKey::derive(&self.secret, scope);
        if narrowed.len() >= MOST_SCOPES {
            narrowed.clear();
        }
        narrowed.push((scope.clone(), key.clone()));
        key
    }
}

#[derive(Default)]
pub struct KeyCache {
    keys: RwLock<HashMap<String, (Timestamp, Arc<OpenKey>)>>,
}

impl KeyCache {
    /// `None` also for an entry of the future: the clock was set back.
    pub fn find(&self, access_key_id: &str, now: Timestamp) -> Option<Arc<OpenKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (read_at, key) = keys.get(access_key_id)?;
        (0..LIFETIME_MS).contains(&now.millis_since(*read_at)).then(|| Arc::clone(key))
    }

    pub fn keep(&self, access_key_id: &str, key: OpenKey, now: Timestamp) -> Arc<OpenKey> {
        let key = Arc::new(key);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST_KEYS {
            keys.clear();
        }
        keys.insert(access_key_id.to_owned(), (now, Arc::clone(&key)));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> OpenKey {
        let account = "123456789012".parse().unwrap();
        OpenKey::new(account, "arn".into(), "secret".into())
    }

    #[test]
    fn an_entry_is_over_after_its_time_and_when_the_clock_goes_back() {
        let cache = KeyCache::default();
        let at = Timestamp::from_seconds(1000);
        assert!(cache.find("AKIA", at).is_none());
        cache.keep("AKIA", key(), at);
        assert!(
            cache.find("AKIA", at.plus_millis(LIFETIME_MS - 1)).is_some_and(|found| found.secret == "secret")
        );
        assert!(cache.find("AKIA", at.plus_millis(LIFETIME_MS)).is_none());
        assert!(cache.find("AKIA", at.plus_millis(-1)).is_none());
        assert!(cache.find("AKIB", at).is_none());
    }

    #[test]
    fn a_narrowed_key_is_the_one_of_its_scope() {
        let key = key();
        for day in 0..2 * MOST_SCOPES as i64 {
            let scope = Scope::new(Timestamp::from_seconds(day * 86_400), "eu-west-1", "ssm");
            let expected = SigningKey::derive("secret", &scope).signature("text");
            assert_eq!(key.signing_key(&scope).signature("text"), expected);
            assert_eq!(key.signing_key(&scope).signature("text"), expected, "again");
            assert!(key.narrowed.lock().unwrap().len() <= MOST_SCOPES);
        }
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let cache = KeyCache::default();
        for n in 0..3 * MOST_KEYS {
            cache.keep(&n.to_string(), key(), Timestamp::EPOCH);
        }
        assert!(cache.keys.read().unwrap().len() <= MOST_KEYS);
    }
}
