//! How bad and how many: levels, statuses, summaries, and the shapes in which reports travel.
//! Which state an item has is `patch`'s decision.

pub mod level;

pub use level::{ComplianceLevel, ComplianceStatus};
