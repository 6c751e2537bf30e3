//! State Manager at work: runs started, followed, and what they say of nodes. The operations are in
//! `operations::associations`, what is decided in `domain::association`.
//! Source: systems-manager.md 3. Decision: docs/decisions/0025-associations.md.

pub mod calendars;
pub mod fetched;
mod follow;
mod left;
pub mod runbook;
mod start;
pub mod verdicts;

pub use follow::{count as count_run, follow, follow_command};
pub use left::{leave_unmatched, leave_unmatched_of_group};
pub use start::{Reach, addressed, in_own_words, request, start, timing, write_run};
