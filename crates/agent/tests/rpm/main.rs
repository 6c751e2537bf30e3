//! The readers of rpm nodes against the real rpm, dnf and zypper: every answer must be the same.
//! What a machine lacks skips a test with a line that says so, and fails it under `FETTLE_REQUIRE_BEDS=1`.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bed;
mod dnf;
mod made_up;
mod oracle;
mod pool;
mod random_nodes;
mod random_zypper;
mod yum;
mod zypper;
mod zypper_cases;
mod zypper_nodes;
