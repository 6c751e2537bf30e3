//! End-to-end tests: a real server, a real agent, the public API only.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says what it did not cover"
)]

mod advisories;
mod association;
mod authentication;
mod bad_input;
mod downloads;
mod ephemeral;
mod faults;
mod harness;
mod hooks;
mod install;
mod limits;
mod operations;
mod overrides;
mod own_documents;
mod patch_now;
mod plan_and_undo;
mod quick_setup;
mod reboot_at;
mod resource_groups;
mod restart;
mod routes;
mod runbooks;
mod scan;
mod sign_in;
mod snapshots;
mod state_manager;
mod takeover;
mod tls;
mod up;
mod windows;
