//! For how long rows are kept where the operator may choose, and how far the walk over old ones came.

use std::sync::atomic::{AtomicI64, Ordering};

use api::Timestamp;

pub const COMMANDS_DAYS: u32 = 30;

#[derive(Debug)]
pub struct Retention {
    pub commands_days: u32,
    /// `None`: for good.
    pub reports_days: Option<u32>,
    facts_walked_to: AtomicI64,
}

impl Default for Retention {
    fn default() -> Self {
        Self::new(COMMANDS_DAYS, None)
    }
}

impl Retention {
    pub fn new(commands_days: u32, reports_days: Option<u32>) -> Self {
        Self { commands_days, reports_days, facts_walked_to: AtomicI64::new(0) }
    }

    pub fn facts_walked_to(&self) -> Timestamp {
        Timestamp::from_millis(self.facts_walked_to.load(Ordering::Relaxed))
    }

    pub fn facts_walk_to(&self, to: Timestamp) {
        self.facts_walked_to.store(to.as_millis(), Ordering::Relaxed);
    }
}
