//! Judging packages: versions, candidates, verdicts. Facts come from outside, rules from `baseline`.

mod apt;
pub mod evaluate;
mod failed;
pub mod failure;
pub mod override_list;
pub mod state;
pub mod suite;
pub mod transaction;
pub mod verdict;
pub mod version_deb;
pub mod version_rpm;
pub mod wanted;

pub use evaluate::{
    Conditions, EvaluateError, Evaluation, InstalledPackage, PatchCounts, PendingScope, evaluate,
};
pub use failure::{Failure, FailureCode};
pub use state::PatchState;
pub use verdict::{Candidate, Decision, HiddenFix, HiddenFixCause, NotApproved, Restriction, Verdict};
pub use wanted::{limits, wanted};

#[cfg(test)]
mod tests;
