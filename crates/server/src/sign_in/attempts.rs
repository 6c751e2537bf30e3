//! How often somebody may try: failed attempts by name and by address, in a table of fixed size. Several share a place by
//! chance, and which do is nobody's to choose, so that a flood of names pushes nothing out.
//! In memory: each server counts what comes to it.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use api::Timestamp;
use api::fettle::ErrorCode;

use crate::error::ApiError;

const PLACES: usize = 4096;
/// Counting begins anew after so long.
pub const WINDOW_SECONDS: i64 = 5 * 60;
/// With the name of one user.
pub const BY_NAME: u32 = 10;
/// From one address, behind which many may be.
pub const BY_ADDRESS: u32 = 100;

pub struct Attempts {
    places: Mutex<Vec<Place>>,
    hashing: RandomState,
}

#[derive(Clone, Copy)]
struct Place {
    began_at: Timestamp,
    count: u32,
}

impl Default for Attempts {
    fn default() -> Self {
        let empty = Place { began_at: Timestamp::EPOCH, count: 0 };
        Self { places: Mutex::new(vec![empty; PLACES]), hashing: RandomState::new() }
    }
}

impl Attempts {
    /// Counts an attempt before it is made, so that many at once are as many.
    pub fn begin(&self, subject: &impl Hash, most: u32, now: Timestamp) -> Result<(), ApiError> {
        self.with(subject, |place| {
            // Also where the clock was set back.
            if !(0..WINDOW_SECONDS * 1000).contains(&now.millis_since(place.began_at)) {
                *place = Place { began_at: now, count: 0 };
            }
            if place.count >= most {
                return Err(throttled(WINDOW_SECONDS - now.millis_since(place.began_at) / 1000));
            }
            place.count += 1;
            Ok(())
        })
    }

    /// It was the right one: it counts for nothing.
    pub fn give_back(&self, subject: &impl Hash) {
        self.with(subject, |place| place.count = place.count.saturating_sub(1));
    }

    fn with<T>(&self, subject: &impl Hash, act: impl FnOnce(&mut Place) -> T) -> T {
        let number = self.hashing.hash_one(subject) % PLACES as u64;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(number).expect("below the number of places");
        act(&mut places[place])
    }
}

pub fn throttled(seconds: i64) -> ApiError {
    let message = format!("too many attempts: wait {seconds} seconds");
    ApiError::new(ErrorCode::ThrottlingException, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_end_and_begin_again() {
        let attempts = Attempts::default();
        let at = Timestamp::from_seconds(1_000_000);
        for _ in 0..3 {
            attempts.begin(&"ann", 3, at).unwrap();
        }
        let refused = attempts.begin(&"ann", 3, at.plus_seconds(60)).unwrap_err();
        assert_eq!(refused.message, "too many attempts: wait 240 seconds");
        attempts.begin(&"ann", 3, at.plus_seconds(WINDOW_SECONDS)).unwrap();
        attempts.begin(&"ann", 3, at).unwrap();
    }

    #[test]
    fn what_was_right_counts_for_nothing() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            attempts.begin(&"ann", 1, Timestamp::EPOCH).unwrap();
            attempts.give_back(&"ann");
        }
        attempts.give_back(&"ann");
        attempts.begin(&"ann", 1, Timestamp::EPOCH).unwrap();
        assert!(attempts.begin(&"ann", 1, Timestamp::EPOCH).is_err());
    }

    #[test]
    fn it_does_not_grow() {
        let attempts = Attempts::default();
        for number in 0..3 * PLACES {
            let _ = attempts.begin(&number, 1_000, Timestamp::EPOCH);
        }
        assert_eq!(attempts.places.lock().unwrap().len(), PLACES);
    }
}
