//! The time by which a server goes: the machine's, or a simulation's.

use std::time::{SystemTime, UNIX_EPOCH};

use api::Timestamp;

#[derive(Default)]
pub enum Clock {
    #[default]
    Machine,
    #[cfg(any(test, feature = "testing"))]
    Simulated(Box<dyn Fn() -> Timestamp + Send + Sync>),
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Machine => machine_time(),
            #[cfg(any(test, feature = "testing"))]
            Self::Simulated(now) => now(),
        }
    }
}

pub fn machine_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
