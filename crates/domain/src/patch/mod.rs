//! Judging packages: versions, candidates, verdicts. Facts come from outside, rules from `baseline`.

mod apt;
pub mod evaluate;
pub mod failure;
pub mod state;
pub mod suite;
pub mod transaction;
pub mod verdict;
pub mod version_deb;

pub use evaluate::{
    Conditions, EvaluateError, Evaluation, InstalledPackage, PatchCounts, PendingScope, evaluate,
};
pub use failure::{Failure, FailureCode};
pub use state::PatchState;
pub use verdict::{Candidate, Decision, HiddenFix, HiddenFixCause, NotApproved, Restriction, Verdict};

#[cfg(test)]
mod tests;
