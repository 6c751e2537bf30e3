//! Judging packages and updates: versions, candidates, verdicts. Facts come from outside, rules from `baseline`.

mod approve;
mod apt;
mod counts;
pub mod effective;
pub mod evaluate;
pub mod execution;
mod failed;
pub mod failure;
mod item;
mod macos;
mod names;
pub mod offered;
pub mod override_list;
mod plain;
pub mod preview;
mod rpm;
pub mod state;
pub mod suite;
mod table;
pub mod transaction;
pub mod transaction_wire;
pub mod verdict;
pub mod version_apk;
pub mod version_deb;
pub mod version_pacman;
pub mod version_rpm;
pub mod wanted;
pub mod way_back;
mod way_back_wire;
mod windows;
mod words;

pub use counts::PatchCounts;
pub use evaluate::{Conditions, EvaluateError, Evaluation, InstalledPackage, PendingScope, evaluate};
pub use failed::HalfDone;
pub use failure::{Failure, FailureCode};
pub use names::names_advisory;
pub use state::PatchState;
pub use verdict::{
    Candidate, DateSource, Dated, Decision, HiddenFix, HiddenFixCause, NotApproved, Restriction, Upcoming,
    Verdict, is_security_classification,
};
pub use wanted::{limits, wanted};
pub use windows::{item_id as update_item_id, patch_set as update_patch_set};

#[cfg(test)]
mod tests;
