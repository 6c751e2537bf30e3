//! State Manager: when an association runs, what its settings must agree on, and what its targets' states add up to.
//! Which nodes are addressed is `target`'s, how many at once `rollout`'s, what a target goes through `command`'s.
//! Source: spec systems-manager 3.

mod rules;
mod standing;
mod timing;

pub use crate::command::Tally as Counts;
pub use rules::{Kind, RuleError, Rules};
pub use standing::{ExecutionStatus, Overview, TargetStatus, count_text};
pub use timing::{OnlyAtInterval, Timing};
