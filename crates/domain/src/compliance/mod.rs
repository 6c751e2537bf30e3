//! How bad and how many: levels, statuses, summaries, and the shapes in which reports travel.
//! Which state an item has is `patch`'s decision.

pub mod level;
pub mod report;
mod summary;

pub use level::{ComplianceLevel, ComplianceStatus};
pub use report::{PatchItem, PatchReport, PatchSummary};
pub use summary::SeverityCounts;
