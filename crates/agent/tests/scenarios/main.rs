//! Whole patch runs on nodes of each distribution: the built agent, as a command starts it, the distribution's own package
//! manager on a root made on the spot, and what the agent reports. One file for each distribution; what a machine lacks skips
//! a test with a line that says so, and fails it where `FETTLE_REQUIRE_BEDS=1`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod alpine;
mod amazon;
mod arch;
mod bed;
mod crashes;
mod debian;
#[path = "../apt/killing.rs"]
mod killing;
mod node;
mod rhel;
mod server;
mod suse;
mod ubuntu;
