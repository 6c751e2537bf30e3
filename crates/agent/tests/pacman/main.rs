//! pacman: our reading of a node held against pacman's own answers, and transactions through the real tool on roots made on
//! the spot. What a machine lacks skips a test with a line that says so, and fails it where `FETTLE_REQUIRE_BEDS=1`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bed;
mod crashes;
mod random_nodes;
mod transactions;
